//! Names: hosts, gateways, namespaces, subsets, labels.

use super::Complaints;

/// Checks a host name, `*` or `*.suffix`; addresses are no names, and pass.
pub(super) fn host(host: &str, complaints: &mut Complaints) {
    if host == "*" || host.parse::<std::net::IpAddr>().is_ok() {
        return;
    }
    domain(host, host.strip_prefix("*.").unwrap_or(host), complaints);
}

/// Checks the labels of `checked`, a part of the name that is told.
fn domain(told: &str, checked: &str, complaints: &mut Complaints) {
    if checked.is_empty() {
        complaints.add("empty domain name not allowed");
    } else if let Some(label) = checked.split('.').find(|label| !is_label(label)) {
        complaints.add(format!(
            "domain name {told:?} invalid (label {label:?} invalid)"
        ));
    }
}

/// Checks a gateway, `name`, `namespace/name` or `mesh`.
pub(super) fn gateway(gateway: &str, complaints: &mut Complaints) {
    let parts = gateway
        .split_once('/')
        .map_or(vec![gateway], |(namespace, name)| vec![namespace, name]);
    parts
        .into_iter()
        .for_each(|part| domain(part, part, complaints));
}

/// Checks `exportTo` of an object of `namespace`.
pub(super) fn export_to(export_to: &[String], namespace: &str, complaints: &mut Complaints) {
    let lists = |entry: &str| export_to.iter().any(|listed| listed == entry);
    for entry in export_to {
        match entry.as_str() {
            "~" => {
                complaints.add("exportTo ~ (none) is not allowed for Istio configuration objects")
            }
            "." | "*" => {}
            name if is_dns_1123(name) => {}
            _ => complaints.add("only .,*, or a valid DNS 1123 label is allowed as exportTo entry"),
        }
    }
    if lists("*") && export_to.len() > 1 {
        complaints.add("cannot have both public (*) and non-public exportTo values for a resource");
    }
    let own = export_to
        .iter()
        .filter(|entry| *entry == "." || *entry == namespace)
        .count();
    if own > 1 {
        complaints.add(format!(
            "duplicate entries in exportTo: . and current namespace {namespace}"
        ));
    }
}

/// Checks the name of a subset that is not empty.
pub(super) fn subset(name: &str, complaints: &mut Complaints) {
    complaints.check(is_dns_1123(name), || {
        format!("subset name is invalid: {name}")
    });
}

/// Checks a label of a pod.
pub(super) fn label(key: &str, value: &str, complaints: &mut Complaints) {
    let (prefix, name) = key
        .rsplit_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if !is_tag(name) || prefix.is_some_and(|prefix| !prefix.split('.').all(is_label)) {
        complaints.add_listed(format!("invalid tag key: {key:?}"));
    }
    if !(value.is_empty() || is_tag(value)) {
        complaints.add_listed(format!("invalid tag value: {value:?}"));
    }
}

/// At most 63 letters, digits and `-` (and `extra`), beginning and ending with a letter or digit.
fn is_name(name: &str, extra: &str) -> bool {
    let plain = |char: char| char.is_ascii_alphanumeric();
    !name.is_empty()
        && name.len() <= 63
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name
            .chars()
            .all(|char| plain(char) || char == '-' || extra.contains(char))
}

fn is_label(label: &str) -> bool {
    is_name(label, "")
}

fn is_tag(tag: &str) -> bool {
    is_name(tag, "_.")
}

fn is_dns_1123(label: &str) -> bool {
    is_label(label) && !label.bytes().any(|byte| byte.is_ascii_uppercase())
}
