//! Policies in Envoy's words, ours and theirs; what has its default is left out or filled in on both
//! sides alike.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{seconds, time};
use crate::config::{Balancing, CONNECT_TIMEOUT, Config, Discovery, Outlier, Policy, Threshold};

/// What we made of all clusters of services.
pub(super) fn ours(config: &Config) -> BTreeMap<String, Value> {
    let clusters = config.clusters.values();
    let clusters = clusters.filter(|cluster| cluster.discovery == Discovery::Eds);
    clusters
        .map(|cluster| (cluster.name.to_string(), policy(&cluster.policy)))
        .collect()
}

fn policy(policy: &Policy) -> Value {
    let balancer = match policy.balancing {
        Balancing::LeastRequest => "LEAST_REQUEST",
        Balancing::RoundRobin => "ROUND_ROBIN",
        Balancing::Random => "RANDOM",
        Balancing::RingHash { .. } => "RING_HASH",
        Balancing::Maglev(_) => "MAGLEV",
    };
    let mut envoy = json!({"lb": balancer});
    if policy.connect_timeout != CONNECT_TIMEOUT {
        envoy["connect_timeout"] = seconds(policy.connect_timeout);
    }
    let limits = [
        ("max_connections", policy.limits.max_connections),
        ("max_pending_requests", policy.limits.max_pending_requests),
        ("max_requests", policy.limits.max_requests),
        ("max_retries", policy.limits.max_retries),
        (
            "max_requests_per_connection",
            policy.max_requests_per_connection,
        ),
    ];
    for (name, limit) in limits {
        if let Some(limit) = limit {
            envoy[name] = limit.into();
        }
    }
    if let Some(rules) = &policy.outlier {
        envoy["outlier_detection"] = outlier(rules);
        envoy["panic"] = f64::from(rules.panic_threshold).into();
    }
    if policy.weighs_localities {
        envoy["weighs_localities"] = true.into();
    }
    envoy
}

fn outlier(rules: &Outlier) -> Value {
    let threshold = |it: Threshold| json!([it.errors, if it.enforced { 100 } else { 0 }]);
    json!({
        "5xx": threshold(rules.consecutive_5xx),
        "gateway": threshold(rules.consecutive_gateway),
        "local_origin": rules.consecutive_local_origin.map(threshold),
        "interval": seconds(rules.interval),
        "base": seconds(rules.base_ejection_time),
        "max_percent": rules.max_ejection_percent,
    })
}

/// What istiod made of a cluster.
pub(super) fn theirs(cluster: &Value) -> Value {
    let mut cluster = cluster.clone();
    let members = cluster.as_object_mut().unwrap();
    if let Some(limit) = members.get_mut("connect_timeout") {
        *limit = time(limit);
    }
    if let Some(rules) = members.get_mut("outlier_detection") {
        *rules = their_outlier(rules);
    }
    if let Some(panic) = members.get_mut("panic") {
        *panic = panic.as_f64().unwrap().into();
    }
    cluster
}

/// Envoy's own defaults filled in.
fn their_outlier(rules: &Value) -> Value {
    let number =
        |key: &str, default: u64| rules.get(key).map_or(default, |it| it.as_u64().unwrap());
    let threshold = |name: &str, enforcing: u64| {
        let enforcing = number(&format!("enforcing_{name}"), enforcing);
        // A threshold of 0 is never reached, whatever is to happen then.
        match number(name, 5) {
            0 => json!([0, 100]),
            errors => json!([errors, enforcing]),
        }
    };
    let duration = |key: &str, default: u64| {
        rules
            .get(key)
            .map_or(seconds(Duration::from_secs(default)), time)
    };
    let apart = rules.get("split_external_local_origin_errors").is_some();
    json!({
        "5xx": threshold("consecutive_5xx", 100),
        "gateway": threshold("consecutive_gateway_failure", 0),
        "local_origin": apart.then(|| threshold("consecutive_local_origin_failure", 100)),
        "interval": duration("interval", 10),
        "base": duration("base_ejection_time", 30),
        "max_percent": number("max_ejection_percent", 10),
    })
}
