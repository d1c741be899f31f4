//! One pod as everything of its kubelet shares it: its containers' tasks, and requests of clients.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use apiserver::resource::rows;
use apiserver::store::{DeleteOptions, Key, Part, Store};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::env::Env;
use k8s_openapi::api::core::v1::{Container, Pod};
use rustix::process::Pid;
use serde_json::Value;
use tokio::sync::watch;

use super::Kubelet;
use super::definition::{self, Definition};
use super::environment::{Data, Holder, Lookup, Place};
use super::folders;
use super::log::ContainerLogs;
use super::status::View;
use super::volumes::Volumes;
use crate::controllers::now;
use crate::events::{Reference, Reporter};
use crate::facts::THEATER;
use crate::mesh::Attachment;
use crate::network::service_address;
use crate::objects;

/// Kubernetes' reason and words for a pod that was active longer than it may.
const OVERDUE: (&str, &str) = (
    "DeadlineExceeded",
    "Pod was active on the node longer than the specified deadline",
);

/// One pod that the kubelet runs.
pub(super) struct PodRun {
    pub kubelet: Arc<Kubelet>,
    pub pod: Pod,
    pub key: Key,
    pub place: Place,
    pub attachment: Attachment,
    /// Logs by container.
    pub logs: BTreeMap<String, ContainerLogs>,
    /// Volumes made of objects.
    pub volumes: Volumes,
    /// A folder that lives as long as the pod.
    pub scratch: PathBuf,
    reporter: Reporter,
    reference: Reference,
    definition: watch::Sender<Definition>,
    view: Mutex<View>,
    running: Mutex<Running>,
}

/// What runs of it now.
#[derive(Debug, Default)]
struct Running {
    /// The process group of each container that is one.
    processes: BTreeMap<String, Pid>,
    /// What each container's process was told.
    environments: BTreeMap<String, Env>,
    /// Where the first container's application listens.
    application: Option<SocketAddr>,
    /// Ports it listens on in the pod's network.
    ports: Vec<u16>,
}

