//! `envoy.config.route.v3.RouteConfiguration`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::duration;
use crate::config::{
    Action, Forward, HashPolicy, PASSTHROUGH, Route, RouteTable, UnknownHost, VirtualHost,
    WeightedCluster,
};
use crate::fault::{AbortStatus, Chance, Fault};
use crate::weights::Weighted;

const FAULT: &str = "envoy.extensions.filters.http.fault.v3.HTTPFault";
const CORS: &str = "envoy.extensions.filters.http.cors.v3.CorsPolicy";

/// A route table.
pub fn routes(table: &RouteTable) -> Value {
    let hosts = table.virtual_hosts.iter().enumerate();
    let host = |(index, host): (usize, &VirtualHost)| {
        json!({
            "name": *host.name,
            "domains": table.domains.of(index),
            "routes": host.routes.iter().map(|it| route(it)).collect::<Vec<_>>(),
            "include_request_attempt_count": true,
        })
    };
    let others = (table.unknown_host == UnknownHost::Passthrough && !table.domains.takes_all())
        .then(allow_any);
    json!({
        "name": *table.name,
        "virtual_hosts": hosts.map(host).chain(others).collect::<Vec<_>>(),
        "validate_clusters": false,
        "ignore_port_in_host_matching": true,
    })
}

/// Istio: where a sidecar sends hosts that it does not know.
fn allow_any() -> Value {
    json!({
        "name": "allow_any",
        "domains": ["*"],
        "routes": [{
            "name": "allow_any",
            "match": {"prefix": "/"},
            "route": {"cluster": PASSTHROUGH, "timeout": "0s"},
        }],
        "include_request_attempt_count": true,
    })
}

fn route(route: &Route) -> Value {
    let mut envoy = json!({"match": route.matches.envoy()});
    if !route.name.is_empty() {
        envoy["name"] = (*route.name).into();
    }
    let mut filters = Map::new();
    match &route.action {
        Action::Forward(action) => {
            envoy["route"] = forward(action);
            route.headers.write_host(&mut envoy["route"]);
            if let Some(cors) = &action.cors {
                filters.insert("envoy.filters.http.cors".into(), typed(CORS, cors.envoy()));
            }
        }
        Action::Redirect(redirect) => envoy["redirect"] = redirect.envoy(),
        Action::Respond { status, body } => {
            envoy["direct_response"] = json!({"status": status});
            if !body.is_empty() {
                envoy["direct_response"]["body"] = match str::from_utf8(body) {
                    Ok(text) => json!({"inline_string": text}),
                    Err(_) => json!({"inline_bytes": BASE64_STANDARD.encode(body)}),
                };
            }
        }
    }
    if !route.fault.is_none() {
        filters.insert(
            "envoy.filters.http.fault".into(),
            typed(FAULT, fault(&route.fault)),
        );
    }
    if !filters.is_empty() {
        envoy["typed_per_filter_config"] = filters.into();
    }
    route.headers.write_envoy(&mut envoy);
    envoy
}

fn forward(forward: &Forward) -> Value {
    let mut action = destinations(&forward.destinations);
    action["timeout"] = duration(forward.timeout.unwrap_or_default()).into();
    if let Some(retry) = &forward.retry {
        action["retry_policy"] = retry.envoy();
    }
    if let Some(rewrite) = &forward.rewrite {
        rewrite.write_envoy(&mut action);
    }
    if !forward.hash.is_empty() {
        action["hash_policy"] = forward.hash.iter().map(hash).collect();
    }
    if !forward.mirrors.is_empty() {
        let mirror = |mirror: &crate::mirror::Mirror| {
            json!({
                "cluster": *mirror.cluster,
                "runtime_fraction": {"default_value": percent(mirror.chance)},
                "disable_shadow_host_suffix_append": true,
            })
        };
        action["request_mirror_policies"] = forward.mirrors.iter().map(mirror).collect();
    }
    action
}

/// Istio: a single destination without changes of its own is no list.
fn destinations(destinations: &Weighted<WeightedCluster>) -> Value {
    let all: Vec<(&WeightedCluster, u64)> = destinations.iter().collect();
    if let [(only, _)] = all[..]
        && only.headers == Default::default()
    {
        return json!({"cluster": *only.cluster});
    }
    let weighted = |(to, weight): (&WeightedCluster, u64)| {
        let mut entry = json!({"name": *to.cluster, "weight": weight});
        to.headers.write_envoy(&mut entry);
        to.headers.write_host(&mut entry);
        entry
    };
    let entries: Vec<Value> = all.into_iter().map(weighted).collect();
    json!({"weighted_clusters": {"clusters": entries}})
}

fn hash(policy: &HashPolicy) -> Value {
    match policy {
        HashPolicy::Header(name) => json!({"header": {"header_name": name.as_str()}}),
        HashPolicy::Query(name) => json!({"query_parameter": {"name": name}}),
        HashPolicy::SourceIp => json!({"connection_properties": {"source_ip": true}}),
        HashPolicy::Cookie(cookie) => {
            let mut envoy = json!({"name": cookie.name});
            if let Some(ttl) = cookie.ttl {
                envoy["ttl"] = duration(ttl).into();
            }
            if !cookie.path.is_empty() {
                envoy["path"] = cookie.path.as_str().into();
            }
            if !cookie.attributes.is_empty() {
                envoy["attributes"] = cookie.attributes.iter().map(|it| attribute(it)).collect();
            }
            json!({"cookie": envoy})
        }
    }
}

fn attribute(text: &str) -> Value {
    match text.split_once('=') {
        Some((name, value)) => json!({"name": name, "value": value}),
        None => json!({"name": text}),
    }
}

fn fault(fault: &Fault) -> Value {
    let mut envoy = json!({});
    if let Some(delay) = &fault.delay {
        envoy["delay"] = json!({
            "fixed_delay": duration(delay.duration),
            "percentage": percent(delay.chance),
        });
    }
    if let Some(abort) = &fault.abort {
        envoy["abort"] = match abort.status {
            AbortStatus::Http(status) => json!({"http_status": status}),
            AbortStatus::Grpc(code) => json!({"grpc_status": code}),
        };
        envoy["abort"]["percentage"] = percent(abort.chance);
    }
    envoy
}

/// `envoy.type.v3.FractionalPercent`.
fn percent(chance: Chance) -> Value {
    let denominator = match chance.denominator {
        100 => "HUNDRED",
        10_000 => "TEN_THOUSAND",
        _ => "MILLION",
    };
    json!({"numerator": chance.numerator, "denominator": denominator})
}

fn typed(kind: &str, mut message: Value) -> Value {
    message["@type"] = format!("type.googleapis.com/{kind}").into();
    message
}
