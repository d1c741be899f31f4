//! VirtualServices of one host are not merged: one owns it.

use super::{by_age, visibility};
use crate::model::VirtualService;
use crate::names;

/// The name by which sidecars stand among `gateways`.
pub const MESH: &str = "mesh";

/// The VirtualService that rules `host` (FQDN) for sidecars of `namespace`.
pub fn virtual_service<'a>(
    objects: &'a [VirtualService],
    host: &str,
    namespace: &str,
) -> Option<&'a VirtualService> {
    virtual_services(objects, host, namespace)
        .into_iter()
        .next()
}

/// All VirtualServices that name `host`, the ruling one first; the others have no effect on it.
///
/// Istio: a more specific host goes first, then private objects, those exported to the namespace,
/// public ones; within each the oldest.
pub fn virtual_services<'a>(
    objects: &'a [VirtualService],
    host: &str,
    namespace: &str,
) -> Vec<&'a VirtualService> {
    let mut ranked: Vec<_> = objects
        .iter()
        .filter(|object| bound_to(&object.spec.gateways, MESH, &object.metadata.namespace))
        .filter_map(|object| {
            let own = &object.metadata.namespace;
            let seen = visibility(&object.spec.export_to, own, namespace)?;
            Some((std::cmp::Reverse(specificity(object, host)?), seen, object))
        })
        .collect();
    ranked.sort_by(|(length_a, seen_a, a), (length_b, seen_b, b)| {
        (length_a, seen_a)
            .cmp(&(length_b, seen_b))
            .then_with(|| by_age(&a.metadata, &b.metadata))
    });
    ranked.into_iter().map(|(_, _, object)| object).collect()
}

/// The VirtualServices bound to a gateway of `namespace`, the oldest first.
pub(crate) fn bound<'a>(
    objects: &'a [VirtualService],
    gateway: &str,
    namespace: &str,
) -> Vec<&'a VirtualService> {
    let mut bound: Vec<_> = objects
        .iter()
        .filter(|object| bound_to(&object.spec.gateways, gateway, &object.metadata.namespace))
        .filter(|object| {
            visibility(
                &object.spec.export_to,
                &object.metadata.namespace,
                namespace,
            )
            .is_some()
        })
        .collect();
    bound.sort_by(|a, b| by_age(&a.metadata, &b.metadata));
    bound
}

/// Whether `gateways` (none = mesh) names `gateway`, `namespace/name` or the name in `own`.
pub fn bound_to(gateways: &[String], gateway: &str, own: &str) -> bool {
    if gateways.is_empty() {
        return gateway == MESH;
    }
    gateways.iter().any(|written| {
        written == gateway || gateway.split_once('/') == Some((own, written.as_str()))
    })
}

/// How closely an object names a host: longer is closer, exact is closest.
fn specificity(object: &VirtualService, host: &str) -> Option<usize> {
    let namespace = &object.metadata.namespace;
    let resolved = object
        .spec
        .hosts
        .iter()
        .map(|written| names::fqdn(written, namespace));
    let covering = resolved.filter(|written| names::covers(written, host));
    covering
        .map(|written| {
            if written == host {
                usize::MAX
            } else {
                written.len()
            }
        })
        .max()
}
