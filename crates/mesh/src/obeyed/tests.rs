//! What warns and what does not; and, field by field of Istio's own schema, that nothing is silent.

mod schema;

use serde_json::json;

use super::*;

fn virtual_service(http: Value) -> Value {
    json!({"kind": "VirtualService", "spec": {"hosts": ["a"], "http": [http]}})
}

fn destination_rule(policy: Value) -> Value {
    json!({"kind": "DestinationRule", "spec": {"host": "a", "trafficPolicy": policy}})
}

#[test]
fn what_is_not_obeyed_is_named_by_path_once_with_its_reason() {
    let rule = virtual_service(json!({
        "route": [], "match": [{"statPrefix": "a"}], "delegate": null,
        "fault": {"delay": {"exponentialDelay": "1s"}},
    }));
    assert_eq!(
        warnings(&rule),
        [
            "spec.http[0].fault.delay.exponentialDelay is accepted but not obeyed by the lab: \
             Istio does not support it either, write `fixedDelay`",
            "spec.http[0].match[0].statPrefix is accepted but not obeyed by the lab: \
             no statistics are kept per route",
        ]
    );
    let policy = destination_rule(json!({
        "connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE"}}, "tunnel": {"targetPort": 1},
        "loadBalancer": {"consistentHash": {"httpHeaderName": ":authority"}},
        "portLevelSettings": [{"port": {"number": 1}, "tls": {}}],
    }));
    let told = warnings(&policy);
    let paths: Vec<_> = told
        .iter()
        .map(|told| told.split(" is accepted").next().unwrap())
        .collect();
    assert_eq!(
        paths,
        [
            "spec.trafficPolicy.connectionPool.http.h2UpgradePolicy: UPGRADE",
            "spec.trafficPolicy.loadBalancer.consistentHash.httpHeaderName: :authority",
            "spec.trafficPolicy.portLevelSettings[0].tls",
            "spec.trafficPolicy.tunnel",
        ]
    );
}

#[test]
fn every_row_has_a_reason() {
    assert!(FIELDS.iter().all(|row| !row.why.is_empty()));
    assert!(VALUES.iter().all(|row| !row.why.is_empty()));
}

#[test]
fn a_kind_that_changes_nothing_says_what_stays() {
    let policy = json!({"kind": "AuthorizationPolicy", "spec": {"action": "DENY", "rules": [{}]}});
    assert_eq!(
        warnings(&policy),
        [
            "AuthorizationPolicy is accepted but not enforced by the lab: no request is allowed or denied by it"
        ]
    );
    assert_eq!(
        warnings(&json!({"kind": "Service", "spec": {"x": 1}})),
        Vec::<String>::new()
    );
}
