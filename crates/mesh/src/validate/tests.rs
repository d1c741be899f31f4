//! Against the answers of a real webhook (`tests/data/admission.json`); each object passed the
//! schema of its kind.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{DestinationRule, VirtualService};
use crate::obeyed;

#[derive(Debug, serde::Deserialize)]
struct Case {
    name: String,
    object: Value,
    /// Empty where it was accepted.
    message: String,
    warnings: Vec<String>,
}

const DENIED: &str =
    "admission webhook \"validation.istio.io\" denied the request: configuration is invalid: ";

#[test]
fn objects_are_accepted_and_refused_as_by_istio() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../tests/data/admission.json")).unwrap();
    assert!(cases.len() > 220);
    let mut wrong = Vec::new();
    for case in cases {
        let (message, warnings) = match validate(&case.object) {
            Ok(warnings) => (String::new(), warnings),
            Err(complaints) => (format!("{DENIED}{complaints}"), Vec::new()),
        };
        if (&message, &warnings) != (&case.message, &case.warnings) {
            wrong.push(format!(
                "{}:\n  ours   {message:?} {warnings:?}\n  theirs {:?} {:?}",
                case.name, case.message, case.warnings
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn other_kinds_are_not_judged() {
    let policy = json!({"kind": "PeerAuthentication", "spec": {"mtls": 1}});
    assert_eq!(validate(&policy), Ok(Vec::new()));
}

#[test]
fn a_direct_response_is_small() {
    let rule = |length: usize| {
        let body = json!({"string": "x".repeat(length)});
        let response = json!({"status": 200, "body": body});
        let spec = json!({"hosts": ["a.b"], "http": [{"directResponse": response}]});
        validate(&object("networking.istio.io", "VirtualService", spec))
    };
    let told = "large direct_responses may impact control plane performance";
    assert_eq!(rule(100 << 10), Ok(Vec::new()));
    let warnings = rule((100 << 10) + 1).unwrap();
    assert!(warnings.iter().any(|it| it == told), "{warnings:?}");
    let refusal = rule((1 << 20) + 1).unwrap_err().to_string();
    assert!(
        refusal.contains(&format!("{told}, must be less than 1MB")),
        "{refusal}"
    );
}

fn object(group: &str, kind: &str, spec: Value) -> Value {
    json!({"apiVersion": format!("{group}/v1"), "kind": kind,
        "metadata": {"name": "x", "namespace": "theater-msa"}, "spec": spec})
}

fn refused(kind: &str, spec: Value) -> String {
    let complaints = validate(&object("networking.istio.io", kind, spec));
    complaints.unwrap_err().to_string()
}

#[test]
fn what_a_header_cannot_be_is_refused() {
    let with = |headers: Value| {
        let route = json!([{"destination": {"host": "a"}}]);
        let spec = json!({"hosts": ["a"], "http": [{"route": route, "headers": headers}]});
        validate(&object("networking.istio.io", "VirtualService", spec))
    };
    let set = |name: &str, value: &str| json!({"set": {name: value}});
    let told = |headers| with(headers).unwrap_err().to_string();
    assert_eq!(
        told(json!({"request": set("x", "two\nlines")})),
        "header value configuration two\nlines is invalid"
    );
    assert_eq!(
        told(json!({"request": set(":path", "/")})),
        "invalid header \":path\": header cannot have \":\" prefix"
    );
    assert_eq!(
        told(json!({"response": set("Host", "a")})),
        "invalid header \"Host\": cannot set Host header"
    );
    assert_eq!(with(json!({"request": set("Host", "a")})), Ok(Vec::new()));
}

#[test]
fn a_delegate_holds_http_rules_of_its_own_and_nothing_else() {
    let to = json!([{"destination": {"host": "a"}}]);
    let rows = [
        (
            json!({"http": [{"route": to}], "gateways": ["g"]}),
            "delegate virtual service must have no gateways specified",
        ),
        (
            json!({"http": [{"route": to}], "tcp": [{"route": to}]}),
            "delegate virtual service must have no tcp route specified",
        ),
        (
            json!({"http": [{"route": to, "delegate": {"name": "b"}}]}),
            "delegate HTTP route cannot contain delegate",
        ),
        (
            json!({"http": [{"delegate": {"name": "b"}}]}),
            "2 errors occurred:\n\t* delegate HTTP route cannot contain delegate\n\t* \
             HTTP route, redirect or direct_response is required\n\n",
        ),
    ];
    for (spec, told) in rows {
        assert_eq!(refused("VirtualService", spec), told);
    }
}

#[test]
fn a_gateway_server_has_the_tls_of_its_protocol() {
    let with = |protocol: &str, tls: Value| {
        let port = json!({"number": 443, "name": "p", "protocol": protocol});
        json!({"servers": [{"port": port, "hosts": ["*"], "tls": tls}]})
    };
    let rows = [
        (
            with("HTTP", json!({"mode": "SIMPLE", "credentialName": "c"})),
            "server cannot have TLS settings for plain text HTTP ports",
        ),
        (
            with("TCP", json!({"mode": "SIMPLE", "credentialName": "c"})),
            "server cannot have TLS settings for non HTTPS/TLS ports",
        ),
        (
            with("HTTPS", json!({"mode": "SIMPLE", "privateKey": "k"})),
            "SIMPLE TLS requires a server certificate",
        ),
        (
            with(
                "HTTPS",
                json!({"mode": "ISTIO_MUTUAL", "credentialName": "c"}),
            ),
            "ISTIO_MUTUAL TLS cannot have associated credentialName",
        ),
    ];
    for (spec, told) in rows {
        assert_eq!(refused("Gateway", spec), told);
    }
    let redirect = with("HTTP", json!({"httpsRedirect": true}));
    let redirect = object("networking.istio.io", "Gateway", redirect);
    assert_eq!(validate(&redirect), Ok(Vec::new()));
}

#[test]
fn hosts_of_other_namespaces_are_checked_part_by_part() {
    let with = |host: &str| json!({"egress": [{"hosts": [host]}]});
    let rows = [
        ("a_b/*", "invalid namespace value \"a_b\" in sidecar"),
        ("a/short", "short names (non FQDN) are not allowed"),
        (
            "a/b_c.d",
            "domain name \"b_c.d\" invalid (label \"b_c\" invalid)",
        ),
    ];
    for (host, told) in rows {
        assert_eq!(refused("Sidecar", with(host)), told, "{host}");
    }
}

#[test]
fn a_condition_compares_with_values_of_its_attribute() {
    let with = |key: &str, values: &[&str]| {
        let spec = json!({"rules": [{"when": [{"key": key, "values": values}]}]});
        validate(&object("security.istio.io", "AuthorizationPolicy", spec))
    };
    let told = |key, values| with(key, values).unwrap_err().to_string();
    let head = "invalid policy x.theater-msa: invalid `value` for `key`";
    assert_eq!(
        told("request.headers[]", &["a"]),
        format!(
            "2 errors occurred:\n\t* {head} request.headers[]: bad key (request.headers[]): should have format a[b]\n\t* \
             invalid policy x.theater-msa: invalid `notValue` for `key` request.headers[]: bad key (request.headers[]): should have format a[b]\n\n"
        )
    );
    assert_eq!(
        told("source.ip", &["10.0.0.0/33"]),
        format!(
            "{head} source.ip: 1 error occurred:\n\t* bad CIDR range (10.0.0.0/33): \
             netip.ParsePrefix(\"10.0.0.0/33\"): invalid CIDR address\n\n"
        )
    );
    assert_eq!(with("destination.port", &["80"]), Ok(Vec::new()));
    assert_eq!(with("request.headers[x-user]", &["a"]), Ok(Vec::new()));
}

#[test]
fn a_deny_of_http_only_warns_of_tcp() {
    let with = |operation: Value| {
        let spec = json!({"action": "DENY", "rules": [{"to": [{"operation": operation}]}]});
        validate(&object("security.istio.io", "AuthorizationPolicy", spec)).unwrap()
    };
    let told = with(json!({"methods": ["GET"]}));
    assert!(
        told[0].contains("will deny all traffic to TCP ports"),
        "{told:?}"
    );
    assert_eq!(
        with(json!({"methods": ["GET"], "ports": ["80"]})),
        Vec::<String>::new()
    );
}

/// Small JSON values, some with the names of fields.
fn json_value() -> impl Strategy<Value = Value> {
    let names = "(http|match|route|destination|host|weight|fault|abort|percentage|value|headers|[a-z]{1,3})";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_passes_can_be_read_and_nothing_panics(spec in json_value(), rule in any::<bool>()) {
        let kind = if rule { "VirtualService" } else { "DestinationRule" };
        let object = json!({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec});
        obeyed::warnings(&object);
        if validate(&object).is_ok() {
            let read = if rule {
                VirtualService::parse(&object).map(|_| ())
            } else {
                DestinationRule::parse(&object).map(|_| ())
            };
            prop_assert!(read.is_ok(), "{read:?}");
        }
    }
}

#[test]
fn sizes_of_tables_and_warm_ups_are_looked_at() {
    let told = |load_balancer: Value| {
        let object = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": {"name": "a", "namespace": "t"},
            "spec": {"host": "a", "trafficPolicy": {"loadBalancer": load_balancer}},
        });
        match validate(&object) {
            Ok(warnings) => warnings.join("; "),
            Err(complaints) => complaints.to_string(),
        }
    };
    let maglev = |size: u64| json!({"consistentHash": {"maglev": {"tableSize": size}}});
    let rows = [
        (maglev(1009), ""),
        (maglev(1011), "tableSize must be a prime number for maglev"),
        (
            maglev(5_000_011),
            "tableSize must be less than 5000011 for maglev",
        ),
        (
            maglev(u64::MAX),
            "tableSize must be less than 5000011 for maglev",
        ),
        (
            json!({"consistentHash": {"maglev": {}}}),
            "tableSize must be set for maglev",
        ),
        (
            json!({"consistentHash": {"minimumRingSize": 5}}),
            "MinimumRingSize is deprecated",
        ),
        (
            json!({"consistentHash": {"minimumRingSize": 5, "ringHash": {}}}),
            "only one of MinimumRingSize or Maglev/Ringhash can be specified",
        ),
        (
            json!({"warmup": {"duration": "1s", "aggression": 0.5}}),
            "aggression should be greater",
        ),
        (json!({"warmup": {"aggression": 1}}), "duration is required"),
    ];
    for (load_balancer, expected) in rows {
        let told = told(load_balancer.clone());
        let fits = if expected.is_empty() {
            told.is_empty()
        } else {
            told.contains(expected)
        };
        assert!(fits, "{load_balancer}: {told}");
    }
}
