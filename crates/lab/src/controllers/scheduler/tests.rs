use super::*;
use serde_json::{Value, from_value, json};

fn node(name: &str, change: Value) -> Node {
    let mut node = json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "cluster-name": "ctx1", "cores": "4"}},
        "spec": {},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "3"}},
    });
    for (member, value) in change.as_object().into_iter().flatten() {
        node["spec"][member] = value.clone();
    }
    from_value(node).unwrap()
}

fn two_nodes() -> [Node; 2] {
    [node("n1", json!({})), node("n2", json!({}))]
}

fn pod(spec: Value) -> Pod {
    let mut pod = json!({
        "metadata": {"namespace": "n", "labels": {"app": "a", "pod-template-hash": "h"}},
        "spec": {"containers": []},
    });
    for (member, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][member] = value.clone();
    }
    from_value(pod).unwrap()
}

fn on(node: &str, spec: Value) -> Pod {
    let mut pod = pod(spec);
    pod.spec.as_mut().unwrap().node_name = Some(node.to_owned());
    pod
}

fn requests(cpu: &str) -> Value {
    json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]})
}

fn place_on(pod: &Pod, nodes: &[Node], placed: &[Pod]) -> Placement {
    place(
        pod,
        &Situation {
            nodes,
            placed,
            has_claim: &|name| name == "data",
        },
    )
}

/// The message a pod gets on two nodes.
fn refusal(pod: &Pod, nodes: &[Node], placed: &[Pod]) -> String {
    match place_on(pod, nodes, placed) {
        Placement::Node(node) => format!("placed on {node}"),
        Placement::None(message) => message,
    }
}

fn in_cluster(name: &str) -> Value {
    let expression = json!({"key": "cluster-name", "operator": "In", "values": [name]});
    let terms = json!({"nodeSelectorTerms": [{"matchExpressions": [expression]}]});
    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}})
}

fn away_from_siblings() -> Value {
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}});
    json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

fn spread_over(key: &str) -> Value {
    let constraint = json!({"topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "a"}}});
    json!({"topologySpreadConstraints": [constraint]})
}

#[test]
fn siblings_spread_over_the_nodes() {
    let mut placed: Vec<Pod> = Vec::new();
    for expected in ["n1", "n2", "n1", "n2"] {
        let found = place_on(&pod(in_cluster("ctx1")), &two_nodes(), &placed);
        assert_eq!(found, Placement::Node(expected.to_owned()));
        placed.push(on(expected, in_cluster("ctx1")));
    }
}

#[test]
fn a_pod_that_fits_nowhere_gets_the_schedulers_message() {
    let taint = json!({"taints": [{"key": "k", "effect": "NoSchedule"}]});
    let tainted = [
        node("n1", taint.clone()),
        node("n2", json!({"unschedulable": true})),
    ];
    let both = two_nodes();
    let rows = [
        (
            pod(in_cluster("ctx2")),
            &both,
            vec![],
            "2 node(s) didn't match Pod's node affinity/selector.",
            "2 Preemption is not helpful for scheduling",
        ),
        (
            pod(json!({})),
            &tainted,
            vec![],
            "1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.",
            "2 Preemption is not helpful for scheduling",
        ),
        (
            pod(requests("5")),
            &both,
            vec![],
            "2 Insufficient cpu.",
            "2 Preemption is not helpful for scheduling",
        ),
        (
            pod(requests("3")),
            &both,
            vec![on("n1", requests("2")), on("n2", requests("1500m"))],
            "2 Insufficient cpu.",
            "2 No preemption victims found for incoming pod",
        ),
        (
            pod(away_from_siblings()),
            &both,
            vec![on("n1", json!({})), on("n2", json!({}))],
            "2 node(s) didn't match pod anti-affinity rules.",
            "2 No preemption victims found for incoming pod",
        ),
        (
            pod(json!({})),
            &both,
            vec![
                on("n1", away_from_siblings()),
                on("n2", away_from_siblings()),
            ],
            "2 node(s) didn't satisfy existing pods anti-affinity rules.",
            "2 No preemption victims found for incoming pod",
        ),
        (
            pod(spread_over("rack")),
            &both,
            vec![],
            "2 node(s) didn't match pod topology spread constraints (missing required label).",
            "2 Preemption is not helpful for scheduling",
        ),
    ];
    for (pod, nodes, placed, why, preemption) in rows {
        let expected = format!(
            "0/2 nodes are available: {why} no new claims to deallocate, preemption: 0/2 nodes are available: {preemption}."
        );
        assert_eq!(refusal(&pod, nodes, &placed), expected);
    }
}

#[test]
fn without_nodes_and_without_its_claim_a_pod_is_told_so() {
    let none = refusal(&pod(json!({})), &[], &[]);
    assert_eq!(none, "no nodes available to schedule pods");
    let claiming = |name: &str| {
        pod(json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]}))
    };
    let refused = refusal(&claiming("nope"), &two_nodes(), &[]);
    assert_eq!(
        refused,
        "0/2 nodes are available: persistentvolumeclaim \"nope\" not found. not found"
    );
    assert_eq!(
        refusal(&claiming("data"), &two_nodes(), &[]),
        "placed on n1"
    );
}

