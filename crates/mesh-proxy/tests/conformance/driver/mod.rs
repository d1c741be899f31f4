//! What stands between the clients and the pods of a case.

pub(crate) mod envoy;
pub(crate) mod rust;
mod view;

pub(crate) use view::{Cluster, cluster};

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
    /// Namespace of its service.
    fn namespace(&self) -> &str;
    /// What its admin interface answers to a path.
    fn admin(&self, path: &str) -> impl Future<Output = String> + Send;
    /// A pod's address as it knows it.
    fn address_of(&self, pod: &str) -> SocketAddr;
    /// The access log's lines so far that hold a request id of this case.
    fn log(&self) -> Vec<String>;
}

/// A line of an access log in Istio's default format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLine {
    pub(crate) flags: String,
    pub(crate) details: String,
    /// Received and sent.
    pub(crate) bytes: [u64; 2],
}

impl LogLine {
    /// `[time] "GET / HTTP/1.1" 503 FLAGS DETAILS - "-" RECEIVED SENT …`
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split("\" ").skip(1);
        let mut outcome = parts.next()?.split(' ').skip(1).map(str::to_owned);
        let mut bytes = parts.next()?.split(' ').map(str::parse);
        Some(Self {
            flags: outcome.next()?,
            details: outcome.next()?,
            bytes: [bytes.next()?.ok()?, bytes.next()?.ok()?],
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
