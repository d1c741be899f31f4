//! The webhook's rules for a Sidecar.

use serde::Deserialize;
use serde_json::Value;

use super::{Complaints, connection_pool, hosts, ports};
use crate::model::{ConnectionPool, Kind, Object};

/// `spec` of a Sidecar.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SidecarSpec {
    workload_selector: Option<Value>,
    ingress: Vec<Ingress>,
    egress: Vec<Egress>,
    outbound_traffic_policy: Option<Value>,
    inbound_connection_pool: Option<ConnectionPool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ingress {
    port: Option<Port>,
    connection_pool: Option<ConnectionPool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Egress {
    port: Option<Port>,
    hosts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Port {
    number: u32,
    protocol: String,
    name: String,
}

impl Kind for SidecarSpec {
    const KIND: &'static str = "Sidecar";
}

pub(super) fn check(object: &Object<SidecarSpec>) -> Complaints {
    let spec = &object.spec;
    let mut complaints = Complaints::default();
    if spec.says_nothing() {
        complaints.add("sidecar: empty configuration provided");
        return complaints;
    }
    if spec
        .workload_selector
        .as_ref()
        .is_some_and(|it| it["labels"].is_null())
    {
        complaints.warn(
            "sidecar: workload selector specified without labels, will be applied to all services in \
             namespace",
        );
    }
    ingress(&spec.ingress, &mut complaints);
    if let Some(pool) = &spec.inbound_connection_pool {
        connection_pool::check(pool, &mut complaints);
    }
    egress(&spec.egress, &mut complaints);
    complaints
}

fn ingress(listeners: &[Ingress], complaints: &mut Complaints) {
    for (index, listener) in listeners.iter().enumerate() {
        let Some(port) = &listener.port else {
            complaints.add("sidecar: port is required for ingress listeners");
            continue;
        };
        check_port(port, complaints);
        let same = |it: &Ingress| it.port.as_ref().is_some_and(|it| it.number == port.number);
        complaints.check(!listeners[..index].iter().any(same), || {
            "sidecar: ports on IP bound listeners must be unique".to_owned()
        });
        if let Some(pool) = &listener.connection_pool {
            connection_pool::check(pool, complaints);
        }
    }
}

fn egress(listeners: &[Egress], complaints: &mut Complaints) {
    for (index, listener) in listeners.iter().enumerate() {
        let last = index + 1 == listeners.len();
        match &listener.port {
            Some(port) => check_port(port, complaints),
            None => complaints.check(last, || {
                "sidecar: the egress listener with empty port should be the last listener in the list"
                    .to_owned()
            }),
        }
        if listener.hosts.is_empty() {
            complaints.add("sidecar: egress listener must contain at least one host");
        }
        for host in &listener.hosts {
            hosts::within_namespace(host, hosts::Owner::Sidecar, complaints);
        }
    }
}

fn check_port(port: &Port, complaints: &mut Complaints) {
    if !port.name.is_empty() {
        ports::name(&port.name, complaints);
    }
    ports::protocol(&port.protocol, complaints);
    ports::number(port.number, complaints);
}

impl SidecarSpec {
    fn says_nothing(&self) -> bool {
        self.ingress.is_empty()
            && self.egress.is_empty()
            && self.outbound_traffic_policy.is_none()
            && self.inbound_connection_pool.is_none()
    }
}
