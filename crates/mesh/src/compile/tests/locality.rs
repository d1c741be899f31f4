//! Who is asked first: priorities and shares by where hosts are.

use super::*;
use crate::config::Cluster;

const GATEWAY: &str = "10.2.0.250:15443";

/// Two pods of ctx1 in the zones z1 and z2, two of ctx2; the client is in z1.
fn compiled(policy: Value, client_zone: &str) -> Cluster {
    let endpoints = vec![
        endpoint(1, "ctx1", "z1"),
        endpoint(2, "ctx1", "z2"),
        endpoint(1, "ctx2", "z2"),
        endpoint(2, "ctx2", "z2"),
    ];
    let services = [service("svc", "t", Protocol::Sniffed, endpoints)];
    let rule = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {"host": "svc", "trafficPolicy": policy},
    });
    let network = Network::Multi {
        gateways: BTreeMap::from([("ctx2".into(), vec![GATEWAY.parse().unwrap()])]),
    };
    let world = World {
        services: &services,
        virtual_services: &[],
        destination_rules: &[DestinationRule::parse(&rule).unwrap()],
        network: &network,
    };
    let client = Client {
        locality: Locality {
            region: "region-ctx1".into(),
            zone: format!("ctx1-{client_zone}"),
            ..Locality::default()
        },
        ..client("t", "api")
    };
    let config = compile_sidecar(&world, &client);
    let cluster = &config.clusters["outbound|8080||svc.t.svc.cluster.local"];
    Cluster::clone(cluster)
}

/// Zone of each host with its priority; the gateway's is that of the first pods behind it.
fn priorities(policy: Value) -> Vec<(String, u32)> {
    let cluster = compiled(policy, "z1");
    let of = |host: &crate::config::Host| (host.locality.zone.clone(), host.priority);
    cluster.hosts.iter().map(of).collect()
}

fn check(policy: Value, expected: [u32; 3]) {
    let zones = ["ctx1-z1", "ctx1-z2", "ctx2-z2"].map(str::to_owned);
    let expected: Vec<_> = zones.into_iter().zip(expected).collect();
    assert_eq!(priorities(policy.clone()), expected, "{policy}");
}

#[test]
fn the_nearest_hosts_come_first_where_failing_ones_are_ejected() {
    let locality = |setting: Value| json!({"outlierDetection": {}, "loadBalancer": {"localityLbSetting": setting}});
    // Measured: own zone, other zone, gateway.
    check(json!({"outlierDetection": {}}), [0, 1, 2]);
    check(locality(json!({})), [0, 1, 2]);
    check(locality(json!({"enabled": true})), [0, 1, 2]);
    check(locality(json!({"enabled": false})), [0, 0, 0]);
    // Without ejection nobody would ever fall back.
    check(json!({"loadBalancer": {"simple": "RANDOM"}}), [0, 0, 0]);
    check(
        json!({"loadBalancer": {"localityLbSetting": {"failover": [{"from": "a", "to": "b"}]}}}),
        [0, 0, 0],
    );
}

#[test]
fn labels_decide_instead_where_they_are_given() {
    let labels = |labels: Value| json!({"outlierDetection": {}, "loadBalancer": {"localityLbSetting": {"failoverPriority": labels}}});
    // Measured: both zones first, the gateway after them.
    check(labels(json!(["topology.kubernetes.io/region"])), [0, 0, 1]);
    check(
        labels(json!([
            "topology.kubernetes.io/region",
            "topology.kubernetes.io/zone"
        ])),
        [0, 1, 2],
    );
    check(labels(json!(["topology.istio.io/cluster"])), [0, 0, 1]);
    check(labels(json!(["topology.istio.io/cluster=ctx2"])), [1, 1, 0]);
    check(
        labels(json!(["topology.kubernetes.io/zone=ctx1-z2"])),
        [1, 0, 1],
    );
    // A label that neither has is the same for both.
    check(labels(json!(["nobody/has-it"])), [0, 0, 0]);
}

#[test]
fn a_region_that_stands_in_comes_before_others() {
    let failover = |to: &str| {
        json!({"outlierDetection": {}, "loadBalancer": {"localityLbSetting": {
            "failover": [{"from": "region-ctx1", "to": to}],
        }}})
    };
    check(failover("region-ctx2"), [0, 1, 2]);
    check(failover("elsewhere"), [0, 1, 2]);
}

#[test]
fn localities_are_weighed_only_where_the_rule_speaks_of_them() {
    let weighs = |policy: Value| compiled(policy, "z1").policy.weighs_localities;
    let setting = |setting: Value| json!({"outlierDetection": {}, "loadBalancer": {"localityLbSetting": setting}});
    assert!(!weighs(json!({"outlierDetection": {}})));
    assert!(!weighs(setting(json!({"enabled": false}))));
    assert!(weighs(setting(
        json!({"failoverPriority": ["topology.kubernetes.io/region"]})
    )));
    assert!(weighs(setting(
        json!({"failover": [{"from": "a", "to": "b"}]})
    )));
}

/// Zone and weight of the locality of each host.
fn weights(distribute: Value, client_zone: &str) -> Vec<(String, u32)> {
    let policy = json!({"loadBalancer": {"localityLbSetting": {"distribute": distribute}}});
    let cluster = compiled(policy, client_zone);
    assert!(cluster.policy.weighs_localities);
    let of = |host: &crate::config::Host| (host.locality.zone.clone(), host.locality_weight);
    cluster.hosts.iter().map(of).collect()
}

#[test]
fn shares_are_divided_among_the_localities_that_a_pattern_covers() {
    // golden/istiod/14: 80 over two zones, 20 for the gateway of weight 2.
    let distribute =
        json!([{"from": "region-ctx1/*", "to": {"region-ctx1/*": 80, "region-ctx2/*": 20}}]);
    let expected = [("ctx1-z1", 40), ("ctx1-z2", 40), ("ctx2-z2", 20)];
    assert_eq!(
        weights(distribute, "z1"),
        expected.map(|(zone, weight)| (zone.to_owned(), weight))
    );
}

#[test]
fn who_gets_no_share_is_left_out_and_other_clients_see_all() {
    let distribute = json!([{"from": "region-ctx1/ctx1-z1", "to": {"region-ctx1/ctx1-z1/*": 100}}]);
    assert_eq!(
        weights(distribute.clone(), "z1"),
        [("ctx1-z1".to_owned(), 100)]
    );
    let expected = [("ctx1-z1", 1), ("ctx1-z2", 1), ("ctx2-z2", 2)];
    assert_eq!(
        weights(distribute, "z2"),
        expected.map(|(zone, weight)| (zone.to_owned(), weight))
    );
}
