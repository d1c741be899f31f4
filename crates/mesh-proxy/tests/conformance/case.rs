//! A case as it is written down.

mod wanted;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub(crate) use wanted::{Answers, ClusterView, Count, Reached};

/// One row of the table, or a variant of one (`21b`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) row: String,
    /// The rules in a few words.
    pub(crate) what: String,
    /// Row of the recording that holds the objects and istiod's translation; its own if not said.
    pub(crate) recording: Option<String>,
    /// What differs from the recording, on both sides.
    #[serde(default)]
    pub(crate) change: Change,
    /// Objects that came later and of which istiod made nothing.
    #[serde(default)]
    pub(crate) newer: Vec<Value>,
    /// Why the recording is another row's, or how the case is narrower than the row.
    pub(crate) note: Option<String>,
    /// Pods by name; A (label `cluster: ctx1`) and B (`ctx2`), well, if not said.
    #[serde(default = "two_pods")]
    pub(crate) pods: BTreeMap<String, PodSpec>,
    /// Whether each pod has a sidecar of its own before it.
    #[serde(default)]
    pub(crate) sidecars: bool,
    /// What happens, in order.
    pub(crate) steps: Vec<Step>,
    /// Known disagreements, by driver.
    #[serde(default)]
    pub(crate) deviation: BTreeMap<String, Deviation>,
}

/// A known disagreement.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deviation {
    pub(crate) why: String,
    /// What every complaint of the case says; any other failure is nobody's deviation.
    pub(crate) complaint: String,
}

/// Kind of an object, `clusters` or `routes` → JSON pointer → value.
pub(crate) type Change = BTreeMap<String, BTreeMap<String, Value>>;

/// A pod and how it behaves.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PodSpec {
    /// Its label `cluster`; ctx1 for A, ctx2 for any other if not said.
    pub(crate) cluster: Option<String>,
    /// Whether it is in another region than the client.
    pub(crate) remote: bool,
    /// What it does with connections.
    pub(crate) connection: Connection,
    /// Statuses of its answers in turn; the last one stays.
    pub(crate) statuses: Vec<u16>,
    /// How long an answer takes.
    pub(crate) takes_ms: u64,
}

/// What a pod does with connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Connection {
    /// It answers.
    #[default]
    Serves,
    /// Nobody listens.
    Refuses,
    /// Nobody even refuses.
    Swallows,
    /// It reads the request and closes.
    Closes,
    /// It begins an answer, and closes (after `takes_ms`) before its end.
    BreaksOff,
    /// It becomes a tunnel where it is asked to, and echoes louder.
    Switches,
}

/// One thing after another: pods change, rules change, time passes, requests are sent; then it is
/// looked at what came of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Step {
    /// Pods that behave otherwise from now on.
    pub(crate) pods_become: BTreeMap<String, PodSpec>,
    /// Rules that change now.
    pub(crate) apply: Option<Change>,
    pub(crate) wait_ms: u64,
    pub(crate) send: Option<Send>,
    /// Kinds of answers: each answer must be of one of them.
    pub(crate) answers: Vec<Answers>,
    /// Runs of answers, one after another.
    pub(crate) in_order: Vec<Answers>,
    /// Whether no two answers in a row are of the same pod.
    pub(crate) alternating: bool,
    /// What reached the pods since the case began.
    pub(crate) pods: BTreeMap<String, Reached>,
    /// What the proxy says of a subset's cluster (`""`: without subset).
    pub(crate) clusters: BTreeMap<String, ClusterView>,
}

/// Requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Send {
    pub(crate) requests: usize,
    /// At the same time, each with a connection of its own.
    pub(crate) clients: usize,
    /// Between the first requests of two clients.
    pub(crate) apart_ms: u64,
    /// Between two requests of one client, from begin to begin.
    pub(crate) every_ms: u64,
    /// How long a client waits for an answer.
    pub(crate) give_up_ms: Option<u64>,
    /// Whether cookies are sent back.
    pub(crate) keep_cookies: bool,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// What is said through the tunnel that the answer opens.
    pub(crate) says: String,
    /// How long the tunnel is silent before.
    pub(crate) silent_ms: u64,
}

impl Default for Send {
    fn default() -> Self {
        Self {
            requests: 1,
            clients: 1,
            apart_ms: 0,
            every_ms: 0,
            give_up_ms: None,
            keep_cookies: false,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: BTreeMap::new(),
            body: String::new(),
            says: String::new(),
            silent_ms: 0,
        }
    }
}

fn two_pods() -> BTreeMap<String, PodSpec> {
    let well = |name: &str| (name.to_owned(), PodSpec::default());
    [well("A"), well("B")].into()
}

impl PodSpec {
    /// Its label `cluster`.
    pub(crate) fn cluster_of(&self, name: &str) -> String {
        let default = if name == "A" { "ctx1" } else { "ctx2" };
        self.cluster.clone().unwrap_or_else(|| default.to_owned())
    }
}

impl Case {
    /// Every case, in the order of the table.
    pub(crate) fn all() -> Vec<Self> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/cases");
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|it| it.unwrap().path());
        let parse = |file: std::path::PathBuf| -> Vec<Self> {
            let text = std::fs::read_to_string(&file).unwrap();
            serde_saphyr::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        };
        let mut cases: Vec<_> = files.flat_map(parse).collect();
        cases.sort_by_key(|case| (case.number(), case.row.clone()));
        cases
    }

    /// Number of its row.
    pub(crate) fn number(&self) -> u32 {
        let digits = self.row.trim_end_matches(char::is_alphabetic);
        digits.parse().unwrap()
    }

    /// Row of its recording.
    pub(crate) fn recording(&self) -> &str {
        self.recording.as_deref().unwrap_or(&self.row)
    }

    /// Requests sent without a pause: such a case keeps the machine busy.
    pub(crate) fn is_busy(&self) -> bool {
        let busy = |send: &Send| send.every_ms == 0 && send.requests >= 200;
        self.steps
            .iter()
            .filter_map(|step| step.send.as_ref())
            .any(busy)
    }

    /// Whether its rules change under way.
    pub(crate) fn changes_rules(&self) -> bool {
        self.steps.iter().any(|step| step.apply.is_some())
    }

    /// How long it waits by its own will.
    pub(crate) fn waits_ms(&self) -> u64 {
        let paced = |send: &Send| send.every_ms * send.requests as u64;
        let steps = self.steps.iter();
        steps
            .map(|step| step.wait_ms + step.send.as_ref().map_or(0, paced))
            .sum()
    }
}
