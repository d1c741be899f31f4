//! The webhook's rules for routes of TCP and TLS.

use super::http_route::destination;
use super::{Complaints, hosts, ports};
use crate::model::{L4Match, L4Route, VirtualServiceSpec};
use crate::names::covers;

pub(super) fn tcp(route: &L4Route, complaints: &mut Complaints) {
    for entry in &route.matches {
        conditions(entry, complaints);
    }
    if route.route.is_empty() {
        complaints.add("TCP route is required");
    }
    destinations(route, complaints);
}

pub(super) fn tls(route: &L4Route, object: &VirtualServiceSpec, complaints: &mut Complaints) {
    if route.matches.is_empty() {
        complaints.add("TLS route must have at least one match condition");
    }
    for entry in &route.matches {
        server_names(entry, object, complaints);
        conditions(entry, complaints);
    }
    if route.route.is_empty() {
        complaints.add("TLS route is required");
    }
    destinations(route, complaints);
}

fn server_names(entry: &L4Match, object: &VirtualServiceSpec, complaints: &mut Complaints) {
    if entry.sni_hosts.is_empty() {
        complaints.add("TLS match must have at least one SNI host");
    }
    for name in &entry.sni_hosts {
        if name.parse::<std::net::IpAddr>().is_ok() {
            complaints.warn(format!(
                "using an IP address ({name:?}) goes against SNI spec and most clients do not support this"
            ));
            continue;
        }
        hosts::host(name, complaints);
        let known = |host: &String| host == name || host == "*" || covers(host, name);
        complaints.check(object.hosts.iter().any(known), || {
            format!(
                "SNI host {name:?} is not a compatible subset of any of the virtual service hosts: [{}]",
                object.hosts.join(", ")
            )
        });
    }
}

fn conditions(entry: &L4Match, complaints: &mut Complaints) {
    for subnet in &entry.destination_subnets {
        hosts::subnet(subnet, complaints);
    }
    if entry.port != 0 {
        ports::number(entry.port, complaints);
    }
    for (key, value) in &entry.source_labels {
        hosts::label(key, value, complaints);
    }
    for gateway in &entry.gateways {
        hosts::gateway(gateway, complaints);
    }
}

fn destinations(route: &L4Route, complaints: &mut Complaints) {
    for one in &route.route {
        destination(&one.destination, complaints);
        complaints.check(one.weight >= 0, || format!("weight {} < 0", one.weight));
    }
    let total: i64 = route.route.iter().map(|one| one.weight).sum();
    if route.route.len() > 1 && total == 0 {
        complaints.add("total destination weight = 0");
    }
}
