//! Pods that insist on being near others, or away from them.

use k8s_openapi::api::core::v1::{Node, Pod, PodAffinityTerm};

use super::filter::Objection;
use super::{Situation, node_of};
use crate::controllers::claims::{matches, selector_of};

/// Kubernetes: the pod's own wish to be near others, its wish to be away from them, and the
/// wishes of those that are there.
pub(super) fn objection(pod: &Pod, node: &Node, situation: &Situation<'_>) -> Option<Objection> {
    if !near(pod)
        .iter()
        .all(|term| is_near(term, pod, node, situation))
    {
        return Some(Objection::lasting(
            "node(s) didn't match pod affinity rules",
        ));
    }
    let meets = |term: &&PodAffinityTerm| {
        neighbours(term, node, situation).any(|other| fits(term, pod, other))
    };
    if away(pod).iter().any(|term| meets(&term)) {
        return Some(Objection::passing(
            "node(s) didn't match pod anti-affinity rules",
        ));
    }
    let unwelcome = |other: &Pod| {
        away(other).iter().any(|term| {
            fits(term, other, pod) && same_domain(term, node, node_named(node_of(other), situation))
        })
    };
    situation
        .placed
        .iter()
        .any(unwelcome)
        .then(|| Objection::passing("node(s) didn't satisfy existing pods anti-affinity rules"))
}

/// Kubernetes: the first of a group that wants to be together may go anywhere.
fn is_near(term: &PodAffinityTerm, pod: &Pod, node: &Node, situation: &Situation<'_>) -> bool {
    let there = neighbours(term, node, situation).any(|other| fits(term, pod, other));
    let first =
        || fits(term, pod, pod) && !situation.placed.iter().any(|other| fits(term, pod, other));
    there || (domain(term, node).is_some() && first())
}

fn near(pod: &Pod) -> &[PodAffinityTerm] {
    let affinity = pod.spec.as_ref().and_then(|it| it.affinity.as_ref());
    let terms = affinity.and_then(|it| it.pod_affinity.as_ref());
    let terms = terms.and_then(|it| {
        it.required_during_scheduling_ignored_during_execution
            .as_deref()
    });
    terms.unwrap_or_default()
}

fn away(pod: &Pod) -> &[PodAffinityTerm] {
    let affinity = pod.spec.as_ref().and_then(|it| it.affinity.as_ref());
    let terms = affinity.and_then(|it| it.pod_anti_affinity.as_ref());
    let terms = terms.and_then(|it| {
        it.required_during_scheduling_ignored_during_execution
            .as_deref()
    });
    terms.unwrap_or_default()
}

/// Whether `other` is one of those that a term of `pod` is about.
fn fits(term: &PodAffinityTerm, pod: &Pod, other: &Pod) -> bool {
    let namespaces = term.namespaces.as_deref().unwrap_or_default();
    let namespace = other.metadata.namespace.clone().unwrap_or_default();
    let meant = match namespaces.is_empty() && term.namespace_selector.is_none() {
        true => pod.metadata.namespace == other.metadata.namespace,
        // An empty selector stands for every namespace; others are not told apart here.
        false => namespaces.contains(&namespace) || term.namespace_selector.is_some(),
    };
    let selector = term.label_selector.as_ref().and_then(selector_of);
    meant && matches(selector.as_ref(), &other.metadata)
}

/// Pods in the same domain as a node.
fn neighbours<'a>(
    term: &'a PodAffinityTerm,
    node: &'a Node,
    situation: &'a Situation<'_>,
) -> impl Iterator<Item = &'a Pod> {
    let near = move |other: &&Pod| same_domain(term, node, node_named(node_of(other), situation));
    situation.placed.iter().filter(near)
}

fn same_domain(term: &PodAffinityTerm, node: &Node, other: Option<&Node>) -> bool {
    let here = domain(term, node);
    here.is_some() && other.and_then(|other| domain(term, other)) == here
}

fn domain<'a>(term: &PodAffinityTerm, node: &'a Node) -> Option<&'a String> {
    node.metadata.labels.as_ref()?.get(&term.topology_key)
}

fn node_named<'a>(name: Option<&str>, situation: &'a Situation<'_>) -> Option<&'a Node> {
    let mut nodes = situation.nodes.iter();
    nodes.find(|node| node.metadata.name.as_deref() == name)
}