impl PodRun {
    pub(super) fn new(kubelet: Arc<Kubelet>, pod: Pod) -> Arc<Self> {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let node = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.node_name.clone())
            .unwrap_or_default();
        let place = Place {
            pod_ip: kubelet.addresses.next_pod(),
            host_ip: kubelet.node_address(&node),
            api: service_address(kubelet.facts.number),
        };
        let folder = kubelet
            .state
            .path("logs")
            .join(format!("{namespace}_{name}_{uid}"));
        let logs: BTreeMap<String, ContainerLogs> = all_containers(&pod)
            .map(|it| (it.name.clone(), ContainerLogs::new(&folder, &it.name)))
            .collect();
        let scratch = folders::scratch(&kubelet.state, kubelet.facts.name, &uid);
        let attachment = kubelet.mesh.attach(&kubelet.facts, &pod, place.pod_ip);
        Arc::new(Self {
            key: Key::new(&rows::PODS, namespace, name),
            volumes: Volumes::new(&scratch),
            scratch,
            reporter: kubelet.events.kubelet(node),
            reference: Reference::to(&pod),
            definition: watch::Sender::new(Definition::of(&pod)),
            view: Mutex::new(View::new(&pod, place.pod_ip, place.host_ip, &now())),
            running: Mutex::default(),
            kubelet,
            pod,
            place,
            attachment,
            logs,
        })
    }

    /// The pod's uid.
    pub(super) fn uid(&self) -> &str {
        self.pod.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Takes over what has changed of its definition.
    pub(super) fn redefine(&self, pod: &Pod) {
        let new = Definition::of(pod);
        self.definition.send_if_modified(|old| {
            let changed = *old != new;
            *old = new;
            changed
        });
        let generation = pod.metadata.generation.unwrap_or(1);
        if self.view().generation != generation {
            // Clients that wait for a condition wait for one of this generation.
            self.update(|view| view.generation = generation);
        }
    }

    /// What is defined of it, from now on.
    pub(super) fn definition(&self) -> watch::Receiver<Definition> {
        self.definition.subscribe()
    }

    /// As messages of a kubelet name it.
    pub(super) fn full_name(&self) -> String {
        format!("{}_{}({})", self.key.name, self.key.namespace, self.uid())
    }

    /// Changes what is known, and writes the status.
    pub(super) fn update(&self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.lock().expect("no holder of this lock panics");
        change(&mut view);
        // Under the lock, so that an older status never overwrites a newer one.
        let now = now();
        objects::change(&self.kubelet.store, &self.key, Part::Status, |object| {
            object["status"] = view.status(&object["status"].take(), &now);
        });
    }

    /// It has been active too long, and is to end.
    pub(super) fn exceed_deadline(&self) {
        let (reason, message) = OVERDUE;
        self.tell_of_pod(reason, message);
        self.update(|view| view.failure = Some(OVERDUE));
    }

    /// What is known now.
    pub(super) fn view(&self) -> View {
        self.view
            .lock()
            .expect("no holder of this lock panics")
            .clone()
    }

    /// An event about a container.
    pub(super) fn tell(
        &self,
        container: &Container,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.reporter.normal(&self.part(container), reason, message);
    }

    /// A warning about a container.
    pub(super) fn warn(
        &self,
        container: &Container,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.reporter
            .warning(&self.part(container), reason, message);
    }

    /// An event about the pod.
    pub(super) fn tell_of_pod(&self, reason: &'static str, message: impl Into<String>) {
        self.reporter.normal(&self.reference, reason, message);
    }

    /// A warning about the pod.
    pub(super) fn warn_of_pod(&self, reason: &'static str, message: impl Into<String>) {
        self.reporter.warning(&self.reference, reason, message);
    }

    fn part(&self, container: &Container) -> Reference {
        let init = self
            .pod
            .spec
            .iter()
            .flat_map(|spec| spec.init_containers.iter().flatten());
        let is_init = init.into_iter().any(|it| it.name == container.name);
        let list = if is_init {
            "initContainers"
        } else {
            "containers"
        };
        self.reference
            .clone()
            .at(format!("spec.{list}{{{}}}", container.name))
    }

    /// A container by its name, as it is defined now.
    pub(super) fn container(&self, name: &str) -> Option<Container> {
        let container = all_containers(&self.pod).find(|container| container.name == name)?;
        Some(definition::defined(&self.definition(), container))
    }

    /// Notes the variables that a container is started with; what runs in it later has them too.
    pub(super) fn set_environment(&self, container: &str, variables: &BTreeMap<String, String>) {
        let env = variables.clone().into_iter().collect();
        self.running()
            .environments
            .insert(container.to_owned(), env);
    }

    /// The variables that a container was started with.
    pub(super) fn environment(&self, container: &str) -> Env {
        let running = self.running();
        running
            .environments
            .get(container)
            .cloned()
            .unwrap_or_default()
    }

    /// A container's process group, while it runs.
    pub(super) fn set_process(&self, container: &str, leader: Option<Pid>) {
        let mut running = self.running();
        match leader {
            Some(leader) => running.processes.insert(container.to_owned(), leader),
            None => running.processes.remove(container),
        };
    }

    /// Process groups by container.
    pub(super) fn processes(&self) -> BTreeMap<String, Pid> {
        self.running().processes.clone()
    }

    /// Where the application listens, and on which of the pod's ports; none: it does not run.
    pub(super) fn set_application(&self, application: Option<(SocketAddr, Vec<u16>)>) {
        self.attachment
            .set_application(application.as_ref().map(|(real, _)| *real));
        let mut running = self.running();
        (running.application, running.ports) = match application {
            Some((real, ports)) => (Some(real), ports),
            None => (None, Vec::new()),
        };
    }

    /// The real socket behind a port of the pod, seen from inside it.
    pub(super) fn listener(&self, port: u16) -> Option<SocketAddr> {
        let running = self.running();
        running
            .application
            .filter(|_| running.ports.contains(&port))
    }

    /// The real socket that stands for a name and port in this pod.
    pub(super) fn resolve(&self, name: &str, port: u16) -> Option<SocketAddr> {
        let address: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
        let own = name == "localhost"
            || address.is_some_and(|it| it.is_loopback() || it == IpAddr::V4(self.place.pod_ip));
        if own {
            self.listener(port)
        } else {
            self.attachment.resolve(name, port)
        }
    }

    /// Whether this is the Redis that the theater's services call: other pods of that image are
    /// no business of theirs.
    pub(super) fn is_theaters_store(&self) -> bool {
        let key = Key::new(&rows::SERVICES, THEATER, "redis");
        let service = self.kubelet.store.get(&key).ok();
        self.key.namespace == THEATER && service.is_some_and(|it| selects(&it, &self.pod))
    }

    /// Removes what the pod leaves: its folders and its object.
    pub(super) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.scratch);
        let folder = format!("{}_{}_{}", self.key.namespace, self.key.name, self.uid());
        let _ = fs::remove_dir_all(self.kubelet.state.path("logs").join(folder));
        remove(&self.kubelet.store, &self.pod);
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().expect("no holder of this lock panics")
    }
}

