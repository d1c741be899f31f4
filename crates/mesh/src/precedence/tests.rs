use serde_json::{Value, json};

use super::*;
use crate::model::{DestinationRule, VirtualService};
use crate::registry::Client;

const HOST: &str = "svc.t.svc.cluster.local";

/// An object: kind, `namespace/name`, second of creation, spec.
fn object(kind: &str, id: &str, second: u8, spec: Value) -> Value {
    let (namespace, name) = id.split_once('/').unwrap();
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": kind,
        "metadata": {
            "name": name, "namespace": namespace,
            "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z"),
        },
        "spec": spec,
    })
}

fn rule(id: &str, second: u8, spec: Value) -> VirtualService {
    VirtualService::parse(&object("VirtualService", id, second, spec)).unwrap()
}

fn policy(id: &str, second: u8, spec: Value) -> DestinationRule {
    DestinationRule::parse(&object("DestinationRule", id, second, spec)).unwrap()
}

fn ranked(objects: &[VirtualService], namespace: &str) -> Vec<String> {
    virtual_services(objects, HOST, namespace)
        .iter()
        .map(|object| object.id())
        .collect()
}

fn client(namespace: &str) -> Client {
    Client {
        namespace: namespace.into(),
        ..Client::default()
    }
}

fn effective(objects: &[DestinationRule], namespace: &str) -> Option<DestinationRule> {
    destination_rule(objects, HOST, "t", &client(namespace))
}

fn subset_names(rule: &DestinationRule) -> Vec<&str> {
    rule.spec
        .subsets
        .iter()
        .map(|subset| subset.name.as_str())
        .collect()
}

#[test]
fn the_oldest_virtual_service_rules_then_the_first_by_name_and_namespace() {
    let host = || json!({"hosts": ["svc"]});
    let full = || json!({"hosts": [HOST]});
    let rules = [
        rule("t/b", 1, host()),
        rule("u/a", 1, full()),
        rule("t/newer", 2, host()),
        rule("t/a", 1, host()),
        rule("u/oldest", 0, full()),
        rule("u/other", 0, json!({"hosts": ["svc"]})),
    ];
    assert_eq!(
        ranked(&rules, "t"),
        ["u/oldest", "t/a", "u/a", "t/b", "t/newer"]
    );
    assert_eq!(virtual_service(&rules, HOST, "t").unwrap().id(), "u/oldest");
    assert_eq!(
        virtual_service(&rules, "nobody.t.svc.cluster.local", "t"),
        None
    );
}

#[test]
fn private_objects_go_first_and_others_private_ones_are_not_seen() {
    let rules = [
        rule("t/public", 0, json!({"hosts": [HOST]})),
        rule(
            "t/listed",
            1,
            json!({"hosts": [HOST], "exportTo": ["t", "u"]}),
        ),
        rule("t/private", 2, json!({"hosts": [HOST], "exportTo": ["."]})),
        rule("u/private", 0, json!({"hosts": [HOST], "exportTo": ["."]})),
        rule("u/star", 3, json!({"hosts": [HOST], "exportTo": ["*"]})),
    ];
    assert_eq!(
        ranked(&rules, "t"),
        ["t/private", "t/listed", "t/public", "u/star"]
    );
    assert_eq!(ranked(&rules, "v"), ["t/public", "u/star"]);
}

#[test]
fn a_more_specific_host_wins_though_newer_and_gateways_are_not_the_mesh() {
    let rules = [
        rule("t/wide", 0, json!({"hosts": ["*.cluster.local"]})),
        rule("t/wider", 0, json!({"hosts": ["*.local"]})),
        rule("t/exact", 9, json!({"hosts": ["svc"]})),
        rule(
            "t/edge",
            0,
            json!({"hosts": ["svc"], "gateways": ["istio-system/cp-gateway"]}),
        ),
        rule(
            "t/both",
            8,
            json!({"hosts": ["svc"], "gateways": ["mesh", "cp-gateway"]}),
        ),
    ];
    assert_eq!(
        ranked(&rules, "t"),
        ["t/both", "t/exact", "t/wide", "t/wider"]
    );
}

