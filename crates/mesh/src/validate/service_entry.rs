//! The webhook's rules for a ServiceEntry.

use serde::Deserialize;
use serde_json::Value;

use super::ports::{self, Layer};
use super::workload_entry::{self, WorkloadEntrySpec};
use super::{Complaints, hosts};
use crate::model::{Kind, Object};

/// `spec` of a ServiceEntry.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ServiceEntrySpec {
    hosts: Vec<String>,
    addresses: Vec<String>,
    ports: Vec<Port>,
    resolution: Resolution,
    endpoints: Vec<WorkloadEntrySpec>,
    workload_selector: Option<Value>,
    export_to: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Port {
    number: u32,
    protocol: String,
    name: String,
    target_port: u32,
}

/// How addresses are found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Resolution {
    #[default]
    None,
    Static,
    Dns,
    DnsRoundRobin,
    DynamicDns,
}

impl Kind for ServiceEntrySpec {
    const KIND: &'static str = "ServiceEntry";
}

pub(super) fn check(object: &Object<ServiceEntrySpec>) -> Complaints {
    let mut complaints = Complaints::default();
    let spec = &object.spec;
    if spec
        .workload_selector
        .as_ref()
        .is_some_and(|it| it["labels"].is_null())
    {
        complaints.warn(
            "service entry: workload selector specified without labels, will be applied to all \
             services in namespace",
        );
    }
    for host in &spec.hosts {
        hosts::host(host, &mut complaints);
    }
    for address in &spec.addresses {
        hosts::subnet(address, &mut complaints);
    }
    check_ports(&spec.ports, &mut complaints);
    endpoints(spec, &mut complaints);
    let distinct =
        |port: &Port| matches!(ports::layer(&port.protocol), Some(Layer::Http | Layer::Tls));
    let several = spec.resolution != Resolution::None && spec.hosts.len() > 1;
    complaints.check(!several || spec.ports.iter().all(distinct), || {
        "multiple hosts provided with non-HTTP, non-TLS ports".to_owned()
    });
    hosts::export_to(&spec.export_to, &object.metadata.namespace, &mut complaints);
    complaints
}

fn check_ports(all: &[Port], complaints: &mut Complaints) {
    for (index, port) in all.iter().enumerate() {
        complaints.check(!all[..index].iter().any(|it| it.name == port.name), || {
            format!("service entry port name {:?} already defined", port.name)
        });
        if port.target_port != 0 {
            ports::number(port.target_port, complaints);
        }
        ports::name(&port.name, complaints);
        ports::protocol(&port.protocol, complaints);
        ports::number(port.number, complaints);
    }
}

fn endpoints(spec: &ServiceEntrySpec, complaints: &mut Complaints) {
    let names: Vec<&str> = spec.ports.iter().map(|port| port.name.as_str()).collect();
    let address = match spec.resolution {
        // Refused by the schema, with endpoints.
        Resolution::None => return,
        Resolution::Static => workload_entry::by_address,
        Resolution::Dns | Resolution::DnsRoundRobin | Resolution::DynamicDns => {
            workload_entry::by_name_or_address
        }
    };
    let mode = match spec.resolution {
        Resolution::Dns => Some("DNS"),
        Resolution::DnsRoundRobin => Some("DNS_ROUND_ROBIN"),
        _ => None,
    };
    if let Some(mode) = mode.filter(|_| spec.endpoints.is_empty()) {
        for fault in spec.hosts.iter().filter_map(|host| hosts::fqdn_fault(host)) {
            complaints.add(format!(
                "hosts must be FQDN or contain only prefix wildcards if no endpoints are provided for \
                 resolution mode {mode}, {fault}"
            ));
        }
    }
    for endpoint in &spec.endpoints {
        address(endpoint, complaints);
        workload_entry::port_map(endpoint, Some(&names), complaints);
        workload_entry::labels(endpoint, complaints);
    }
}
