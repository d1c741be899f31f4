//! `envoy.config.cluster.v3.Cluster` and `envoy.config.endpoint.v3.ClusterLoadAssignment`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::duration;
use crate::config::{
    Balancing, Cluster, Discovery, Host, IDLE_TIMEOUT, Limits, Outlier, Policy, SlowStart,
    Threshold,
};
use crate::registry::Locality;

const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// A cluster without its endpoints.
pub fn cluster(cluster: &Cluster) -> Value {
    let policy = &cluster.policy;
    let mut envoy = json!({
        "name": *cluster.name,
        "connect_timeout": duration(policy.connect_timeout),
        "circuit_breakers": {"thresholds": [thresholds(&policy.limits)]},
        "common_lb_config": common(policy),
        "alt_stat_name": format!("{};", cluster.name),
    });
    match cluster.discovery {
        Discovery::OriginalDst => {
            envoy["type"] = "ORIGINAL_DST".into();
            envoy["lb_policy"] = "CLUSTER_PROVIDED".into();
        }
        Discovery::Static => envoy["type"] = "STATIC".into(),
        Discovery::Eds => {
            envoy["type"] = "EDS".into();
            envoy["eds_cluster_config"] = json!({
                "eds_config": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
                "service_name": *cluster.name,
            });
            balancing(policy, &mut envoy);
        }
    }
    if let Some(rules) = &policy.outlier {
        envoy["outlier_detection"] = outlier(rules);
    }
    if let Some(options) = common_http(policy) {
        envoy["typed_extension_protocol_options"] = json!({HTTP_OPTIONS: {
            "@type": format!("type.googleapis.com/{HTTP_OPTIONS}"),
            "common_http_protocol_options": options,
            "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}},
        }});
    }
    envoy
}

/// How long connections are used; none where nothing is written.
fn common_http(policy: &Policy) -> Option<Value> {
    let mut options = json!({});
    if let Some(most) = policy.max_requests_per_connection {
        options["max_requests_per_connection"] = most.into();
    }
    if policy.idle_timeout != IDLE_TIMEOUT {
        options["idle_timeout"] = duration(policy.idle_timeout).into();
    }
    if let Some(longest) = policy.max_connection_duration {
        options["max_connection_duration"] = duration(longest).into();
    }
    options
        .as_object()
        .is_some_and(|it| !it.is_empty())
        .then_some(options)
}

/// Its endpoints, by priority and locality.
pub fn endpoints(cluster: &Cluster) -> Value {
    let mut groups: BTreeMap<(u32, &Locality), Vec<&Host>> = BTreeMap::new();
    for host in cluster.hosts.iter() {
        let group = groups.entry((host.priority, &host.locality));
        group.or_default().push(host);
    }
    let groups = groups
        .into_iter()
        .map(|((priority, place), hosts)| group(priority, place, &hosts));
    json!({
        "cluster_name": *cluster.name,
        "endpoints": groups.collect::<Vec<_>>(),
        "policy": {"overprovisioning_factor": 140},
    })
}

fn group(priority: u32, place: &Locality, hosts: &[&Host]) -> Value {
    let mut group = json!({
        "locality": locality(place),
        "lb_endpoints": hosts.iter().map(|host| endpoint(host)).collect::<Vec<_>>(),
    });
    if let Some(host) = hosts.first() {
        group["load_balancing_weight"] = host.locality_weight.into();
    }
    if priority > 0 {
        group["priority"] = priority.into();
    }
    group
}

fn endpoint(host: &Host) -> Value {
    json!({
        "endpoint": {"address": {"socket_address": {
            "address": host.address.ip().to_string(),
            "port_value": host.address.port(),
        }}},
        "health_status": "HEALTHY",
        "load_balancing_weight": host.weight,
    })
}

fn locality(place: &Locality) -> Value {
    let parts = [
        ("region", &place.region),
        ("zone", &place.zone),
        ("sub_zone", &place.subzone),
    ];
    let known = parts.into_iter().filter(|(_, name)| !name.is_empty());
    let known = known.map(|(key, name)| (key.to_owned(), name.as_str().into()));
    Value::Object(known.collect::<Map<_, _>>())
}

/// Istio writes the largest number where there is no limit.
fn thresholds(limits: &Limits) -> Value {
    let limit = |limit: Option<u32>| limit.unwrap_or(u32::MAX);
    let mut thresholds = json!({
        "max_connections": limit(limits.max_connections),
        "max_pending_requests": limit(limits.max_pending_requests),
        "max_requests": limit(limits.max_requests),
        "max_retries": limit(limits.max_retries),
    });
    if let Some(budget) = &limits.retry_budget {
        thresholds["retry_budget"] = json!({
            "budget_percent": {"value": budget.percent},
            "min_retry_concurrency": budget.minimum,
        });
    }
    thresholds
}

fn balancing(policy: &Policy, envoy: &mut Value) {
    let slow_start = policy.slow_start.as_ref().map(slow_start);
    let name = match policy.balancing {
        Balancing::LeastRequest => {
            if let Some(slow_start) = slow_start {
                envoy["least_request_lb_config"] = json!({"slow_start_config": slow_start});
            }
            "LEAST_REQUEST"
        }
        // Envoy's default.
        Balancing::RoundRobin => {
            if let Some(slow_start) = slow_start {
                envoy["round_robin_lb_config"] = json!({"slow_start_config": slow_start});
            }
            return;
        }
        Balancing::Random => "RANDOM",
        Balancing::RingHash { minimum } => {
            envoy["ring_hash_lb_config"] = json!({"minimum_ring_size": minimum.to_string()});
            "RING_HASH"
        }
        Balancing::Maglev(size) => {
            envoy["maglev_lb_config"] = json!({"table_size": size.get().to_string()});
            "MAGLEV"
        }
    };
    envoy["lb_policy"] = name.into();
}

fn slow_start(rules: &SlowStart) -> Value {
    json!({
        "slow_start_window": duration(rules.window),
        // Istio writes a key that nothing can be set by.
        "aggression": {"default_value": rules.aggression, "runtime_key": "("},
        "min_weight_percent": {"value": rules.minimum * 100.0},
    })
}

fn common(policy: &Policy) -> Value {
    let mut common = json!({});
    if let Some(rules) = &policy.outlier {
        common["healthy_panic_threshold"] = match rules.panic_threshold {
            0 => json!({}),
            percent => json!({"value": percent}),
        };
    }
    if policy.weighs_localities {
        common["locality_weighted_lb_config"] = json!({});
    }
    common
}

fn outlier(rules: &Outlier) -> Value {
    let mut envoy = json!({
        "interval": duration(rules.interval),
        "base_ejection_time": duration(rules.base_ejection_time),
        "max_ejection_percent": rules.max_ejection_percent,
        "enforcing_success_rate": 0,
    });
    let mut write = |name: &str, threshold: Threshold| {
        envoy[name] = threshold.errors.into();
        let enforcing = threshold.enforced && threshold.errors > 0;
        envoy[format!("enforcing_{name}")] = if enforcing { 100.into() } else { 0.into() };
    };
    write("consecutive_5xx", rules.consecutive_5xx);
    write("consecutive_gateway_failure", rules.consecutive_gateway);
    if let Some(threshold) = rules.consecutive_local_origin {
        write("consecutive_local_origin_failure", threshold);
        envoy["split_external_local_origin_errors"] = true.into();
        envoy["enforcing_local_origin_success_rate"] = 0.into();
    }
    envoy
}
