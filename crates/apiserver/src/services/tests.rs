use serde_json::json;

use super::*;
use crate::admission::Operation;
use crate::store::{RingLimits, SystemSource};

/// A cluster with one Service.
fn services() -> Services {
    let store = Store::new(Arc::new(SystemSource), RingLimits::default());
    let namespace = json!({"metadata": {"name": "shop"}});
    store.create(&rows::NAMESPACES, "", namespace).unwrap();
    let first = json!({"metadata": {"name": "a"}, "spec": {
        "clusterIP": "10.96.0.10", "type": "NodePort", "ports": [{"port": 80, "nodePort": 30086}],
    }});
    store.create(&rows::SERVICES, "shop", first).unwrap();
    Services::new(store, Ipv4Addr::new(10, 96, 0, 0))
}

fn service(spec: Value) -> Value {
    json!({"metadata": {"name": "b", "namespace": "shop"}, "spec": spec})
}

fn filled(services: &Services, spec: Value, old: Option<&Value>) -> Value {
    let mut service = service(spec);
    services.default_object(&rows::SERVICES, &mut service, old);
    service
}

fn refusal(services: &Services, spec: Value) -> Option<String> {
    let service = service(spec);
    let review = Review {
        operation: Operation::Create,
        resource: &rows::SERVICES,
        version: "v1",
        namespace: "shop",
        name: "b",
        object: Some(&service),
        old: None,
    };
    let refused = services.admit(&review).err();
    refused.map(|it| it.message().to_owned())
}

#[test]
fn an_address_is_given_once_and_kept() {
    let services = services();
    let created = filled(&services, json!({}), None);
    assert_eq!(created["spec"]["clusterIPs"], json!(["10.96.0.11"]));
    let replaced = filled(&services, json!({}), Some(&created));
    assert_eq!(replaced["spec"]["clusterIP"], "10.96.0.11");
    let alias = filled(&services, json!({"type": "ExternalName"}), Some(&created));
    assert_eq!(alias["spec"], json!({"type": "ExternalName"}));
}

#[test]
fn an_address_of_another_service_or_network_is_refused() {
    let services = services();
    for (ip, why) in [
        ("10.96.0.10", Some("provided IP is already allocated")),
        (
            "1.2.3.4",
            Some("the provided network does not match the current range"),
        ),
        ("10.96.7.7", None),
        ("None", None),
    ] {
        let expected = why.map(|why| {
            format!("Service \"b\" is invalid: spec.clusterIPs: Invalid value: [\"{ip}\"]: failed to allocate IP {ip}: {why}")
        });
        assert_eq!(refusal(&services, json!({"clusterIP": ip})), expected);
    }
}

#[test]
fn a_node_port_is_given_once_and_kept() {
    let services = services();
    let ports = json!([
        {"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "TCP"},
        {"name": "c", "port": 53, "protocol": "UDP"}, {"name": "d", "port": 1, "nodePort": 31000},
    ]);
    let spec = json!({"type": "NodePort", "ports": ports});
    let created = filled(&services, spec.clone(), None);
    assert_eq!(given(&created), [30087, 30088, 30088, 31000]);
    let replaced = filled(&services, spec, Some(&created));
    assert_eq!(given(&replaced), given(&created));
}

#[test]
fn a_node_port_moves_to_the_port_that_asks_for_it() {
    let services = services();
    let spec = |ports| json!({"type": "NodePort", "ports": ports});
    let before = spec(json!([{"name": "a", "port": 1, "nodePort": 31000}]));
    let after =
        spec(json!([{"name": "a", "port": 1}, {"name": "b", "port": 2, "nodePort": 31000}]));
    let moved = filled(&services, after, Some(&service(before)));
    assert_eq!(given(&moved), [30087, 31000]);
}

#[test]
fn node_ports_come_and_go_with_the_type() {
    let services = services();
    for (kind, expected) in [
        (json!({"type": "ClusterIP"}), 0),
        (json!({"type": "LoadBalancer"}), 30087),
        (
            json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false}),
            0,
        ),
    ] {
        let mut spec = kind.clone();
        spec["ports"] = json!([{"port": 80}]);
        assert_eq!(given(&filled(&services, spec, None)), [expected], "{kind}");
    }
    let old = json!({"type": "NodePort", "externalTrafficPolicy": "Cluster",
        "ports": [{"port": 80, "nodePort": 31000}]});
    let mut new = old.clone();
    new["type"] = json!("ClusterIP");
    let inside = filled(&services, new, Some(&service(old)));
    assert_eq!(given(&inside), [0]);
    assert_eq!(inside["spec"].get("externalTrafficPolicy"), None);
}

#[test]
fn a_node_port_of_another_service_is_refused() {
    let port = |number| json!({"type": "NodePort", "clusterIP": "None", "ports": [{"port": 1, "nodePort": number}]});
    let expected = "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 30086: provided port is already allocated";
    assert_eq!(refusal(&services(), port(30086)).as_deref(), Some(expected));
    assert_eq!(refusal(&services(), port(30087)), None);
}

fn given(service: &Value) -> Vec<i64> {
    node_ports::ports(service)
        .map(node_ports::node_port)
        .collect()
}
