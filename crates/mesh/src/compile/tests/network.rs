//! Hosts: subsets, localities, the other cluster behind its gateway.

use super::*;
use crate::config::Host;

const GATEWAY: &str = "10.2.0.250:15443";

fn multi(addresses: &[&str]) -> Network {
    let addresses = addresses
        .iter()
        .map(|address| address.parse().unwrap())
        .collect();
    Network::Multi {
        gateways: BTreeMap::from([("ctx2".into(), addresses)]),
    }
}

fn subsets(namespace: &str, simple: &str, labels: &[(&str, Value)]) -> DestinationRule {
    let subsets: Vec<Value> = labels
        .iter()
        .map(|(name, labels)| json!({"name": name, "labels": labels}))
        .collect();
    DestinationRule::parse(&json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": namespace},
        "spec": {
            "host": "svc.t.svc.cluster.local",
            "trafficPolicy": {"loadBalancer": {"simple": simple}},
            "subsets": subsets,
        },
    }))
    .unwrap()
}

fn by_cluster() -> [(&'static str, Value); 2] {
    [
        ("ctx1", json!({"cluster": "ctx1"})),
        ("ctx2", json!({"cluster": "ctx2"})),
    ]
}

/// The hosts of a subset: address and weight.
fn hosts(endpoints: Vec<Endpoint>, network: &Network, subset: &str) -> Vec<(String, u32)> {
    compiled(endpoints, network, subset)
        .iter()
        .map(|host| (host.address.to_string(), host.weight))
        .collect()
}

fn compiled(endpoints: Vec<Endpoint>, network: &Network, subset: &str) -> Vec<Host> {
    let services = [service("svc", "t", Protocol::Sniffed, endpoints)];
    let world = World {
        services: &services,
        virtual_services: &[],
        destination_rules: &[subsets("t", "RANDOM", &by_cluster())],
        network,
    };
    let config = compile_sidecar(&world, &client("t", "api"));
    config.clusters[&*format!("outbound|8080|{subset}|svc.t.svc.cluster.local")]
        .hosts
        .to_vec()
}

fn host(address: &str, weight: u32) -> (String, u32) {
    (address.to_owned(), weight)
}

#[test]
fn another_network_is_one_host_with_the_weight_of_its_first_locality() {
    let local = || vec![endpoint(1, "ctx1", "z1"), endpoint(2, "ctx1", "z2")];
    let with = |remote: Vec<Endpoint>| [local(), remote].concat();
    // Measured: two in one zone weigh 2; two in two zones weigh 1; 1 in z1 and 4 in z2 weigh 1.
    let rows = [
        (
            vec![endpoint(1, "ctx2", "z1"), endpoint(2, "ctx2", "z1")],
            2,
        ),
        (
            vec![endpoint(1, "ctx2", "z1"), endpoint(2, "ctx2", "z2")],
            1,
        ),
        (
            [
                vec![endpoint(1, "ctx2", "z1")],
                (2..6).map(|n| endpoint(n, "ctx2", "z2")).collect(),
            ]
            .concat(),
            1,
        ),
    ];
    for (remote, weight) in rows {
        let ours = [host("10.1.0.1:8080", 1), host("10.1.0.2:8080", 1)];
        let all = [ours.to_vec(), vec![host(GATEWAY, weight)]].concat();
        assert_eq!(hosts(with(remote.clone()), &multi(&[GATEWAY]), ""), all);
        assert_eq!(
            hosts(with(remote.clone()), &multi(&[GATEWAY]), "ctx2"),
            [host(GATEWAY, weight)]
        );
        assert_eq!(hosts(with(remote), &multi(&[GATEWAY]), "ctx1"), ours);
    }
}

#[test]
fn the_gateway_is_told_the_subset_by_server_name() {
    let remote = || vec![endpoint(1, "ctx2", "z1")];
    let sni = |subset| {
        compiled(remote(), &multi(&[GATEWAY]), subset)[0]
            .sni
            .clone()
    };
    assert_eq!(
        sni("ctx2").as_deref(),
        Some("outbound_.8080_.ctx2_.svc.t.svc.cluster.local")
    );
    assert_eq!(
        sni("").as_deref(),
        Some("outbound_.8080_._.svc.t.svc.cluster.local")
    );
    assert_eq!(compiled(remote(), &Network::Single, "")[0].sni, None);
}

#[test]
fn a_single_network_or_a_missing_gateway_shows_pods_directly() {
    let remote = || vec![endpoint(1, "ctx2", "z1"), endpoint(2, "ctx2", "z2")];
    let pods = [host("10.2.0.1:8080", 1), host("10.2.0.2:8080", 1)];
    assert_eq!(hosts(remote(), &Network::Single, "ctx2"), pods);
    assert_eq!(hosts(remote(), &multi(&[]), "ctx2"), pods);
    assert_eq!(hosts(vec![], &multi(&[GATEWAY]), "ctx2"), []);
}

#[test]
fn several_gateways_share_the_weight() {
    let two = multi(&[GATEWAY, "10.2.0.251:15443"]);
    let endpoints = vec![
        endpoint(1, "ctx1", "z1"),
        endpoint(1, "ctx2", "z1"),
        endpoint(2, "ctx2", "z1"),
    ];
    let expected = [
        host("10.1.0.1:8080", 2),
        host(GATEWAY, 2),
        host("10.2.0.251:15443", 2),
    ];
    assert_eq!(hosts(endpoints, &two, ""), expected);
}

#[test]
fn subsets_may_use_labels_that_istio_makes_up() {
    let rows = [
        (json!({"topology.istio.io/cluster": "ctx2"}), 1),
        (
            json!({"topology.kubernetes.io/region": "region-ctx1", "app": "svc"}),
            2,
        ),
        (json!({"topology.kubernetes.io/zone": "ctx1-z2"}), 1),
        (json!({"kubernetes.io/hostname": "ctx1-z1"}), 1),
        (json!({}), 3),
        (json!({"cluster": "ctx3"}), 0),
    ];
    for (labels, count) in rows {
        let endpoints = vec![
            endpoint(1, "ctx1", "z1"),
            endpoint(2, "ctx1", "z2"),
            endpoint(1, "ctx2", "z1"),
        ];
        let services = [service("svc", "t", Protocol::Sniffed, endpoints)];
        let rule = subsets("t", "RANDOM", &[("s", labels.clone())]);
        let world = World {
            services: &services,
            virtual_services: &[],
            destination_rules: &[rule],
            network: &Network::Single,
        };
        let config = compile_sidecar(&world, &client("t", "api"));
        let hosts = &config.clusters["outbound|8080|s|svc.t.svc.cluster.local"].hosts;
        assert_eq!(hosts.len(), count, "{labels}");
    }
}

#[test]
fn an_east_west_gateway_knows_the_subsets_of_its_own_cluster_only() {
    let endpoints = vec![
        endpoint(1, "ctx1", "z1"),
        endpoint(1, "ctx2", "z1"),
        endpoint(2, "ctx2", "z2"),
    ];
    let services = [service("svc", "t", Protocol::Sniffed, endpoints)];
    let names = |rules: &[DestinationRule]| {
        let world = World {
            services: &services,
            virtual_services: &[],
            destination_rules: rules,
            network: &multi(&[GATEWAY]),
        };
        let table = compile_east_west(&world, "ctx2", &Locality::default());
        assert!(table.iter().all(|(name, cluster)| *name == cluster.name));
        table
            .into_iter()
            .map(|(name, cluster)| (name.to_string(), cluster.hosts.len()))
            .collect::<Vec<_>>()
    };
    let sni = |subset: &str, hosts| {
        (
            format!("outbound_.8080_.{subset}_.svc.t.svc.cluster.local"),
            hosts,
        )
    };
    assert_eq!(names(&[]), [sni("", 2)]);
    assert_eq!(
        names(&[subsets("t", "RANDOM", &by_cluster())]),
        [sni("", 2), sni("ctx1", 0), sni("ctx2", 2)]
    );
}
