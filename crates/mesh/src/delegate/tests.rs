use serde_json::{Value, json};

use super::*;

fn object(name: &str, namespace: &str, spec: Value) -> VirtualService {
    VirtualService::parse(&json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    }))
    .unwrap()
}

fn root(rule: Value) -> VirtualService {
    object("svc", "t", json!({"hosts": ["svc"], "http": [rule]}))
}

/// The only rule that comes out of one delegating to another, and the problems told.
fn merge(outer: Value, inner: Value) -> (Vec<HttpRoute>, Vec<String>) {
    let mut outer = outer;
    outer["delegate"] = json!({"name": "part"});
    let objects = [root(outer), object("part", "t", json!({"http": [inner]}))];
    let mut problems = Vec::new();
    let rules = rules(&objects[0], &objects, &mut problems);
    let owned = rules.into_iter().map(|placed| placed.rule.into_owned());
    (owned.collect(), problems)
}

#[test]
fn what_the_delegate_leaves_open_comes_from_the_rule_it_stands_in_for() {
    let outer = json!({
        "name": "outer", "timeout": "2s", "retries": {"attempts": 1},
        "mirror": {"host": "copy"}, "mirrorPercentage": {"value": 5},
        "fault": {"abort": {"httpStatus": 500}}, "corsPolicy": {"maxAge": "1s"},
        "headers": {"request": {"remove": ["a"]}}, "rewrite": {"uri": "/o"},
    });
    let inner = json!({
        "name": "inner", "timeout": "5s", "rewrite": {"uri": "/i"},
        "route": [{"destination": {"host": "svc"}}],
    });
    let (rules, problems) = merge(outer, inner);
    let [rule] = &rules[..] else {
        panic!("{rules:?}")
    };
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(
        (rule.name.as_str(), rule.delegate.is_none()),
        ("outer-inner", true)
    );
    assert_eq!(rule.timeout.unwrap().0.as_secs(), 5);
    assert_eq!(rule.rewrite.as_ref().unwrap().uri, "/i");
    let inherited = [
        rule.retries.is_some(),
        rule.fault.is_some(),
        rule.cors_policy.is_some(),
        rule.headers.is_some(),
        rule.mirror_percentage.is_some(),
    ];
    assert_eq!(inherited, [true; 5]);
    assert_eq!(
        rule.mirror.as_ref().unwrap().host,
        "copy.t.svc.cluster.local"
    );
    assert_eq!(rule.route[0].destination.host, "svc.t.svc.cluster.local");
}

/// The root's condition, the delegate's, and what becomes of both.
const CONDITIONS: &str = r#"
{"uri": {"prefix": "/a"}} | {"uri": {"prefix": "/a/b"}} | fits
{"uri": {"prefix": "/a"}} | {"uri": {"exact": "/a/b"}} | fits
{"uri": {"prefix": "/a/b"}} | {"uri": {"prefix": "/a"}} | conflicts
{"uri": {"exact": "/a"}} | {"uri": {"exact": "/a"}} | fits
{"uri": {"exact": "/a"}} | {"uri": {"prefix": "/a"}} | conflicts
{"uri": {"regex": "/a"}} | {"uri": {"exact": "/a"}} | conflicts
{"uri": {"prefix": "/a"}} | {"uri": {"regex": "/a/.*"}} | conflicts
{"uri": {"regex": "/a"}} | {"method": {"exact": "GET"}} | fits
{"headers": {"x": {"exact": "1"}}} | {"headers": {"y": {"exact": "2"}}} | fits
{"headers": {"x": {"exact": "1"}}} | {"headers": {"x": {"exact": "2"}}} | conflicts
{"headers": {"x": {}}} | {"headers": {"x": {"exact": "2"}}} | conflicts
{"withoutHeaders": {"x": {"exact": "1"}}} | {"withoutHeaders": {"x": {"exact": "2"}}} | conflicts
{"queryParams": {"x": {"prefix": "1"}}} | {"queryParams": {"x": {"exact": "12"}}} | fits
{"ignoreUriCase": true} | {} | conflicts
{"port": 80} | {"port": 81} | conflicts
{"port": 80} | {} | fits
{"sourceNamespace": "a"} | {} | conflicts
{"sourceLabels": {"a": "b"}} | {"sourceLabels": {"a": "c"}} | conflicts
{"sourceLabels": {"a": "b"}} | {"sourceLabels": {"d": "e"}} | fits
{"gateways": ["mesh", "g"]} | {"gateways": ["g"]} | fits
{"gateways": ["mesh"]} | {"gateways": ["g"]} | conflicts
{"gateways": ["mesh"]} | {"gateways": ["mesh", "g"]} | conflicts
"#;

