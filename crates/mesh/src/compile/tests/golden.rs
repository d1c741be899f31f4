//! What istiod 1.30 made of the same objects (`tests/data/istiod.json`): routes and clusters.

mod clusters;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{client, endpoint, service, sidecar};
use crate::config::{Action, HashPolicy, Route};
use crate::fault::AbortStatus;
use crate::matching::tests::sorted;
use crate::mirror::Mirror;
use crate::registry::{Endpoint, Protocol};
use crate::retry::{Conditions, RetryPolicy};

#[test]
fn routes_and_clusters_are_those_that_istiod_makes() {
    let rows: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/data/istiod.json")).unwrap();
    assert!(rows.len() > 100);
    for row in rows {
        let objects = row["objects"].as_array().unwrap();
        let namespace = row["namespace"].as_str().unwrap();
        let app = if namespace == "t" { "client" } else { "api" };
        let services = [service("svc", namespace, Protocol::Sniffed, endpoints())];
        let config = sidecar(&services, objects, &client(namespace, app));
        let table = &config.routes[&*format!("svc.{namespace}.svc.cluster.local:8080")];
        let ours: Vec<Value> = table.virtual_hosts[0]
            .routes
            .iter()
            .map(|route| envoy(route))
            .collect();
        // A few rows without VirtualService were recorded without their routes.
        if let Some(theirs) = row["routes"].as_array() {
            let theirs: Vec<Value> = theirs.iter().map(normalized).collect();
            assert_eq!(ours, theirs, "routes of row {}", row["row"]);
        }
        let theirs: BTreeMap<String, Value> =
            serde_json::from_value(row["clusters"].clone()).unwrap();
        let theirs: BTreeMap<String, Value> = theirs
            .iter()
            .map(|(name, cluster)| (name.clone(), clusters::theirs(cluster)))
            .collect();
        assert_eq!(
            clusters::ours(&config),
            theirs,
            "clusters of row {}",
            row["row"]
        );
    }
}

fn endpoints() -> Vec<Endpoint> {
    vec![endpoint(1, "ctx1", "z1"), endpoint(2, "ctx2", "z1")]
}

/// Our route in Envoy's words, as far as the recorded rows tell it.
fn envoy(route: &Route) -> Value {
    let mut matches = route.matches.envoy();
    for list in ["headers", "query_parameters"] {
        if let Some(Value::Array(items)) = matches.get(list).cloned() {
            matches[list] = sorted(items);
        }
    }
    let mut envoy = json!({"match": matches});
    if !route.name.is_empty() {
        envoy["name"] = (*route.name).into();
    }
    match &route.action {
        Action::Forward(forward) => {
            let clusters = forward.destinations.iter();
            envoy["clusters"] = clusters
                .map(|(to, weight)| json!([*to.cluster, weight]))
                .collect();
            envoy["timeout"] = seconds(forward.timeout.unwrap_or_default());
            if let Some(policy) = &forward.retry {
                envoy["retry"] = retry(policy);
            }
            if !forward.hash.is_empty() {
                envoy["hash"] = forward.hash.iter().map(hash).collect();
            }
            if !forward.mirrors.is_empty() {
                let mirror = |it: &Mirror| json!([*it.cluster, it.chance.as_percent()]);
                envoy["mirrors"] = forward.mirrors.iter().map(mirror).collect();
            }
            if let Some(cors) = &forward.cors {
                envoy["cors"] = cors.envoy();
            }
        }
        Action::Redirect(redirect) => envoy["status"] = redirect.status.into(),
        Action::Respond { status, body } => {
            envoy["direct_response"] = json!([status, String::from_utf8_lossy(body)]);
        }
    }
    if !route.fault.is_none() {
        envoy["fault"] = fault(&route.fault);
    }
    envoy
}

fn hash(policy: &HashPolicy) -> Value {
    match policy {
        HashPolicy::Header(name) => json!({"header": {"header_name": name.as_str()}}),
        HashPolicy::Query(name) => json!({"query_parameter": {"name": name}}),
        HashPolicy::SourceIp => json!({"connection_properties": {"source_ip": true}}),
        HashPolicy::Cookie(cookie) => {
            let ttl = cookie.ttl.map(|ttl| format!("{}s", ttl.as_secs()));
            json!({"cookie": {"name": cookie.name, "ttl": ttl, "path": cookie.path}})
        }
    }
}

