//! Topology spread constraints that a pod insists on.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, TopologySpreadConstraint};

use super::filter::Objection;
use super::{Situation, labels, node_of};
use crate::controllers::claims::{matches, selector_of};

const UNMET: &str = "node(s) didn't match pod topology spread constraints";

/// Kubernetes: a node without the label cannot be used, and one in a domain that would have too
/// many more pods than the emptiest one cannot be used now.
pub(super) fn objection(pod: &Pod, node: &Node, situation: &Situation<'_>) -> Option<Objection> {
    let constraints = pod.spec.as_ref()?.topology_spread_constraints.as_deref()?;
    let mut insisted = constraints
        .iter()
        .filter(|it| it.when_unsatisfiable == "DoNotSchedule");
    insisted.find_map(|constraint| unmet(constraint, pod, node, situation))
}

fn unmet(
    constraint: &TopologySpreadConstraint,
    pod: &Pod,
    node: &Node,
    situation: &Situation<'_>,
) -> Option<Objection> {
    let domain_of = |node: &Node| {
        node.metadata
            .labels
            .as_ref()?
            .get(&constraint.topology_key)
            .cloned()
    };
    let Some(here) = domain_of(node) else {
        return Some(Objection::lasting(format!(
            "{UNMET} (missing required label)"
        )));
    };
    let selector = constraint.label_selector.as_ref().and_then(selector_of);
    let counts = |other: &Pod| {
        other.metadata.namespace == pod.metadata.namespace
            && other.metadata.deletion_timestamp.is_none()
            && matches(selector.as_ref(), &other.metadata)
    };
    let mut domains: BTreeMap<String, i32> = BTreeMap::new();
    for node in situation
        .nodes
        .iter()
        .filter(|node| labels::selects(pod, node))
    {
        if let Some(domain) = domain_of(node) {
            let on_node = |other: &&Pod| node_of(other) == node.metadata.name.as_deref();
            let pods = situation
                .placed
                .iter()
                .filter(on_node)
                .filter(|other| counts(other));
            let count = i32::try_from(pods.count()).unwrap_or(i32::MAX);
            let so_far = domains.entry(domain).or_default();
            *so_far = so_far.saturating_add(count);
        }
    }
    let emptiest = domains.values().min().copied().unwrap_or(0);
    let itself = i32::from(counts(pod));
    let there = domains.get(&here).copied().unwrap_or(0);
    (there + itself - emptiest > constraint.max_skew).then(|| Objection::passing(UNMET))
}
