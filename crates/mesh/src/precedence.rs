//! Several objects for one host: which of them rules.

mod destination_rule;
mod virtual_service;

use std::cmp::Ordering;

pub use destination_rule::{destination_rule, destination_rules};
pub(crate) use virtual_service::bound;
pub use virtual_service::{MESH, bound_to, virtual_service, virtual_services};

use crate::model::Metadata;

/// Istio: the oldest wins; of the same second, the first by name, then by namespace.
fn by_age(a: &Metadata, b: &Metadata) -> Ordering {
    a.creation_timestamp
        .cmp(&b.creation_timestamp)
        .then_with(|| a.name.cmp(&b.name))
        .then_with(|| a.namespace.cmp(&b.namespace))
}

/// Who sees an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Visibility {
    /// Its own namespace.
    Private,
    /// Namespaces it lists.
    Listed,
    /// All.
    Public,
}

/// Whether `namespace` sees an object of `own` at all.
pub(crate) fn is_seen(export_to: &[String], own: &str, namespace: &str) -> bool {
    visibility(export_to, own, namespace).is_some()
}

/// How `namespace` comes to see an object; none if it does not.
fn visibility(export_to: &[String], own: &str, namespace: &str) -> Option<Visibility> {
    let lists = |entry: &str| export_to.iter().any(|listed| listed == entry);
    if export_to.is_empty() || lists("*") {
        return Some(Visibility::Public);
    }
    let private = export_to.iter().all(|entry| entry == "." || entry == own);
    if own == namespace && (lists(".") || lists(own)) {
        return Some(if private {
            Visibility::Private
        } else {
            Visibility::Listed
        });
    }
    lists(namespace).then_some(Visibility::Listed)
}

#[cfg(test)]
mod tests;