fn retry(policy: &RetryPolicy) -> Value {
    let default = RetryPolicy::default();
    let mut envoy = json!({
        "on": format!("{:?}", policy.on),
        "n": policy.retries,
        "previous_hosts": policy.repicks == 5,
    });
    if let Some(limit) = policy.per_try_timeout {
        envoy["per_try_timeout"] = seconds(limit);
    }
    if policy.base != default.base {
        envoy["base"] = seconds(policy.base);
    }
    envoy
}

/// Millionths by which requests are hit, seconds and status.
fn fault(fault: &crate::fault::Fault) -> Value {
    let delay = fault
        .delay
        .map(|delay| json!([delay.chance.as_percent(), seconds(delay.duration)]));
    let abort = fault.abort.map(|abort| {
        let status = match abort.status {
            AbortStatus::Http(status) => json!({"http_status": status}),
            AbortStatus::Grpc(code) => json!({"grpc_status": code}),
        };
        json!([abort.chance.as_percent(), status])
    });
    json!({"delay": delay, "abort": abort})
}

fn seconds(duration: Duration) -> Value {
    duration.as_secs_f64().into()
}

/// Their route, with lists sorted, defaults written out and times as numbers.
fn normalized(route: &Value) -> Value {
    let mut route = route.as_object().unwrap().clone();
    let matches = route["match"].as_object_mut().unwrap();
    matches.entry("case_sensitive").or_insert(true.into());
    for list in ["headers", "query_parameters"].map(str::to_owned) {
        if let Some(Value::Array(items)) = matches.get(&list).cloned() {
            matches.insert(list, sorted(items));
        }
    }
    if let Some(timeout) = route.get_mut("timeout") {
        *timeout = time(timeout);
    }
    if let Some(retry) = route.get_mut("retry") {
        normalize_retry(retry.as_object_mut().unwrap());
    }
    if let Some(fault) = route.get_mut("fault") {
        *fault = normalized_fault(fault);
    }
    if let Some(Value::Array(mirrors)) = route.get_mut("mirrors") {
        for mirror in mirrors {
            mirror[1] = percent(&mirror[1]).into();
        }
    }
    if let Some(redirect) = route.remove("redirect") {
        let status = match redirect.get("response_code").and_then(Value::as_str) {
            None => 301,
            Some("FOUND") => 302,
            Some("SEE_OTHER") => 303,
            Some("TEMPORARY_REDIRECT") => 307,
            Some(_) => 308,
        };
        route.insert("status".into(), status.into());
    }
    if let Some(response) = route.get_mut("direct_response") {
        let body = response
            .pointer("/body/inline_string")
            .and_then(Value::as_str)
            .unwrap_or_default();
        *response = json!([response["status"], body]);
    }
    route.into()
}

fn normalize_retry(retry: &mut Map<String, Value>) {
    let codes = retry.remove("codes").unwrap();
    let mut on = retry["on"].as_str().unwrap().to_owned();
    // Istio takes the numbers out of the list and names their kind at its end.
    if let Some(named) = codes
        .as_array()
        .filter(|codes| !codes.is_empty())
        .map(|codes| {
            codes
                .iter()
                .map(Value::to_string)
                .collect::<Vec<_>>()
                .join(",")
        })
    {
        on = on.replacen("retriable-status-codes", &named, 1);
    }
    retry.insert("on".into(), format!("{:?}", Conditions::parse(&on)).into());
    for key in ["per_try_timeout", "base"] {
        if let Some(value) = retry.get_mut(key) {
            *value = time(value);
        }
    }
}

fn normalized_fault(fault: &Value) -> Value {
    let delay = fault
        .get("delay")
        .map(|delay| json!([percent(&delay["percentage"]), time(&delay["fixed_delay"])]));
    let abort = fault.get("abort").map(|abort| {
        let status = abort.get("http_status").map_or_else(
            || json!({"grpc_status": abort["grpc_status"]}),
            |status| json!({"http_status": status}),
        );
        json!([percent(&abort["percentage"]), status])
    });
    json!({"delay": delay, "abort": abort})
}

/// A fraction of a hundred or of a million; what is not written is none.
fn percent(fraction: &Value) -> f64 {
    let numerator = fraction.get("numerator").and_then(Value::as_f64);
    let million = fraction.get("denominator").and_then(Value::as_str) == Some("MILLION");
    numerator.unwrap_or(0.0) / if million { 10_000.0 } else { 1.0 }
}

fn time(text: &Value) -> Value {
    let text = text.as_str().unwrap();
    text.strip_suffix('s')
        .unwrap()
        .parse::<f64>()
        .unwrap()
        .into()
}
