//! What a case wants to see.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A kind of answer, and how many of it there must be. What is not said does not matter.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Answers {
    /// Name of the pod; `nobody` for the proxy itself, `one` for always the same pod.
    pub(crate) from: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) body: Option<String>,
    pub(crate) body_bytes: Option<usize>,
    /// Headers by name; `~…` is a regular expression, null means absent.
    pub(crate) headers: BTreeMap<String, Option<String>>,
    /// Response flags in the access log.
    pub(crate) flags: Option<String>,
    /// Response code details in the access log.
    pub(crate) details: Option<String>,
    /// Bytes received and sent, by the access log.
    pub(crate) bytes: Option<[u64; 2]>,
    /// Milliseconds until the whole answer was there: about so many, or between two.
    pub(crate) ms: Option<Milliseconds>,
    pub(crate) count: Option<Count>,
    /// Percent of all answers, within the exact binomial band.
    pub(crate) share: Option<f64>,
}

/// A number: exactly, between two, or at least.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Count {
    Exactly(u64),
    Between([u64; 2]),
    AtLeast { at_least: u64 },
}

/// A time.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(crate) enum Milliseconds {
    About(u64),
    Between([u64; 2]),
}

/// What reached a pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reached {
    pub(crate) hits: Option<Count>,
    pub(crate) connections: Option<Count>,
    /// `x-envoy-attempt-count` of its requests in turn.
    pub(crate) attempts: Option<Vec<u32>>,
    /// Of the last request.
    pub(crate) path: Option<String>,
    pub(crate) body: Option<String>,
    /// Of the last request, by name, every value; an empty list means absent.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    /// Most between two requests, in turn.
    pub(crate) gaps_at_most_ms: Option<Vec<u64>>,
    /// Times of over a second without a request, in turn.
    pub(crate) pauses_ms: Option<Vec<[u64; 2]>>,
    /// Requests before each of them.
    pub(crate) hits_before_pauses: Option<Vec<Count>>,
}

/// What a proxy says of a cluster, by Envoy's names.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterView {
    /// Pods that are ejected; null means that it does not matter.
    pub(crate) ejected: Option<Vec<String>>,
    /// Counters of a pod's host: pod → counter → value.
    pub(crate) hosts: BTreeMap<String, BTreeMap<String, Count>>,
    pub(crate) counters: BTreeMap<String, Count>,
    /// Limits of the circuit breaker; 4294967295 = none.
    pub(crate) limits: BTreeMap<String, Count>,
}

impl Count {
    pub(crate) fn allows(self, number: u64) -> bool {
        match self {
            Self::Exactly(exactly) => number == exactly,
            Self::Between([low, high]) => (low..=high).contains(&number),
            Self::AtLeast { at_least } => number >= at_least,
        }
    }
}

impl Milliseconds {
    /// A time is met within 30 ms or 10 % above; a timer may fire a tick early.
    pub(crate) fn allows(self, number: u64, lag: u64) -> bool {
        let (low, high) = match self {
            Self::About(about) => (about.saturating_sub(30), about + (about / 10).max(30)),
            Self::Between([low, high]) => (low, high),
        };
        (low..=high + lag).contains(&number)
    }
}
