//! One pod as everything of its kubelet shares it: its containers' tasks, and requests of clients.

mod data;
mod running;
mod telling;

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use apiserver::resource::rows;
use apiserver::store::{DeleteOptions, Key, Part, Store};
use k8s_openapi::api::core::v1::{Container, Pod};
use serde_json::Value;
use tokio::sync::watch;

use self::running::Running;
use super::Kubelet;
use super::definition::{self, Definition};
use super::environment::Place;
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

    /// A container by its name, as it is defined now.
    pub(super) fn container(&self, name: &str) -> Option<Container> {
        let container = all_containers(&self.pod).find(|container| container.name == name)?;
        Some(definition::defined(&self.definition(), container))
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
