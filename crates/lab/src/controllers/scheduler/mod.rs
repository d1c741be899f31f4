//! Which node a pod goes to, decided purely.

pub(super) mod sync;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, Pod};

/// Where a pod goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The node's name.
    Node(String),
    /// No node fits; the scheduler's message.
    None(String),
}

/// Chooses the fitting node that has the fewest of the pod's siblings, by name where equal.
///
/// `neighbours` are the pods that are placed already. Siblings are counted by
/// template hash, as the manifests' `topologySpreadConstraints` ask for.
pub fn place(pod: &Pod, nodes: &[Node], neighbours: &[Pod]) -> Placement {
    let (mut unfit, mut cordoned) = (0, 0);
    let mut fitting: Vec<&str> = Vec::new();
    for node in nodes {
        let is_cordoned = node
            .spec
            .as_ref()
            .and_then(|spec| spec.unschedulable)
            .unwrap_or(false);
        if is_cordoned {
            cordoned += 1;
        } else if fits(pod, node) {
            fitting.extend(node.metadata.name.as_deref());
        } else {
            unfit += 1;
        }
    }
    let siblings = |node: &str| {
        let here = |other: &&Pod| node_of(other) == Some(node) && group(other) == group(pod);
        neighbours.iter().filter(here).count()
    };
    let load = |node: &str| {
        neighbours
            .iter()
            .filter(|other| node_of(other) == Some(node))
            .count()
    };
    match fitting
        .into_iter()
        .min_by_key(|node| (siblings(node), load(node), *node))
    {
        Some(node) => Placement::Node(node.to_owned()),
        None => Placement::None(message(nodes.len(), cordoned, unfit)),
    }
}

/// The name of the node a pod is bound to.
pub fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn message(all: usize, cordoned: usize, unfit: usize) -> String {
    let mut reasons = Vec::new();
    if unfit > 0 {
        reasons.push(format!(
            "{unfit} node(s) didn't match Pod's node affinity/selector"
        ));
    }
    if cordoned > 0 {
        reasons.push(format!("{cordoned} node(s) were unschedulable"));
    }
    let why = match reasons.is_empty() {
        true => "no nodes available to schedule pods".to_owned(),
        false => reasons.join(", "),
    };
    format!("0/{all} nodes are available: {why}.")
}

fn group(pod: &Pod) -> Option<(&String, Option<&String>)> {
    let labels = pod.metadata.labels.as_ref()?;
    Some((
        labels.get("app")?,
        labels.get(super::deployment::TEMPLATE_HASH),
    ))
}

fn fits(pod: &Pod, node: &Node) -> bool {
    let empty = BTreeMap::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&empty);
    let Some(spec) = &pod.spec else { return false };
    let selected = spec
        .node_selector
        .iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| {
            affinity
                .required_during_scheduling_ignored_during_execution
                .as_ref()
        });
    // Kubernetes: terms are alternatives, the expressions of a term all hold.
    selected
        && required.is_none_or(|it| {
            it.node_selector_terms
                .iter()
                .any(|term| term_holds(term, labels, node))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    fn node(name: &str, cluster: &str, cordoned: bool) -> Node {
        from_value(json!({
            "metadata": {"name": name, "labels": {"cluster-name": cluster, "cores": "4"}},
            "spec": {"unschedulable": cordoned},
        }))
        .unwrap()
    }

    fn pod(expressions: Value, node: Option<&str>) -> Pod {
        let terms = json!({"nodeSelectorTerms": [{"matchExpressions": expressions}]});
        from_value(json!({
            "metadata": {"labels": {"app": "a", "pod-template-hash": "h"}},
            "spec": {
                "containers": [],
                "nodeName": node,
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}},
            },
        }))
        .unwrap()
    }

    fn in_cluster(name: &str) -> Value {
        json!([{"key": "cluster-name", "operator": "In", "values": [name]}])
    }

    #[test]
    fn siblings_spread_over_the_nodes() {
        let nodes = [node("n1", "ctx1", false), node("n2", "ctx1", false)];
        let mut placed: Vec<Pod> = Vec::new();
        for expected in ["n1", "n2", "n1", "n2"] {
            let found = place(&pod(in_cluster("ctx1"), None), &nodes, &placed);
            assert_eq!(found, Placement::Node(expected.to_owned()));
            placed.push(pod(in_cluster("ctx1"), Some(expected)));
        }
    }

    #[test]
    fn a_pod_that_fits_nowhere_gets_the_schedulers_message() {
        let nodes = [node("n1", "ctx1", false), node("n2", "ctx1", true)];
        let found = place(&pod(in_cluster("ctx2"), None), &nodes, &[]);
        let said = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable.";
        assert_eq!(found, Placement::None(said.to_owned()));
        let found = place(&pod(in_cluster("ctx2"), None), &[], &[]);
        assert_eq!(
            found,
            Placement::None(
                "0/0 nodes are available: no nodes available to schedule pods.".to_owned()
            )
        );
    }

    #[test]
    fn every_operator_holds_as_in_kubernetes() {
        let rows = [
            (
                json!({"key": "cores", "operator": "Gt", "values": ["3"]}),
                true,
            ),
            (
                json!({"key": "cores", "operator": "Lt", "values": ["3"]}),
                false,
            ),
            (json!({"key": "gpu", "operator": "Exists"}), false),
            (json!({"key": "gpu", "operator": "DoesNotExist"}), true),
            (
                json!({"key": "gpu", "operator": "NotIn", "values": ["x"]}),
                true,
            ),
            (
                json!({"key": "cluster-name", "operator": "NotIn", "values": ["ctx1"]}),
                false,
            ),
        ];
        for (expression, expected) in rows {
            let pod = pod(json!([expression]), None);
            assert_eq!(
                fits(&pod, &node("n", "ctx1", false)),
                expected,
                "{expression}"
            );
        }
    }
}
