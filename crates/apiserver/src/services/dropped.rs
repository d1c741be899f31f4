//! What a Service loses with its type. Kubernetes: what was filled in for a type goes with it,
//! unless the client changed it in the same write; then it is refused.

use serde_json::Value;

use super::node_ports::{node_port, ports};
use super::{kind, needs_address, needs_node_ports};
use crate::object;

/// Takes out of `service` what only the type of `old` needs.
pub(super) fn with_type(service: &mut Value, old: &Value) {
    for (goes, fields) in [
        (
            needs_address(old) && !needs_address(service),
            &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"][..],
        ),
        (
            is_balanced(old) && !is_balanced(service),
            &["allocateLoadBalancerNodePorts"],
        ),
        (
            is_reached_from_outside(old) && !is_reached_from_outside(service),
            &["externalTrafficPolicy"],
        ),
    ] {
        for field in fields.iter().filter(|_| goes) {
            drop_unchanged(service, old, field);
        }
    }
    let same = ports(service).map(node_port).eq(ports(old).map(node_port));
    if needs_node_ports(old) && !needs_node_ports(service) && same {
        drop_node_ports(service);
    }
}

fn drop_unchanged(service: &mut Value, old: &Value, field: &str) {
    let same = service["spec"].get(field) == object::at(old, &["spec", field]);
    if same {
        object::member_mut(service, "spec").remove(field);
    }
}

fn drop_node_ports(service: &mut Value) {
    let ports = service.pointer_mut("/spec/ports");
    for port in ports.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.as_object_mut() {
            port.remove("nodePort");
        }
    }
}

fn is_balanced(service: &Value) -> bool {
    kind(service) == "LoadBalancer"
}

fn is_reached_from_outside(service: &Value) -> bool {
    matches!(kind(service), "NodePort" | "LoadBalancer")
}