#[test]
fn a_full_node_takes_no_more_pods() {
    let placed = [
        on("n1", json!({})),
        on("n1", json!({})),
        on("n1", json!({})),
    ];
    let found = refusal(&pod(json!({})), &[node("n1", json!({}))], &placed);
    assert!(
        found.starts_with("0/1 nodes are available: 1 Too many pods."),
        "{found}"
    );
}

#[test]
fn a_toleration_lets_a_pod_onto_a_tainted_or_cordoned_node() {
    let tainted = node(
        "n1",
        json!({"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}),
    );
    let cordoned = node("n1", json!({"unschedulable": true}));
    let rows = [
        (&tainted, json!({"key": "k", "value": "v"}), true),
        (&tainted, json!({"key": "k", "operator": "Exists"}), true),
        (&tainted, json!({"operator": "Exists"}), true),
        (&tainted, json!({"key": "k", "value": "w"}), false),
        (
            &tainted,
            json!({"key": "k", "operator": "Exists", "effect": "NoExecute"}),
            false,
        ),
        (
            &cordoned,
            json!({"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}),
            true,
        ),
    ];
    for (node, toleration, fits) in rows {
        let pod = pod(json!({"tolerations": [toleration]}));
        let found = place_on(&pod, std::slice::from_ref(node), &[]);
        assert_eq!(
            found == Placement::Node("n1".to_owned()),
            fits,
            "{toleration}"
        );
    }
}

#[test]
fn a_spread_that_is_insisted_on_keeps_the_domains_even() {
    let placed = [on("n1", json!({}))];
    let found = place_on(
        &pod(spread_over("kubernetes.io/hostname")),
        &two_nodes(),
        &placed,
    );
    assert_eq!(found, Placement::Node("n2".to_owned()));
    let cordoned = [
        node("n1", json!({})),
        node("n2", json!({"unschedulable": true})),
    ];
    let refused = refusal(
        &pod(spread_over("kubernetes.io/hostname")),
        &cordoned,
        &placed,
    );
    assert!(
        refused.contains("1 node(s) didn't match pod topology spread constraints,"),
        "{refused}"
    );
}

#[test]
fn what_containers_ask_for_is_added_up_and_what_runs_before_them_is_not() {
    let container = |cpu: &str| json!({"name": "c", "resources": {"requests": {"cpu": cpu}}});
    let spec = |init: &str| json!({"containers": [container("1"), container("2")], "initContainers": [container(init)]});
    let one = [node("n1", json!({}))];
    assert_eq!(refusal(&pod(spec("4")), &one, &[]), "placed on n1");
    assert!(refusal(&pod(spec("4001m")), &one, &[]).contains("1 Insufficient cpu"));
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
        let terms = json!({"nodeSelectorTerms": [{"matchExpressions": [expression]}]});
        let affinity =
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}});
        let found = labels::selects(&pod(json!({"affinity": affinity})), &node("n", json!({})));
        assert_eq!(found, expected, "{expression}");
    }
}
