//! What a pod's inbound side obeys.

use super::*;
use crate::config::{Limits, Policy};

/// The policy of the pod's port 8080 behind two services, the first the older.
fn policy(rules: &[Value]) -> Policy {
    let endpoints = || vec![endpoint(1, "ctx1", "z1")];
    let named = |name: &str, second: i64| Service {
        created: jiff::Timestamp::from_second(second).ok(),
        ..service(name, "t", Protocol::Sniffed, endpoints())
    };
    let services = [named("a-younger", 2), named("svc", 1)];
    let (_, rules) = parse(rules);
    let world = World {
        services: &services,
        virtual_services: &[],
        destination_rules: &rules,
        network: &Network::Single,
    };
    let address = endpoint(1, "ctx1", "z1").address;
    let config = compile_inbound(&world, &client("t", "svc"), address);
    config.clusters["inbound|8080||"].policy.clone()
}

fn rule(host: &str, spec: Value) -> Value {
    let mut rule = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": host, "namespace": "t"}, "spec": spec,
    });
    rule["spec"]["host"] = host.into();
    rule
}

fn pool(connections: u32) -> Value {
    json!({"tcp": {"maxConnections": connections}, "http": {"http1MaxPendingRequests": connections}})
}

fn most(connections: u32) -> Limits {
    Limits {
        max_connections: Some(connections),
        max_pending_requests: Some(connections),
        ..Limits::default()
    }
}

#[test]
fn the_hosts_pool_counts_and_nothing_else_of_its_policy() {
    // golden/istiod/15.
    let spec = json!({"trafficPolicy": {
        "connectionPool": pool(10), "outlierDetection": {}, "loadBalancer": {"simple": "RANDOM"},
    }});
    let inbound = policy(&[rule("svc", spec)]);
    assert_eq!((inbound.limits, inbound.outlier), (most(10), None));
    assert_eq!(policy(&[]).limits, Limits::default());
}

#[test]
fn a_subsets_pool_never_counts_and_a_ports_pool_replaces_the_hosts() {
    let spec = json!({
        "trafficPolicy": {"connectionPool": pool(10)},
        "subsets": [{"name": "ctx1", "labels": {"cluster": "ctx1"}, "trafficPolicy": {"connectionPool": pool(1)}}],
    });
    assert_eq!(policy(&[rule("svc", spec)]).limits, most(10));
    let spec = json!({"trafficPolicy": {
        "connectionPool": pool(10),
        "portLevelSettings": [{"port": {"number": 8080}, "connectionPool": pool(3)}],
    }});
    assert_eq!(policy(&[rule("svc", spec)]).limits, most(3));
}

#[test]
fn of_two_services_before_a_port_the_older_ones_rule_counts() {
    let rules = ["a-younger", "svc"].map(|host| {
        let connections = host.len() as u32;
        rule(
            host,
            json!({"trafficPolicy": {"connectionPool": pool(connections)}}),
        )
    });
    assert_eq!(policy(&rules).limits, most(3));
    assert_eq!(policy(&rules[..1]).limits, Limits::default());
}
