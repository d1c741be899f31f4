//! The webhook's rules for a WorkloadEntry, alone or within a ServiceEntry.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::{Complaints, hosts, ports};
use crate::model::{Kind, Object};

/// `spec` of a WorkloadEntry.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WorkloadEntrySpec {
    pub(super) address: String,
    pub(super) network: String,
    pub(super) ports: BTreeMap<String, u32>,
    pub(super) labels: BTreeMap<String, String>,
}

impl Kind for WorkloadEntrySpec {
    const KIND: &'static str = "WorkloadEntry";
}

pub(super) fn check(object: &Object<WorkloadEntrySpec>) -> Complaints {
    let mut complaints = Complaints::default();
    let entry = &object.spec;
    if entry.address.is_empty() && !entry.network.is_empty() {
        let network = &entry.network;
        complaints.warn(format!("address is unset with network {network:?}"));
    }
    by_name_or_address(entry, &mut complaints);
    port_map(entry, None, &mut complaints);
    labels(entry, &mut complaints);
    complaints
}

/// An address that stands for itself.
pub(super) fn by_address(entry: &WorkloadEntrySpec, complaints: &mut Complaints) {
    let address = &entry.address;
    let known = address.is_empty() || address.starts_with("unix://") || is_ip(address);
    complaints.check(known, || {
        format!("endpoint address {address:?} is not a valid IP address")
    });
}

/// An address, or a name that is looked up.
pub(super) fn by_name_or_address(entry: &WorkloadEntrySpec, complaints: &mut Complaints) {
    let address = &entry.address;
    let local = address.is_empty() || address.starts_with("unix://");
    let known = local || is_ip(address) || hosts::fqdn_fault(address).is_none();
    complaints.check(known, || {
        format!("endpoint address {address:?} is not a valid FQDN or an IP address")
    });
}

/// Its ports; `known` are those of the service, where there is one.
pub(super) fn port_map(
    entry: &WorkloadEntrySpec,
    known: Option<&[&str]>,
    complaints: &mut Complaints,
) {
    for (name, port) in &entry.ports {
        complaints.check(
            known.is_none_or(|known| known.contains(&name.as_str())),
            || format!("endpoint port {port} is not defined by the service entry"),
        );
        ports::name(name, complaints);
        ports::number(*port, complaints);
    }
}

pub(super) fn labels(entry: &WorkloadEntrySpec, complaints: &mut Complaints) {
    for (key, value) in &entry.labels {
        hosts::label(key, value, complaints);
    }
}

fn is_ip(address: &str) -> bool {
    address.parse::<IpAddr>().is_ok()
}
