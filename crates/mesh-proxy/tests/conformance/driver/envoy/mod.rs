//! A real Envoy that obeys what a real istiod made of a case's objects.
//!
//! One process serves every case: a listener and a route table for each, clusters by names of their
//! own. Rules that change come from files that change. Where pods have sidecars, a second process is those.

mod config;
mod process;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{Scene, Sidecar};
use config::{CLUSTERS, clusters_file, namespace, route_table, routes_file};
use process::{Files, Process};

/// A listener of the client's Envoy, for one case.
pub(crate) struct Envoy {
    process: Arc<Process>,
    address: SocketAddr,
    /// The case's name in it.
    namespace: String,
    /// Where the client's Envoy reaches each pod.
    endpoints: Endpoints,
    /// The clusters of every case that changes rules, as they are obeyed.
    changing: Arc<Mutex<Clusters>>,
    /// Held: the pods' sidecars.
    _inbound: Option<Arc<Process>>,
}

/// Name of a pod → where the client's sidecar reaches it.
type Endpoints = BTreeMap<String, SocketAddr>;
/// Namespace of a case → its clusters.
type Clusters = BTreeMap<String, Vec<Value>>;

/// Starts the sidecars of all cases.
pub(crate) async fn start(scenes: &[Scene<'_>]) -> Vec<Envoy> {
    let inbound = pod_sides(scenes).await;
    let endpoints = scenes
        .iter()
        .map(|scene| endpoints(scene, inbound.as_deref()));
    let endpoints: Vec<_> = endpoints.collect();
    let (files, mut listeners, mut fixed) = (Files::new(), Vec::new(), Vec::new());
    let mut changing = Clusters::new();
    for (scene, endpoints) in scenes.iter().zip(&endpoints) {
        let own = config::clusters(scene, endpoints);
        if scene.case.changes_rules() {
            let name = namespace(scene.case);
            files.write(&format!("{name}.json"), &routes_file(&route_table(scene)));
            changing.insert(name, own);
        } else {
            fixed.extend(own);
        }
        listeners.push(config::outbound(scene, files.folder()));
    }
    if !changing.is_empty() {
        files.write(CLUSTERS, &clusters_file(changing.values().flatten()));
    }
    let process = Arc::new(Process::start(&listeners, &fixed, files).await);
    let changing = Arc::new(Mutex::new(changing));
    let sidecar = |(scene, endpoints): (&Scene<'_>, Endpoints)| Envoy {
        address: process.address(&namespace(scene.case)),
        process: process.clone(),
        namespace: namespace(scene.case),
        endpoints,
        changing: changing.clone(),
        _inbound: inbound.clone(),
    };
    scenes.iter().zip(endpoints).map(sidecar).collect()
}

/// The sidecars of pods, in cases that have them.
async fn pod_sides(scenes: &[Scene<'_>]) -> Option<Arc<Process>> {
    let (mut listeners, mut clusters) = (Vec::new(), Vec::new());
    for scene in scenes.iter().filter(|scene| scene.case.sidecars) {
        for (name, pod) in &scene.pods {
            let name = inbound_name(scene, name);
            listeners.push(config::inbound(&name));
            clusters.push(config::inbound_cluster(&name, scene, pod.address));
        }
    }
    if clusters.is_empty() {
        return None;
    }
    let process = Process::start(&listeners, &clusters, Files::new());
    Some(Arc::new(process.await))
}

fn inbound_name(scene: &Scene<'_>, pod: &str) -> String {
    format!("{}-{pod}", namespace(scene.case))
}

fn endpoints(scene: &Scene<'_>, inbound: Option<&Process>) -> Endpoints {
    let before = inbound.filter(|_| scene.case.sidecars);
    let pods = scene.pods.iter();
    pods.map(|(name, pod)| {
        let sidecar = before.map(|process| process.address(&inbound_name(scene, name)));
        (name.clone(), sidecar.unwrap_or(pod.address))
    })
    .collect()
}

impl Sidecar for Envoy {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn apply(&self, scene: &Scene<'_>) {
        let before = self.process.updates(&self.namespace).await;
        let all = {
            let mut changing = self.changing.lock().unwrap();
            let own = config::clusters(scene, &self.endpoints);
            changing.insert(self.namespace.clone(), own);
            clusters_file(changing.values().flatten())
        };
        let files = self.process.files();
        files.write(CLUSTERS, &all);
        let routes = routes_file(&route_table(scene));
        files.write(&format!("{}.json", self.namespace), &routes);
        self.process.updated(&self.namespace, before).await;
    }

    async fn admin(&self, path: &str) -> String {
        self.process.admin(path).await
    }

    fn address_of(&self, pod: &str) -> SocketAddr {
        self.endpoints[pod]
    }

    fn log(&self) -> Vec<String> {
        self.process.read_log(&self.namespace)
    }
}
