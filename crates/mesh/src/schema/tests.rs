use serde_json::json;

use super::*;

fn virtual_service(http: Value) -> Value {
    json!({"kind": "VirtualService", "spec": {"hosts": ["a"], "http": [http]}})
}

fn destination_rule(policy: Value) -> Value {
    json!({"kind": "DestinationRule", "spec": {"host": "a", "trafficPolicy": policy}})
}

#[test]
fn what_is_obeyed_warns_of_nothing() {
    let rule = virtual_service(json!({
        "name": "n", "match": [{"uri": {"prefix": "/"}, "headers": {"x": {"exact": "1"}}, "ignoreUriCase": true}],
        "route": [{"destination": {"host": "b", "subset": "s", "port": {"number": 1}}, "weight": 1}],
        "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 1}}, "abort": {"httpStatus": 500}},
        "timeout": "1s", "retries": {"attempts": 1}, "rewrite": {"uri": "/"}, "headers": {"request": {"set": {"a": "b"}}},
    }));
    assert_eq!(warnings(&rule), Vec::<String>::new());
    assert_eq!(unknown_fields(&rule), Vec::<String>::new());
    let policy = destination_rule(json!({"loadBalancer": {"simple": "RANDOM"}}));
    assert_eq!(warnings(&policy), Vec::<String>::new());
}

#[test]
fn what_is_not_obeyed_yet_is_named_by_path_once() {
    let rule = virtual_service(json!({
        "route": [], "mirror": {"host": "b"}, "corsPolicy": {"maxAge": "1s"}, "delegate": null,
        "retries": {"retryRemoteLocalities": true},
    }));
    let expected = ["corsPolicy", "mirror", "retries.retryRemoteLocalities"];
    let text =
        |path: &str| format!("spec.http[0].{path} is accepted but not obeyed yet by the lab");
    assert_eq!(warnings(&rule), expected.map(text));
    let policy = destination_rule(json!({
        "outlierDetection": {"interval": "1s"},
        "loadBalancer": {"simple": "PASSTHROUGH", "localityLbSetting": {"enabled": false}},
        "portLevelSettings": [{"port": {"number": 1}, "tls": {}}],
    }));
    let mut told = warnings(&policy);
    told.sort();
    assert_eq!(
        told,
        [
            "spec.trafficPolicy.loadBalancer.localityLbSetting is accepted but not obeyed yet by the lab",
            "spec.trafficPolicy.loadBalancer.simple: PASSTHROUGH is accepted but not obeyed yet by the lab",
            "spec.trafficPolicy.outlierDetection is accepted but not obeyed yet by the lab",
            "spec.trafficPolicy.portLevelSettings[0].tls is accepted but not obeyed yet by the lab",
        ]
    );
}

#[test]
fn fields_that_nobody_knows_are_named_by_path() {
    let rule = virtual_service(
        json!({"rout": [], "match": [{"uri": {"glob": "*"}, "headers": {"any": {}}}]}),
    );
    assert_eq!(
        unknown_fields(&rule),
        ["spec.http[0].match[0].uri.glob", "spec.http[0].rout"]
    );
    let policy = destination_rule(json!({"outlierDetection": {"consecutiveErrs": 1}}));
    assert_eq!(
        unknown_fields(&policy),
        ["spec.trafficPolicy.outlierDetection.consecutiveErrs"]
    );
    assert_eq!(
        unknown_fields(&json!({"kind": "Gateway", "spec": {"x": 1}})),
        Vec::<String>::new()
    );
}