#[test]
fn a_gateway_is_named_in_full_or_within_its_namespace() {
    let written = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let gateway = "istio-system/cp-gateway";
    assert!(bound_to(&written(&[gateway]), gateway, "t"));
    assert!(bound_to(&written(&["cp-gateway"]), gateway, "istio-system"));
    assert!(!bound_to(&written(&["cp-gateway"]), gateway, "t"));
    assert!(!bound_to(&[], gateway, "istio-system"));
    assert!(bound_to(&[], MESH, "t"));
}

#[test]
fn the_older_policy_and_its_subsets_win_and_the_newer_adds_new_names() {
    let older = json!({
        "host": "svc", "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
        "subsets": [{"name": "ctx1", "labels": {"a": "old"}}, {"name": "ctx2"}],
    });
    let newer = json!({
        "host": HOST, "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}, "outlierDetection": {}},
        "subsets": [{"name": "ctx1", "labels": {"a": "new"}}, {"name": "v3"}, {"name": "v3"}],
    });
    let rules = [
        policy("t/circuit-breaker", 2, newer),
        policy("t/dr", 1, older),
    ];
    let merged = effective(&rules, "t").unwrap();
    assert_eq!(merged.id(), "t/dr");
    assert_eq!(subset_names(&merged)[..3], ["ctx1", "ctx2", "v3"]);
    assert_eq!(merged.spec.subsets[0].labels["a"], "old");
    assert_eq!(merged.spec.traffic_policy, rules[1].spec.traffic_policy);
    // Of the same second the first by name.
    let same = |rule: &DestinationRule| {
        let mut rule = rule.clone();
        rule.metadata.creation_timestamp = None;
        rule
    };
    let merged = effective(&rules.each_ref().map(same), "t").unwrap();
    assert_eq!(merged.id(), "t/circuit-breaker");
}

#[test]
fn the_first_policy_there_is_is_taken_as_a_whole() {
    let rules = [
        policy("t/a", 0, json!({"host": "svc"})),
        policy(
            "t/b",
            1,
            json!({"host": "svc", "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}),
        ),
    ];
    assert_eq!(
        effective(&rules, "t").unwrap().spec.traffic_policy,
        rules[1].spec.traffic_policy
    );
}

#[test]
fn the_clients_namespace_goes_before_the_services_and_the_root() {
    let full = || json!({"host": HOST, "subsets": []});
    let rules = [
        policy("t/service", 1, full()),
        policy("u/client", 2, full()),
        policy("istio-system/root", 0, full()),
        policy("v/third", 0, full()),
    ];
    let of =
        |rules: &[DestinationRule], namespace| effective(rules, namespace).map(|rule| rule.id());
    assert_eq!(of(&rules, "u").as_deref(), Some("u/client"));
    assert_eq!(of(&rules, "w").as_deref(), Some("t/service"));
    assert_eq!(of(&rules[1..], "w").as_deref(), Some("istio-system/root"));
    assert_eq!(of(&rules[3..], "w"), None);
}

#[test]
fn rules_with_different_exports_are_not_merged_and_the_newest_is_used() {
    let one = |exports: Value, name: &str| json!({"host": "svc", "exportTo": exports, "subsets": [{"name": name}]});
    let rules = [
        policy("t/a", 0, one(json!([]), "a")),
        policy("t/b", 1, one(json!(["*"]), "b")),
        policy("t/c", 2, one(json!([]), "c")),
    ];
    assert_eq!(subset_names(&effective(&rules[..2], "t").unwrap()), ["b"]);
    assert_eq!(subset_names(&effective(&rules, "t").unwrap()), ["c"]);
    let same = [rules[0].clone(), rules[2].clone()];
    assert_eq!(subset_names(&effective(&same, "t").unwrap()), ["a", "c"]);
}

#[test]
fn a_workload_selector_picks_client_pods() {
    let selected = json!({"host": "svc", "workloadSelector": {"matchLabels": {"app": "api"}}, "subsets": [{"name": "s"}]});
    let rules = [
        policy(
            "t/open",
            0,
            json!({"host": "svc", "subsets": [{"name": "o"}]}),
        ),
        policy("t/own", 1, selected),
    ];
    let api = Client {
        labels: [("app".into(), "api".into())].into(),
        ..client("t")
    };
    assert_eq!(
        subset_names(&destination_rule(&rules, HOST, "t", &api).unwrap()),
        ["s"]
    );
    assert_eq!(subset_names(&effective(&rules, "t").unwrap()), ["o"]);
}
