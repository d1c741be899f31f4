//! The webhook's rules for a VirtualService.

use super::{Complaints, hosts, http_route, l4_route, unreachable};
use crate::model::VirtualService;
use crate::names::covers;
use crate::precedence::{MESH, bound_to};

pub(super) fn check(object: &VirtualService) -> Complaints {
    let mut complaints = Complaints::default();
    let spec = &object.spec;
    let is_delegate = spec.hosts.is_empty();
    if is_delegate {
        delegate(object, &mut complaints);
    }
    spec.gateways
        .iter()
        .for_each(|gateway| hosts::gateway(gateway, &mut complaints));
    let in_mesh = bound_to(&spec.gateways, MESH, "");
    for host in &spec.hosts {
        complaints.check(!(in_mesh && host == "*"), || {
            "wildcard host * is not allowed for virtual services bound to the mesh gateway"
                .to_owned()
        });
        hosts::host(host, &mut complaints);
    }
    duplicates(&spec.hosts, &mut complaints);
    let other_routes = spec.tcp.len() + spec.tls.len();
    if spec.http.is_empty() && other_routes == 0 {
        complaints.add("http, tcp or tls must be provided in virtual service");
    }
    spec.http
        .iter()
        .for_each(|rule| http_route::check(rule, is_delegate, &mut complaints));
    spec.tls
        .iter()
        .for_each(|route| l4_route::tls(route, spec, &mut complaints));
    spec.tcp
        .iter()
        .for_each(|route| l4_route::tcp(route, &mut complaints));
    hosts::export_to(&spec.export_to, &object.metadata.namespace, &mut complaints);
    unreachable::check(&spec.http, &mut complaints);
    complaints
}

/// Istio: an object without hosts is there for others to delegate to, and holds http rules only.
fn delegate(object: &VirtualService, complaints: &mut Complaints) {
    let spec = &object.spec;
    let meaningless = [
        ("gateways", !spec.gateways.is_empty()),
        ("tls route", !spec.tls.is_empty()),
        ("tcp route", !spec.tcp.is_empty()),
    ];
    for (what, _) in meaningless.into_iter().filter(|(_, written)| *written) {
        complaints.add(format!(
            "delegate virtual service must have no {what} specified"
        ));
    }
}

/// Istio: hosts as written; the same one, or one that another's wildcard covers.
fn duplicates(hosts: &[String], complaints: &mut Complaints) {
    for (index, host) in hosts.iter().enumerate() {
        for other in &hosts[index + 1..] {
            if covers(host, other) || covers(other, host) {
                complaints.add(format!(
                    "duplicate hosts in virtual service: {host} & {other}"
                ));
            }
        }
    }
}
