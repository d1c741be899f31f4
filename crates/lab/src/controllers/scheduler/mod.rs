//! Which node a pod goes to, decided purely.
//!
//! ```text
//! every node ── filters, the first that objects says why ──► fitting nodes ── least used ──► one
//!                     └── none fits: the reasons, counted
//! ```

mod affinity;
mod filter;
mod labels;
mod resources;
mod spread;
pub(super) mod sync;
mod taints;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};

use filter::Objection;
pub(super) use taints::tolerates;

/// Where a pod goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The node's name.
    Node(String),
    /// No node fits; the scheduler's message.
    None(String),
}

/// What is there besides the pod to be placed.
pub struct Situation<'a> {
    /// Every node.
    pub nodes: &'a [Node],
    /// Pods that are placed and have not ended.
    pub placed: &'a [Pod],
    /// Whether a PersistentVolumeClaim of this name is in the pod's namespace.
    pub has_claim: &'a dyn Fn(&str) -> bool,
}

/// Chooses the fitting node that has the fewest of the pod's siblings, then the fewest pods, by
/// name where equal.
///
/// Siblings are counted by template hash, as the manifests' `topologySpreadConstraints` ask for.
pub fn place(pod: &Pod, situation: &Situation<'_>) -> Placement {
    if situation.nodes.is_empty() {
        return Placement::None("no nodes available to schedule pods".to_owned());
    }
    if let Some(claim) = missing_claim(pod, situation) {
        let all = situation.nodes.len();
        return Placement::None(format!(
            "0/{all} nodes are available: persistentvolumeclaim {claim:?} not found. not found"
        ));
    }
    let verdicts = situation
        .nodes
        .iter()
        .map(|node| (node, filter::objections(pod, node, situation)));
    let (fitting, others): (Vec<_>, Vec<_>) = verdicts.partition(|(_, found)| found.is_empty());
    let use_of = |node: &Node| {
        let here = |other: &&Pod| node_of(other) == node.metadata.name.as_deref();
        let neighbours: Vec<&Pod> = situation.placed.iter().filter(here).collect();
        let siblings = neighbours.iter().filter(|other| group(other) == group(pod));
        (
            siblings.count(),
            neighbours.len(),
            node.metadata.name.clone(),
        )
    };
    match fitting
        .into_iter()
        .map(|(node, _)| node)
        .min_by_key(|node| use_of(node))
    {
        Some(node) => Placement::Node(node.metadata.name.clone().unwrap_or_default()),
        None => Placement::None(message(
            situation.nodes.len(),
            others.into_iter().map(|(_, it)| it),
        )),
    }
}

/// The name of the node a pod is bound to.
pub fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn missing_claim<'a>(pod: &'a Pod, situation: &Situation<'_>) -> Option<&'a str> {
    let volumes = pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    let mut claims = volumes.filter_map(|it| it.persistent_volume_claim.as_ref());
    let missing = claims.find(|claim| !(situation.has_claim)(&claim.claim_name));
    missing.map(|claim| claim.claim_name.as_str())
}

/// Kubernetes: why no node fits, and why ending other pods would not help.
fn message(all: usize, objections: impl Iterator<Item = Vec<Objection>>) -> String {
    let mut reasons = BTreeMap::new();
    let mut preemption = BTreeMap::new();
    for found in objections {
        // A node where one reason would stay is no better for the others' going.
        let helps = found.iter().all(|it| it.goes_with_other_pods);
        let why = match helps {
            true => "No preemption victims found for incoming pod",
            false => "Preemption is not helpful for scheduling",
        };
        *preemption.entry(why.to_owned()).or_default() += 1;
        for objection in found {
            *reasons.entry(objection.reason.into_owned()).or_default() += 1;
        }
    }
    format!(
        "0/{all} nodes are available: {}. no new claims to deallocate, preemption: 0/{all} nodes are available: {}.",
        counted(&reasons),
        counted(&preemption)
    )
}

/// Kubernetes sorts what it says, count included.
fn counted(reasons: &BTreeMap<String, usize>) -> String {
    let mut texts: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    texts.sort();
    texts.join(", ")
}

fn group(pod: &Pod) -> Option<(&String, Option<&String>)> {
    let labels = pod.metadata.labels.as_ref()?;
    Some((
        labels.get("app")?,
        labels.get(super::deployment::TEMPLATE_HASH),
    ))
}

#[cfg(test)]
mod tests;
