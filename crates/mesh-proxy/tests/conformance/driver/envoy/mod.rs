//! A real Envoy that obeys what a real istiod made of a case's objects.
//!
//! One process serves every case: a listener and a route table for each, clusters by names of their
//! own. Changed rules come as changed files. Where pods have sidecars, a second process is those.

mod config;
mod process;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{Cluster, Scene, Sidecar, cluster_name};
use config::{namespace, route_table};
use process::Process;

/// A listener of the client's Envoy, for one case.
pub(crate) struct Envoy {
    process: Arc<Process>,
    address: SocketAddr,
    /// The case's name in it.
    namespace: String,
    /// Where the client's Envoy reaches each pod.
    endpoints: Endpoints,
    /// The clusters of every case, as they are obeyed.
    clusters: Arc<Mutex<Clusters>>,
    /// Held: the pods' sidecars.
    _inbound: Option<Arc<Process>>,
}

/// Name of a pod → where the client's sidecar reaches it.
type Endpoints = BTreeMap<String, SocketAddr>;
/// Namespace of a case → its clusters.
type Clusters = BTreeMap<String, Vec<Value>>;

/// Starts the sidecars of all cases.
pub(crate) async fn start(program: &Path, scenes: &[Scene<'_>]) -> Vec<Envoy> {
    let inbound = pod_sides(program, scenes).await;
    let endpoints: Vec<_> = scenes
        .iter()
        .map(|scene| endpoints(scene, inbound.as_deref()))
        .collect();
    let mut process = Process::new();
    let mut clusters = Clusters::new();
    for (scene, endpoints) in scenes.iter().zip(&endpoints) {
        let name = namespace(scene.case);
        process.write(&format!("{name}.json"), &route_table(scene));
        process
            .listeners
            .push(config::outbound(&name, process.folder()));
        clusters.insert(name, config::clusters(scene, endpoints));
    }
    process.write(
        "clusters.json",
        &config::resources(clusters.values().flatten()),
    );
    process.start(program).await;
    let (process, clusters) = (Arc::new(process), Arc::new(Mutex::new(clusters)));
    let sidecar = |(scene, endpoints): (&Scene<'_>, Endpoints)| Envoy {
        address: process.address(&namespace(scene.case)),
        process: process.clone(),
        namespace: namespace(scene.case),
        endpoints,
        clusters: clusters.clone(),
        _inbound: inbound.clone(),
    };
    scenes.iter().zip(endpoints).map(sidecar).collect()
}

/// The sidecars of pods, in cases that have them.
async fn pod_sides(program: &Path, scenes: &[Scene<'_>]) -> Option<Arc<Process>> {
    let mut process = Process::new();
    let mut clusters = Vec::new();
    for scene in scenes.iter().filter(|scene| scene.case.sidecars) {
        for (name, pod) in &scene.pods {
            let name = inbound_name(scene, name);
            process.listeners.push(config::inbound(&name));
            clusters.push(config::inbound_cluster(&name, scene, pod.address));
        }
    }
    if clusters.is_empty() {
        return None;
    }
    process.write("clusters.json", &config::resources(&clusters));
    process.start(program).await;
    Some(Arc::new(process))
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

    async fn apply(&self, scene: &Scene<'_>) {
        let before = self.process.updates(&self.namespace).await;
        let all = {
            let mut clusters = self.clusters.lock().unwrap();
            clusters.insert(
                self.namespace.clone(),
                config::clusters(scene, &self.endpoints),
            );
            config::resources(clusters.values().flatten())
        };
        self.process.write("clusters.json", &all);
        self.process
            .write(&format!("{}.json", self.namespace), &route_table(scene));
        self.process.updated(&self.namespace, before).await;
    }

    async fn cluster(&self, _: &Scene<'_>, subset: &str) -> Cluster {
        let name = cluster_name(subset, &self.namespace);
        let mut cluster = Cluster::default();
        let lines = self.process.admin("/clusters").await;
        let own = lines
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("{name}::")));
        for line in own {
            self.told(line, &mut cluster);
        }
        let stats = format!("/stats?filter=svc.{}.svc", self.namespace);
        let lines = self.process.admin(&stats).await;
        let own = lines
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("cluster.{name}.")));
        let counters = own.filter_map(|line| line.split_once(": "));
        let numbers =
            counters.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
        cluster.counters = numbers.collect();
        cluster
    }

    fn log(&self) -> Vec<String> {
        self.process.read_log(&self.namespace)
    }
}

impl Envoy {
    /// Takes in `127.0.0.1:80::rq_total::2` or `default_priority::max_connections::5`.
    fn told(&self, line: &str, cluster: &mut Cluster) {
        let [of, key, value] = *line.splitn(3, "::").collect::<Vec<_>>() else {
            return;
        };
        let number = value.parse().ok();
        if of == "default_priority" {
            cluster
                .limits
                .extend(number.map(|number| (key.to_owned(), number)));
        } else if let Some(pod) = self.pod_at(of) {
            let counters = cluster.hosts.entry(pod.clone()).or_default();
            counters.extend(number.map(|number| (key.to_owned(), number)));
            if key == "health_flags" && value.contains("/failed_outlier_check") {
                cluster.ejected.push(pod);
                cluster.ejected.sort();
            }
        }
    }

    fn pod_at(&self, address: &str) -> Option<String> {
        let mut endpoints = self.endpoints.iter();
        let found = endpoints.find(|(_, it)| it.to_string() == address);
        found.map(|(name, _)| name.clone())
    }
}
