//! What a sidecar says of a cluster, read from its admin interface.

use std::collections::BTreeMap;

use super::{Scene, Sidecar};

/// By Envoy's names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cluster {
    /// Pods that are ejected.
    pub(crate) ejected: Vec<String>,
    /// Pod → counter of its host → value.
    pub(crate) hosts: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) limits: BTreeMap<String, u64>,
}

/// What is said of the cluster of a subset.
pub(crate) async fn cluster(scene: &Scene<'_>, sidecar: &impl Sidecar, subset: &str) -> Cluster {
    let namespace = sidecar.namespace();
    let name = format!("outbound|8080|{subset}|svc.{namespace}.svc.cluster.local");
    let addresses = scene
        .pods
        .keys()
        .map(|pod| (sidecar.address_of(pod).to_string(), pod.clone()));
    let pods: BTreeMap<String, String> = addresses.collect();
    let mut cluster = Cluster::default();
    // All of it would keep Envoy's main thread, which ejects hosts, busy for long.
    let filter = format!("?filter=svc.{namespace}.svc");
    let text = sidecar.admin(&format!("/clusters{filter}")).await;
    let prefix = format!("{name}::");
    for line in text.lines().filter_map(|line| line.strip_prefix(&prefix)) {
        cluster.read(line, &pods);
    }
    cluster.ejected.sort();
    let text = sidecar.admin(&format!("/stats{filter}")).await;
    let prefix = format!("cluster.{name};.");
    let own = text.lines().filter_map(|line| line.strip_prefix(&prefix));
    let counters = own.filter_map(|line| line.split_once(": "));
    let numbers = counters.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    cluster.counters = numbers.collect();
    cluster
}

impl Cluster {
    /// Takes in `127.0.0.1:80::rq_total::2` or `default_priority::max_connections::5`.
    fn read(&mut self, line: &str, pods: &BTreeMap<String, String>) {
        let [of, key, value] = *line.splitn(3, "::").collect::<Vec<_>>() else {
            return;
        };
        let number = value.parse().ok().map(|number| (key.to_owned(), number));
        if of == "default_priority" {
            self.limits.extend(number);
        } else if let Some(pod) = pods.get(of) {
            self.hosts.entry(pod.clone()).or_default().extend(number);
            if key == "health_flags" && value.contains("/failed_outlier_check") {
                self.ejected.push(pod.clone());
            }
        }
    }
}
