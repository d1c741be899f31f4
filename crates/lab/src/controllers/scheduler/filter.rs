//! Why a node does not fit a pod.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::{Situation, affinity, labels, resources, spread, taints};

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Objection {
    /// In the scheduler's words.
    pub(super) reason: Cow<'static, str>,
    /// Whether it would go if other pods did.
    pub(super) goes_with_other_pods: bool,
}

impl Objection {
    /// A reason that other pods have nothing to do with.
    pub(super) fn lasting(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: reason.into(),
            goes_with_other_pods: false,
        }
    }

    /// A reason that lies in other pods.
    pub(super) fn passing(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: reason.into(),
            goes_with_other_pods: true,
        }
    }
}

type Filter = fn(&Pod, &Node, &Situation<'_>) -> Vec<Objection>;

/// Kubernetes' filters in its order; the first one with an objection is the one that is heard.
const FILTERS: [Filter; 7] = [
    |pod, node, _| cordoned(pod, node).into_iter().collect(),
    |pod, node, _| taints::objection(pod, node).into_iter().collect(),
    |pod, node, _| unselected(pod, node).into_iter().collect(),
    |pod, node, situation| host_ports(pod, node, situation).into_iter().collect(),
    resources::objections,
    |pod, node, situation| {
        spread::objection(pod, node, situation)
            .into_iter()
            .collect()
    },
    |pod, node, situation| {
        affinity::objection(pod, node, situation)
            .into_iter()
            .collect()
    },
];

/// What speaks against this node.
pub(super) fn objections(pod: &Pod, node: &Node, situation: &Situation<'_>) -> Vec<Objection> {
    let mut found = FILTERS.iter().map(|filter| filter(pod, node, situation));
    found.find(|found| !found.is_empty()).unwrap_or_default()
}

fn cordoned(pod: &Pod, node: &Node) -> Option<Objection> {
    let unschedulable = node.spec.as_ref()?.unschedulable.unwrap_or(false);
    (unschedulable && !taints::tolerates_cordon(pod))
        .then(|| Objection::lasting("node(s) were unschedulable"))
}

fn unselected(pod: &Pod, node: &Node) -> Option<Objection> {
    (!labels::selects(pod, node))
        .then(|| Objection::lasting("node(s) didn't match Pod's node affinity/selector"))
}

/// Kubernetes: two pods of a node cannot have one port of it.
fn host_ports(pod: &Pod, node: &Node, situation: &Situation<'_>) -> Option<Objection> {
    let wanted: Vec<_> = ports(pod).collect();
    let here = |other: &&Pod| super::node_of(other) == node.metadata.name.as_deref();
    let mut taken = situation.placed.iter().filter(here).flat_map(ports);
    taken
        .any(|port| wanted.contains(&port))
        .then(|| Objection::passing("node(s) didn't have free ports for the requested pod ports"))
}

fn ports(pod: &Pod) -> impl Iterator<Item = (i32, &str)> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| {
        let number = port.host_port.filter(|number| *number != 0)?;
        Some((number, port.protocol.as_deref().unwrap_or("TCP")))
    })
}
