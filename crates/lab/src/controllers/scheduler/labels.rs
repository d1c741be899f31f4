//! Which nodes a pod selects by their labels.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, Pod};

/// Whether node selector and required node affinity both hold.
pub(super) fn selects(pod: &Pod, node: &Node) -> bool {
    let empty = BTreeMap::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&empty);
    let Some(spec) = &pod.spec else { return false };
    let mut wanted = spec.node_selector.iter().flatten();
    let affinity = spec
        .affinity
        .as_ref()
        .and_then(|it| it.node_affinity.as_ref());
    let required = affinity.and_then(|it| {
        it.required_during_scheduling_ignored_during_execution
            .as_ref()
    });
    // Kubernetes: terms are alternatives, the expressions of a term all hold.
    wanted.all(|(key, value)| labels.get(key) == Some(value))
        && required.is_none_or(|it| {
            let mut terms = it.node_selector_terms.iter();
            terms.any(|term| term_holds(term, labels, node))
        })
}

fn term_holds(term: &NodeSelectorTerm, labels: &BTreeMap<String, String>, node: &Node) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let by_label = |it: &NodeSelectorRequirement| holds(it, labels.get(&it.key));
    // `metadata.name` is the only field Kubernetes allows here.
    let by_name = |it: &NodeSelectorRequirement| holds(it, node.metadata.name.as_ref());
    // Kubernetes: an empty term selects nothing.
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(by_label)
        && fields.iter().all(by_name)
}

fn holds(requirement: &NodeSelectorRequirement, value: Option<&String>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let number = |text: &String| text.parse::<i64>().ok();
    let compare = |by: fn(&i64, &i64) -> bool| match (
        value.and_then(number),
        values.first().and_then(number),
    ) {
        (Some(have), Some(limit)) => by(&have, &limit),
        _ => false,
    };
    match requirement.operator.as_str() {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(i64::gt),
        "Lt" => compare(i64::lt),
        _ => false,
    }
}
