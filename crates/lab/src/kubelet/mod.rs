//! The kubelet of one cluster: pods bound to a node become processes.

mod api;
mod attend;
mod backoff;
mod claims;
mod container;
mod definition;
mod downward;
mod environment;
mod figures;
mod folders;
mod image;
mod log;
mod memory;
pub(crate) mod node;
mod pod;
mod probe;
mod probing;
mod process;
mod program;
mod runner;
mod shell;
mod start;
mod status;
mod usage;
mod volumes;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use apiserver::resource::rows;
use apiserver::store::Store;
use futures_util::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::controllers::scheduler::node_of;
use crate::events::Recorder;
use crate::facts::Facts;
use crate::mesh::Mesh;
use crate::network::Addresses;
use crate::objects;
use crate::state::{Leftovers, Ports, StateDir};
use crate::store::Backend;
pub(crate) use figures::machine_memory;
use pod::PodRun;
use usage::Usage;

/// What the kubelets of a cluster are given.
pub struct Settings {
    /// The cluster.
    pub facts: Facts,
    /// Its objects.
    pub store: Store,
    /// Its events.
    pub events: Recorder,
    /// Its addresses.
    pub addresses: Arc<Addresses>,
    /// The mesh both clusters share.
    pub mesh: Arc<Mesh>,
    /// Where logs and volumes are.
    pub state: Arc<StateDir>,
    /// Where process groups are noted.
    pub leftovers: Arc<Leftovers>,
    /// This binary, which can be any of the course's images.
    pub program: PathBuf,
    /// What stands for the redis image.
    pub backend: Backend,
    /// Ports to prefer; the store's is noted here.
    pub ports: Arc<Mutex<Ports>>,
}

/// The kubelets of one cluster's nodes.
pub struct Kubelet {
    settings: Settings,
    usage: Usage,
    /// Pods that run here, by uid.
    pods: Mutex<HashMap<String, Arc<PodRun>>>,
}

impl std::ops::Deref for Kubelet {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

/// What the kubelet wants of a running pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Keep it running.
    #[default]
    Run,
    /// End it within this time, then remove the object.
    End(Duration),
    /// The object is gone: end it now.
    Gone,
}

impl Kubelet {
    /// Kubelets that have nothing to run yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            usage: Usage::default(),
            pods: Mutex::default(),
        }
    }

    /// Runs the cluster's pods and measures them; never ends. Dropping it ends every pod.
    pub async fn run(self: Arc<Self>) {
        let measuring = self.usage.run(|| self.pods());
        let pods = Arc::clone(&self).follow_pods();
        tokio::join!(pods, self.follow_volumes(), self.keep_nodes(), measuring);
    }

    async fn follow_pods(self: Arc<Self>) {
        let changes = self.store.subscribe(&[&rows::PODS]);
        let mut runners: HashMap<String, watch::Sender<Wish>> = HashMap::new();
        let mut tasks: JoinSet<String> = JoinSet::new();
        loop {
            self.follow(&mut runners, &mut tasks);
            tokio::select! {
                () = changes.changed() => {}
                Some(ended) = tasks.join_next() => {
                    if let Ok(uid) = ended {
                        runners.remove(&uid);
                        self.by_uid().remove(&uid);
                    }
                }
            }
        }
    }

    fn redis_port(&self) -> u16 {
        self.known_ports().get("redis")
    }

    fn note_redis(&self, application: SocketAddr) {
        if let Err(error) = self
            .known_ports()
            .set(&self.state, "redis", application.port())
        {
            tracing::warn!("the store's port is not remembered: {error:#}");
        }
    }

    fn known_ports(&self) -> MutexGuard<'_, Ports> {
        self.ports.lock().expect("no holder of this lock panics")
    }

    fn pods(&self) -> Vec<Arc<PodRun>> {
        self.by_uid().values().cloned().collect()
    }

    fn running_as(&self, uid: &str) -> Option<Arc<PodRun>> {
        self.by_uid().get(uid).cloned()
    }

    fn by_uid(&self) -> MutexGuard<'_, HashMap<String, Arc<PodRun>>> {
        self.pods.lock().expect("no holder of this lock panics")
    }

    fn follow(
        self: &Arc<Self>,
        runners: &mut HashMap<String, watch::Sender<Wish>>,
        tasks: &mut JoinSet<String>,
    ) {
        let pods: Vec<Pod> = objects::list(&self.store, &rows::PODS);
        let mut seen: HashMap<String, Wish> = HashMap::new();
        for pod in pods.into_iter().filter(|pod| node_of(pod).is_some()) {
            let uid = pod.metadata.uid.clone().unwrap_or_default();
            let wish = wish_of(&pod);
            seen.insert(uid.clone(), wish);
            if !runners.contains_key(&uid) && wish != Wish::Run {
                // It ended already; a finalizer of somebody else may still hold the object.
                pod::remove(&self.store, &pod);
            } else if let Some(running) = self.running_as(&uid) {
                running.redefine(&pod);
            } else if !runners.contains_key(&uid) {
                let (sender, wishes) = watch::channel(wish);
                let pod = PodRun::new(Arc::clone(self), pod);
                self.by_uid().insert(uid.clone(), Arc::clone(&pod));
                runners.insert(uid.clone(), sender);
                tasks.spawn(async move {
                    let run = AssertUnwindSafe(runner::run(Arc::clone(&pod), wishes));
                    // A defect met by one pod must not take the others' kubelet away.
                    if run.catch_unwind().await.is_err() {
                        tracing::error!(
                            pod = pod.key.name,
                            "the pod's task panicked; it is begun anew"
                        );
                    }
                    uid
                });
            }
        }
        for (uid, sender) in runners {
            let wish = seen.get(uid).copied().unwrap_or(Wish::Gone);
            sender.send_if_modified(|current| {
                let changed = *current != wish;
                *current = wish;
                changed
            });
        }
    }
}

fn wish_of(pod: &Pod) -> Wish {
    match pod.metadata.deletion_timestamp {
        None => Wish::Run,
        Some(_) => {
            let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or(30);
            Wish::End(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
        }
    }
}
