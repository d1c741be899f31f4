use serde_json::json;

use super::*;

fn object(kind: &str, version: &str, spec: Value) -> Value {
    json!({"apiVersion": format!("networking.istio.io/{version}"), "kind": kind, "metadata": {"name": "x"}, "spec": spec})
}

#[test]
fn every_version_is_the_same_object() {
    let parsed = VERSIONS.map(|version| {
        VirtualService::parse(&object("VirtualService", version, json!({"hosts": ["a"]}))).unwrap()
    });
    assert!(
        parsed
            .iter()
            .all(|object| *object == parsed[0] && object.id() == "default/x")
    );
}

#[test]
fn other_kinds_and_versions_are_refused_by_name() {
    let rows = [
        object("DestinationRule", "v1", json!({})),
        object("VirtualService", "v2", json!({})),
        json!({"apiVersion": "v1", "kind": "VirtualService"}),
        json!({}),
        json!([]),
    ];
    for object in rows {
        let error = VirtualService::parse(&object).unwrap_err().to_string();
        assert!(
            error.starts_with("expected a VirtualService of networking.istio.io"),
            "{error}"
        );
    }
}

#[test]
fn a_wrong_type_names_its_path() {
    let rows = [
        (
            json!({"http": [{"timeout": "soon"}]}),
            "spec.http[0].timeout",
        ),
        (
            json!({"http": [{"route": [{"weight": "70"}]}]}),
            "spec.http[0].route[0].weight",
        ),
        (
            json!({"http": [{"match": [{"headers": {"x-a": 1}}]}]}),
            "spec.http[0].match[0].headers.x-a",
        ),
        (json!({"hosts": "a"}), "spec.hosts"),
        (json!("text"), "spec"),
    ];
    for (spec, path) in rows {
        let error = VirtualService::parse(&object("VirtualService", "v1", spec))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("VirtualService \"x\": {path}: ")),
            "{error}"
        );
    }
    let mut timeless = object("VirtualService", "v1", json!({}));
    timeless["metadata"]["creationTimestamp"] = json!("yesterday");
    let error = VirtualService::parse(&timeless).unwrap_err().to_string();
    assert!(error.contains("metadata.creationTimestamp"), "{error}");
}

#[test]
fn nulls_and_unknown_fields_are_as_if_not_written() {
    let spec = json!({
        "hosts": ["a"], "gateways": null, "later": {"deep": 1},
        "http": [{"match": [{"headers": {"x": null}}], "mirror": {"host": "b"}, "timeout": null}],
    });
    let parsed = VirtualService::parse(&object("VirtualService", "v1", spec)).unwrap();
    assert!(parsed.spec.http[0].matches[0].headers.is_empty());
    assert_eq!(parsed.spec.http[0].timeout, None);
}

#[test]
fn a_destination_rule_is_read() {
    let spec = json!({
        "host": "svc",
        "trafficPolicy": {
            "loadBalancer": {"simple": "ROUND_ROBIN"},
            "portLevelSettings": [{"port": {"number": 8080}, "connectionPool": {}}],
        },
        "subsets": [{"name": "v1", "labels": {"a": "b"}}],
    });
    let parsed = DestinationRule::parse(&object("DestinationRule", "v1", spec))
        .unwrap()
        .spec;
    let policy = parsed.traffic_policy.unwrap();
    assert_eq!(
        policy.load_balancer.unwrap().simple,
        Some(SimpleLb::RoundRobin)
    );
    assert_eq!(
        policy.port_level_settings[0].port,
        Some(PortSelector { number: 8080 })
    );
    assert_eq!(parsed.subsets[0].labels["a"], "b");
}
