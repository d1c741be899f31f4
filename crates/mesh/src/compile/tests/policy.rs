//! What of a `trafficPolicy` no recorded row tells.

use super::*;
use crate::config::{Balancing, Policy, RetryBudget, SlowStart, TableSize};

/// The policy towards a subset of `svc` with its own rules, under those of the host.
fn policy(host: Value, subset: Value) -> Policy {
    let rule = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {
            "host": "svc", "trafficPolicy": host,
            "subsets": [{"name": "v", "trafficPolicy": subset}],
        },
    });
    let config = sidecar(&[svc(Protocol::Http)], &[rule], &client("t", "api"));
    let cluster = &config.clusters["outbound|8080|v|svc.t.svc.cluster.local"];
    cluster.policy.clone()
}

fn balanced(load_balancer: Value) -> Policy {
    policy(json!({"loadBalancer": load_balancer}), Value::Null)
}

#[test]
fn a_ring_or_a_table_has_the_size_that_is_written() {
    let ring = |minimum| Balancing::RingHash { minimum };
    let maglev = |size| Balancing::Maglev(TableSize::new(size).unwrap());
    let rows = [
        (json!({}), ring(1024)),
        (json!({"ringHash": {"minimumRingSize": 0}}), ring(1024)),
        (json!({"ringHash": {"minimumRingSize": 7}}), ring(7)),
        (json!({"minimumRingSize": 8}), ring(8)),
        (json!({"maglev": {}}), maglev(65_537)),
        (json!({"maglev": {"tableSize": 1009}}), maglev(1009)),
    ];
    for (hash, expected) in rows {
        let balancing = balanced(json!({"consistentHash": hash})).balancing;
        assert_eq!(balancing, expected, "{hash}");
    }
}

#[test]
fn hosts_warm_up_where_they_take_turns_or_the_less_busy_is_asked() {
    let start = |seconds, aggression, minimum| {
        Some(SlowStart {
            window: std::time::Duration::from_secs(seconds),
            aggression,
            minimum,
        })
    };
    let warmup = json!({"duration": "60s", "aggression": 2, "minimumPercent": 30});
    let rows = [
        (
            json!({"simple": "ROUND_ROBIN", "warmup": warmup}),
            start(60, 2.0, 0.3),
        ),
        (json!({"warmup": {"duration": "5s"}}), start(5, 1.0, 0.1)),
        (json!({"warmupDurationSecs": "7s"}), start(7, 1.0, 0.1)),
        (json!({"simple": "RANDOM", "warmup": warmup}), None),
        (
            json!({"consistentHash": {"useSourceIp": true}, "warmup": warmup}),
            None,
        ),
        (json!({"simple": "ROUND_ROBIN"}), None),
    ];
    for (balancer, expected) in rows {
        assert_eq!(
            balanced(balancer.clone()).slow_start,
            expected,
            "{balancer}"
        );
    }
}

#[test]
fn a_budget_of_retries_has_istios_defaults_and_none_of_its_own_at_a_port() {
    let budget = |percent, minimum| Some(RetryBudget { percent, minimum });
    let host = json!({"retryBudget": {"percent": 50, "minRetryConcurrency": 9}});
    let at_port = json!({"portLevelSettings": [{"port": {"number": 8080}, "connectionPool": {}}]});
    let both = {
        let mut both = host.clone();
        both["portLevelSettings"] = at_port["portLevelSettings"].clone();
        both
    };
    let rows = [
        (host.clone(), Value::Null, budget(50.0, 9)),
        (host.clone(), json!({"retryBudget": {}}), budget(20.0, 3)),
        (
            host.clone(),
            json!({"retryBudget": {"percent": 0}}),
            budget(0.0, 3),
        ),
        (host, at_port, budget(50.0, 9)),
        (both, Value::Null, None),
        (Value::Null, Value::Null, None),
    ];
    for (host, subset, expected) in rows {
        let limits = policy(host.clone(), subset.clone()).limits;
        assert_eq!(limits.retry_budget, expected, "{host} {subset}");
    }
}

#[test]
fn connections_are_hashed_by_where_they_come_from_alone() {
    for (hash, expected) in [
        (json!({"useSourceIp": true}), true),
        (json!({"useSourceIp": false}), false),
        (json!({"httpHeaderName": "x-user"}), false),
    ] {
        let policy = balanced(json!({"consistentHash": hash.clone()}));
        assert_eq!(policy.hashes_sources, expected, "{hash}");
    }
}

#[test]
fn what_goes_where_the_client_dialled_has_no_endpoints() {
    use crate::config::Discovery;
    let subset = json!({"name": "v", "labels": {"cluster": "ctx1"}});
    let rule = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {
            "host": "svc", "subsets": [subset],
            "trafficPolicy": {"loadBalancer": {"simple": "PASSTHROUGH"}},
        },
    });
    for protocol in [Protocol::Http, Protocol::Tcp] {
        let config = sidecar(
            &[svc(protocol)],
            std::slice::from_ref(&rule),
            &client("t", "api"),
        );
        for subset in ["", "v"] {
            let name = format!("outbound|8080|{subset}|svc.t.svc.cluster.local");
            let cluster = &config.clusters[&*name];
            assert_eq!(cluster.discovery, Discovery::OriginalDst, "{name}");
            assert!(cluster.follows_clients() && cluster.hosts.is_empty());
        }
        let dialled = config.dialled_for("outbound|8080||svc.t.svc.cluster.local");
        let expected = (protocol == Protocol::Tcp).then(|| ([10, 96, 0, 1], 8080).into());
        assert_eq!(dialled, expected);
    }
}
