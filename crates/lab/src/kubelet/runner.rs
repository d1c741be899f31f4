//! One pod from binding to removal.
//!
//! ```text
//! image unknown ──► ImagePullBackOff ─────────────────────────────┐
//! image known ──► start ──► running, probed ──► ended ──► back-off ┤──► removed
//!                   ▲                                   │          │
//!                   └───────────────────────────────────┘          │
//!              a wish to end: SIGTERM, grace, SIGKILL ─────────────┘
//! ```

use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use apiserver::resource::rows;
use apiserver::store::{DeleteOptions, Key, Store};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_openapi::api::core::v1::{Container, Pod};
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::backoff::Backoff;
use super::environment::{self, Lookup, Place};
use super::image::Image;
use super::probing::{Probes, Verdict};
use super::process::{Answers, Ending, Process, Said};
use super::status::{State, Terminated, View};
use super::{Kubelet, Wish, command};
use crate::controllers::now;
use crate::mesh::Attachment;
use crate::network::service_address;
use crate::objects;
use crate::pod::link::{FromPod, ToPod};
use crate::store::Backend;

/// Runs one pod.
pub(super) struct Runner {
    kubelet: Arc<Kubelet>,
    pod: Pod,
    key: Key,
    wishes: watch::Receiver<Wish>,
    view: View,
}

/// Why a run of the container ended.
enum Outcome {
    /// By itself, or by its liveness probe.
    Ended(Ending),
    /// As wished; the pod is to be removed.
    Wished,
}

impl Runner {
    pub(super) fn new(kubelet: Arc<Kubelet>, pod: Pod, wishes: watch::Receiver<Wish>) -> Self {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let view = View {
            container: container(&pod).name.clone(),
            image: container(&pod).image.clone().unwrap_or_default(),
            state: State::Waiting("ContainerCreating", String::new()),
            last: None,
            restarts: 0,
            ready: false,
            ready_since: now(),
            injected: kubelet.mesh.injects(&kubelet.store, &pod),
            pod_ip: None,
            host_ip: kubelet.node_address(&pod),
            since: now(),
        };
        Self {
            key: Key::new(&rows::PODS, namespace, name),
            kubelet,
            pod,
            wishes,
            view,
        }
    }

    /// Runs the pod to its end and removes its object.
    pub(super) async fn run(mut self) {
        match Image::of(&self.view.image) {
            None => self.cannot_pull().await,
            Some(image) => {
                self.view.pod_ip = Some(self.kubelet.addresses.next_pod());
                self.keep_running(image).await;
            }
        }
        let _ = fs::remove_dir_all(self.scratch());
        remove(&self.kubelet.store, &self.pod);
    }

    async fn cannot_pull(&mut self) {
        let image = &self.view.image;
        let message = format!("Back-off pulling image \"{image}\": the lab has no such image");
        self.view.state = State::Waiting("ImagePullBackOff", message);
        self.publish();
        self.wished_to_end().await;
    }

