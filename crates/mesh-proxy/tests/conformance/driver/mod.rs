//! What stands between the clients and the pods of a case.

pub(crate) mod envoy;
pub(crate) mod rust;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::case::Case;
use crate::pods::Pods;
use crate::recording::Recording;

/// A case that is set up: its pods, and its rules so far.
pub(crate) struct Scene<'a> {
    pub(crate) case: &'a Case,
    pub(crate) recording: Recording,
    pub(crate) pods: Pods,
}

/// The client's sidecar of one case.
pub(crate) trait Sidecar: Send + Sync {
    /// Where its clients connect.
    fn address(&self) -> SocketAddr;
    /// Obeys changed rules from now on; returns when it does.
    fn apply(&self, scene: &Scene<'_>) -> impl Future<Output = ()> + Send;
    /// What it says of the cluster of a subset.
    fn cluster(&self, scene: &Scene<'_>, subset: &str) -> impl Future<Output = Cluster> + Send;
    /// The access log's lines so far that hold a request id of this case.
    fn log(&self) -> Vec<String>;
}

/// What a sidecar says of a cluster, by Envoy's names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cluster {
    pub(crate) ejected: Vec<String>,
    pub(crate) hosts: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) limits: BTreeMap<String, u64>,
}

/// A line of an access log in Istio's default format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLine {
    pub(crate) flags: String,
    pub(crate) details: String,
}

impl LogLine {
    /// `[time] "GET / HTTP/1.1" 503 FLAGS DETAILS …`
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line
            .split("\" ")
            .nth(1)?
            .split(' ')
            .skip(1)
            .map(str::to_owned);
        Some(Self {
            flags: words.next()?,
            details: words.next()?,
        })
    }
}

impl Scene<'_> {
    /// Names of the pods that a subset of the rules selects; all without subset.
    pub(crate) fn pods_of(&self, subset: &str) -> Vec<&str> {
        let labels = self.recording.labels(subset);
        let selects = |cluster: &str| {
            let mut wanted = labels.iter();
            wanted.all(|(key, value)| key == "cluster" && value == cluster)
        };
        let pods = self.pods.iter().filter(|(_, pod)| selects(&pod.cluster));
        pods.map(|(name, _)| name.as_str()).collect()
    }
}

/// Name of the cluster of a subset of `svc`, in a namespace.
pub(crate) fn cluster_name(subset: &str, namespace: &str) -> String {
    format!("outbound|8080|{subset}|svc.{namespace}.svc.cluster.local")
}