#[test]
fn a_condition_of_the_delegate_must_narrow_one_of_the_root() {
    for row in CONDITIONS.trim().lines() {
        let [outer, inner, expected] = row.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        let rule = |entry: &str| {
            let entry: Value = serde_json::from_str(entry).unwrap();
            json!({"match": [entry]})
        };
        let (rules, problems) = merge(rule(outer), rule(inner));
        let fits = expected == "fits";
        assert_eq!(
            (rules.len(), problems.len()),
            (usize::from(fits), usize::from(!fits)),
            "{row}"
        );
    }
}

#[test]
fn every_pair_of_entries_that_fits_is_an_entry_with_both_conditions() {
    let outer = json!({"match": [
        {"name": "a", "uri": {"prefix": "/a"}, "headers": {"x": {"exact": "1"}}},
        {"uri": {"prefix": "/b"}, "port": 80},
    ]});
    let inner = json!({"match": [
        {"name": "n", "headers": {"y": {"exact": "2"}}},
        {"uri": {"exact": "/a/x"}},
    ]});
    let (rules, _) = merge(outer, inner);
    let entries: Vec<_> = rules[0]
        .matches
        .iter()
        .map(|entry| (entry.name.as_str(), entry.headers.len(), entry.port))
        .collect();
    assert_eq!(
        entries,
        [("a-n", 2, None), ("n", 1, Some(80)), ("a", 1, None)]
    );
}

#[test]
fn a_delegate_that_is_missing_hidden_or_no_delegate_costs_its_rule_alone() {
    let part = |spec: Value, namespace: &str| object("part", namespace, spec);
    let rows = [
        (
            vec![],
            "delegate virtual service far/part of t/svc not found",
        ),
        (
            vec![part(json!({"http": [{}], "exportTo": ["."]}), "far")],
            "delegate virtual service far/part of t/svc is not exported to t",
        ),
        (
            vec![part(json!({"http": [{}], "hosts": ["x"]}), "far")],
            "delegate virtual service far/part of t/svc not found",
        ),
        (
            vec![part(json!({"http": [{}], "exportTo": ["t"]}), "far")],
            "",
        ),
        (vec![part(json!({"http": [{}]}), "far")], ""),
    ];
    for (others, expected) in rows {
        let spec = json!({"hosts": ["svc"], "http": [
            {"delegate": {"name": "part", "namespace": "far"}}, {"name": "own"},
        ]});
        let objects: Vec<_> = [object("svc", "t", spec)]
            .into_iter()
            .chain(others)
            .collect();
        let mut problems = Vec::new();
        let rules = rules(&objects[0], &objects, &mut problems);
        assert_eq!(rules.last().unwrap().rule.name, "own");
        let told = match expected {
            "" => Vec::new(),
            why => vec![format!("virtual service t/svc: http[0] is left out: {why}")],
        };
        assert_eq!(problems, told);
    }
}

#[test]
fn a_delegate_that_delegates_is_left_out_and_nothing_runs_in_circles() {
    let circle = json!({"http": [{"delegate": {"name": "part"}}]});
    let objects = [
        root(json!({"delegate": {"name": "part"}})),
        object("part", "t", circle),
    ];
    let mut problems = Vec::new();
    assert!(rules(&objects[0], &objects, &mut problems).is_empty());
    assert_eq!(
        problems,
        ["virtual service t/part: http[0] is left out: a delegate cannot delegate"]
    );
}

#[test]
fn names_of_a_delegate_in_another_namespace_are_its_own() {
    let objects = [
        root(json!({"delegate": {"name": "part", "namespace": "far"}})),
        object(
            "part",
            "far",
            json!({"http": [{
                "match": [{"gateways": ["g", "mesh"]}],
                "route": [{"destination": {"host": "near"}}],
                "mirrors": [{"destination": {"host": "copy"}}],
            }]}),
        ),
    ];
    let resolved = resolved(&objects[0], &objects);
    let rule = &resolved.spec.http[0];
    assert_eq!(rule.route[0].destination.host, "near.far.svc.cluster.local");
    assert_eq!(
        rule.mirrors[0].destination.host,
        "copy.far.svc.cluster.local"
    );
    assert_eq!(rule.matches[0].gateways, ["far/g", "mesh"]);
}