    async fn keep_running(&mut self, image: Image) {
        let attachment = self
            .kubelet
            .mesh
            .attach(&self.kubelet.facts, &self.pod, self.view.pod_ip);
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            match self.run_once(image, &attachment).await {
                Ok(Outcome::Wished) => return,
                Ok(Outcome::Ended(ending)) => self.note_end(ending),
                Err(error) => {
                    tracing::error!(pod = self.key.name, "cannot run: {error:#}");
                    self.view.state = State::Waiting("CreateContainerError", format!("{error:#}"));
                }
            }
            attachment.set_application(None);
            let pause = backoff.pause(started.elapsed());
            if !pause.is_zero() && matches!(self.view.state, State::Terminated(_)) {
                let message = format!("back-off {}s restarting failed container", pause.as_secs());
                self.view.state = State::Waiting("CrashLoopBackOff", message);
            }
            self.publish();
            tokio::select! {
                () = tokio::time::sleep(pause) => self.view.restarts += 1,
                () = self.wished_to_end() => return,
            }
        }
    }

    async fn run_once(&mut self, image: Image, attachment: &Attachment) -> Result<Outcome> {
        if let (Image::Redis, Backend::External(address)) = (image, &self.kubelet.backend) {
            attachment.set_application(Some(*address));
            return Ok(self.run_without_process().await);
        }
        if image == Image::Proxy {
            return Ok(self.run_without_process().await);
        }
        let started = self.start(image)?;
        self.kubelet.leftovers.note(started.0.leader());
        Ok(self.attend(image, started, attachment).await)
    }

    /// A gateway is a task of the lab, an external store somebody else's process.
    async fn run_without_process(&mut self) -> Outcome {
        self.view.state = State::Running { since: now() };
        self.set_ready(true);
        self.wished_to_end().await;
        Outcome::Wished
    }

    fn start(&self, image: Image) -> Result<(Process, Said, Answers)> {
        let kubelet = &self.kubelet;
        let volume = command::volume(&self.pod, &kubelet.state.path("volumes"), self.scratch());
        let port = if image == Image::Redis {
            kubelet.redis_port()
        } else {
            0
        };
        let container = container(&self.pod);
        let arguments = command::arguments(image, container, &kubelet.backend, port, &volume)
            .context("this image is no process")?;
        if image == Image::Redis {
            fs::create_dir_all(&volume)
                .with_context(|| format!("cannot make the volume {}", volume.display()))?;
        }
        let place = Place {
            pod_ip: self
                .view
                .pod_ip
                .context("a pod has an address before it starts")?,
            host_ip: self.view.host_ip,
            api: service_address(kubelet.facts.number),
        };
        let lookup = Objects {
            store: &kubelet.store,
            namespace: &self.key.namespace,
        };
        let mut variables = environment::environment(&self.pod, container, &place, &lookup)
            .map_err(anyhow::Error::msg)?;
        variables.retain(|name, _| !command::is_of_the_image(name));
        if image == Image::Service("api-gateway") {
            // Stands for the service account's token and the remote Secret, which need https.
            let kubeconfig = kubelet.state.path("kubeconfig").display().to_string();
            variables.insert("KUBECONFIG".to_owned(), kubeconfig);
        }
        let log =
            self.key.namespace.clone() + "_" + &self.key.name + "_" + &container.name + ".log";
        let log = kubelet.state.path("logs").join(log);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        Process::start(&kubelet.program, &arguments, &variables, log)
            .context("cannot start the container's process")
    }

    /// Answers and probes a process until it ends or is wished to.
    async fn attend(
        &mut self,
        image: Image,
        (mut process, mut said, mut answers): (Process, Said, Answers),
        attachment: &Attachment,
    ) -> Outcome {
        self.view.state = State::Running { since: now() };
        self.set_ready(false);
        let (verdicts, mut found) = mpsc::channel(8);
        let mut probing = None;
        let mut link_open = true;
        loop {
            tokio::select! {
                ending = process.wait() => return Outcome::Ended(ending),
                message = said.next(), if link_open => match message {
                    None => link_open = false,
                    Some(FromPod::Listening(application)) => {
                        self.application_is_up(image, application, attachment);
                        let probes = Probes::of(container(&self.pod));
                        let task = tokio::spawn(probes.run(application, verdicts.clone()));
                        probing = Some(AbortOnDropHandle::new(task));
                    }
                    Some(FromPod::Resolve { id, name, port }) => {
                        let address = attachment.resolve(&name, port);
                        answers.send(&ToPod::Resolved { id, address }).await;
                    }
                },
                Some(verdict) = found.recv() => match verdict {
                    Verdict::Ready => self.set_ready(true),
                    Verdict::NotReady => self.set_ready(false),
                    Verdict::Unhealthy => {
                        drop(probing.take());
                        tracing::warn!(pod = self.key.name, "liveness probe failed: starting again");
                        end(&mut process, Duration::from_secs(30)).await;
                        return Outcome::Ended(process.wait().await);
                    }
                },
                grace = grace(&mut self.wishes) => {
                    drop(probing.take());
                    // Nobody sends it anything any more when it is told to end.
                    let _ = tokio::time::timeout(grace, self.kubelet.mesh.settled()).await;
                    end(&mut process, grace).await;
                    return Outcome::Wished;
                }
            }
        }
    }

    fn application_is_up(&self, image: Image, application: SocketAddr, attachment: &Attachment) {
        attachment.set_application(Some(application));
        if image == Image::Redis {
            self.kubelet.note_redis(application);
        }
    }

    fn note_end(&mut self, ending: Ending) {
        let started = match &self.view.state {
            State::Running { since } => since.clone(),
            _ => now(),
        };
        let end = Terminated {
            code: ending.code,
            reason: ending.reason(),
            started,
            finished: now(),
        };
        tracing::warn!(pod = self.key.name, code = ending.code, "container ended");
        self.view.last = Some(end.clone());
        self.view.state = State::Terminated(end);
        self.view.ready = false;
        self.view.ready_since = now();
    }

    fn set_ready(&mut self, ready: bool) {
        if self.view.ready != ready {
            self.view.ready_since = now();
        }
        self.view.ready = ready;
        self.publish();
    }

    /// A folder that lives as long as the pod.
    fn scratch(&self) -> PathBuf {
        let folder = format!("scratch_{}_{}", self.key.namespace, self.key.name);
        self.kubelet.state.path("volumes").join(folder)
    }

    fn publish(&self) {
        objects::set_status(&self.kubelet.store, &self.key, &self.view.status());
    }

    async fn wished_to_end(&mut self) {
        grace(&mut self.wishes).await;
    }
}