impl Lookup for PodRun {
    fn data(&self, holder: Holder, name: &str) -> Option<Data> {
        let resource = match holder {
            Holder::ConfigMap => &rows::CONFIG_MAPS,
            Holder::Secret => &rows::SECRETS,
        };
        let object = self
            .kubelet
            .store
            .get(&Key::new(resource, &*self.key.namespace, name))
            .ok()?;
        let encoded = |text: &str| BASE64.decode(text).ok();
        let plain = |text: &str| Some(text.as_bytes().to_vec());
        let mut data = match holder {
            Holder::ConfigMap => entries(&object["data"], plain),
            Holder::Secret => entries(&object["data"], encoded),
        };
        data.extend(entries(&object["binaryData"], encoded));
        Some(data)
    }

    fn namespace(&self) -> &str {
        &self.key.namespace
    }
}

fn entries(data: &Value, decode: impl Fn(&str) -> Option<Vec<u8>>) -> Data {
    let entries = data.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), decode(value.as_str()?)?)))
        .collect()
}

/// Whether a Service's selector matches the pod's labels.
fn selects(service: &Value, pod: &Pod) -> bool {
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|selector| {
        let has = |(name, value): (&String, &Value)| {
            labels.get(name).map(String::as_str) == value.as_str()
        };
        !selector.is_empty() && selector.iter().all(has)
    })
}

/// Every container of a pod, those that run first, first.
pub(super) fn all_containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    let spec = pod.spec.as_ref();
    let init = spec
        .into_iter()
        .flat_map(|spec| spec.init_containers.iter().flatten());
    init.chain(spec.into_iter().flat_map(|spec| &spec.containers))
}

/// Removes the object of a pod that has ended.
pub(super) fn remove(store: &Store, pod: &Pod) {
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let name = pod.metadata.name.clone().unwrap_or_default();
    let removal = DeleteOptions {
        grace_period_seconds: Some(0),
        uid: pod.metadata.uid.clone(),
        ..DeleteOptions::default()
    };
    let _ = store.delete(&Key::new(&rows::PODS, namespace, name), &removal);
}

impl Kubelet {
    fn node_address(&self, name: &str) -> Ipv4Addr {
        let node = self.store.get(&Key::new(&rows::NODES, "", name)).ok();
        let address = node.and_then(|node| {
            node["status"]["addresses"][0]["address"]
                .as_str()?
                .parse()
                .ok()
        });
        address.unwrap_or(Ipv4Addr::UNSPECIFIED)
    }
}

/// A name of a run as a runtime gives it.
pub(super) fn container_id() -> String {
    let (high, low) = (uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    format!("containerd://{high}{low}")
}
