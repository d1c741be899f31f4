//! Values that a policy compares a request with.

use std::net::IpAddr;

use super::super::Complaints;
use super::super::hosts::is_prefix;

/// What the values of an attribute have to be.
#[derive(Clone, Copy)]
enum Values {
    Any,
    Addresses,
    Ports,
    /// Any; the attribute itself has a key, `request.headers[x]`.
    Keyed,
    /// None: it is not known any more. The text says what is.
    Gone(&'static str),
}

/// Attributes by name, or by its beginning where they have a key.
const ATTRIBUTES: [(&str, Values); 17] = [
    ("request.headers", Values::Keyed),
    ("source.ip", Values::Addresses),
    ("remote.ip", Values::Addresses),
    ("source.namespace", Values::Any),
    ("source.principal", Values::Any),
    ("source.serviceAccount", Values::Any),
    ("request.auth.principal", Values::Any),
    ("request.auth.audiences", Values::Any),
    ("request.auth.presenter", Values::Any),
    ("request.auth.claims", Values::Keyed),
    ("destination.ip", Values::Addresses),
    ("destination.port", Values::Ports),
    ("connection.sni", Values::Any),
    ("experimental.envoy.filters.", Values::Keyed),
    (
        "destination.namespace",
        Values::Gone("is replaced by the metadata.namespace"),
    ),
    (
        "destination.labels",
        Values::Gone("is replaced by the workload selector"),
    ),
    (
        "destination.name",
        Values::Gone("is only supported in v1alpha1"),
    ),
];

/// Checks an attribute and what it is compared with.
pub(super) fn check(key: &str, values: &[String]) -> Complaints {
    let mut complaints = Complaints::default();
    no_empty(key, values, &mut complaints);
    if !complaints.is_empty() {
        return complaints;
    }
    let known = |(name, values): &&(&str, Values)| match values {
        Values::Keyed => key.starts_with(name),
        _ => key == *name || (key.starts_with(name) && key[name.len()..].starts_with('[')),
    };
    match ATTRIBUTES.iter().find(known).map(|(_, values)| *values) {
        Some(Values::Any) => {}
        Some(Values::Addresses) => addresses(values, &mut complaints),
        Some(Values::Ports) => ports(values, &mut complaints),
        Some(Values::Keyed) => complaints.check(has_key(key), || {
            format!("bad key ({key}): should have format a[b]")
        }),
        Some(Values::Gone(why)) => complaints.add(format!("attribute {key} {why}")),
        None => complaints.add(format!("unknown attribute: {key}")),
    }
    complaints
}

pub(super) fn no_empty(name: &str, values: &[String], complaints: &mut Complaints) {
    complaints.check(!values.iter().any(String::is_empty), || {
        format!("empty value not allowed, found in {name}")
    });
}

pub(super) fn addresses(values: &[String], complaints: &mut Complaints) {
    for value in values {
        if value.contains('/') {
            if !is_prefix(value) {
                complaints.add_listed(format!(
                    "bad CIDR range ({value}): netip.ParsePrefix({value:?}): invalid CIDR address"
                ));
            }
        } else if value.parse::<IpAddr>().is_err() {
            complaints.add_listed(format!("bad IP address ({value})"));
        }
    }
}

pub(super) fn ports(values: &[String], complaints: &mut Complaints) {
    for value in values {
        match value.parse::<u64>() {
            Ok(port) if port <= 65535 => {}
            Ok(port) if u32::try_from(port).is_ok() => {
                complaints.add_listed(format!("bad port ({value}): <nil>"));
            }
            other => {
                let why = if other.is_ok() {
                    "value out of range"
                } else {
                    "invalid syntax"
                };
                complaints.add_listed(format!(
                    "bad port ({value}): strconv.ParseUint: parsing {value:?}: {why}"
                ));
            }
        }
    }
}

fn has_key(attribute: &str) -> bool {
    let key = attribute
        .strip_suffix(']')
        .and_then(|it| it.split_once('['));
    key.is_some_and(|(name, key)| !name.is_empty() && !key.is_empty())
}