impl Kubelet {
    fn node_address(&self, pod: &Pod) -> std::net::Ipv4Addr {
        let name = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.node_name.clone())
            .unwrap_or_default();
        let node = self.store.get(&Key::new(&rows::NODES, "", name)).ok();
        let address = node.and_then(|node| {
            node["status"]["addresses"][0]["address"]
                .as_str()?
                .parse()
                .ok()
        });
        address.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED)
    }
}

/// Removes the object of a pod that has ended.
pub(super) fn remove(store: &Store, pod: &Pod) {
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let key = Key::new(
        &rows::PODS,
        namespace,
        pod.metadata.name.clone().unwrap_or_default(),
    );
    let removal = DeleteOptions {
        grace_period_seconds: Some(0),
        uid: pod.metadata.uid.clone(),
        ..DeleteOptions::default()
    };
    let _ = store.delete(&key, &removal);
}

/// Resolves when the pod is to end, with the time it may take.
async fn grace(wishes: &mut watch::Receiver<Wish>) -> Duration {
    match wishes.wait_for(|wish| *wish != Wish::Run).await.as_deref() {
        Ok(Wish::End(grace)) => *grace,
        _ => Duration::ZERO,
    }
}

/// SIGTERM, the grace period, SIGKILL.
async fn end(process: &mut Process, grace: Duration) {
    if !grace.is_zero() {
        process.terminate();
        let _ = tokio::time::timeout(grace, process.wait()).await;
    }
    process.kill();
    process.wait().await;
}

/// The application's container: the first one.
fn container(pod: &Pod) -> &Container {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice());
    containers
        .and_then(<[_]>::first)
        .expect("the API refuses a pod without containers")
}

/// ConfigMaps and Secrets of one namespace.
struct Objects<'a> {
    store: &'a Store,
    namespace: &'a str,
}

impl Lookup for Objects<'_> {
    fn config_map(&self, name: &str, key: &str) -> Option<String> {
        let map = self
            .store
            .get(&Key::new(&rows::CONFIG_MAPS, self.namespace, name))
            .ok()?;
        map["data"][key].as_str().map(str::to_owned)
    }

    fn secret(&self, name: &str, key: &str) -> Option<String> {
        let secret = self
            .store
            .get(&Key::new(&rows::SECRETS, self.namespace, name))
            .ok()?;
        let decoded = BASE64.decode(secret["data"][key].as_str()?).ok()?;
        String::from_utf8(decoded).ok()
    }
}
