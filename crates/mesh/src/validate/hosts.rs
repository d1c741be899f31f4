//! Names: hosts, addresses, gateways, namespaces, subsets, labels.

use std::net::IpAddr;

use super::Complaints;

/// Who names hosts of other namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Gateway,
    Sidecar,
}

/// Checks a host name, `*` or `*.suffix`; addresses are no names, and pass.
pub(super) fn host(host: &str, complaints: &mut Complaints) {
    if host == "*" || host.parse::<IpAddr>().is_ok() {
        return;
    }
    domain(host, host.strip_prefix("*.").unwrap_or(host), complaints);
}

/// Checks the labels of `checked`, a part of the name that is told.
fn domain(told: &str, checked: &str, complaints: &mut Complaints) {
    if let Some(fault) = domain_fault(told, checked) {
        complaints.add(fault);
    }
}

fn domain_fault(told: &str, checked: &str) -> Option<String> {
    if checked.is_empty() {
        return Some("empty domain name not allowed".to_owned());
    }
    let label = checked.split('.').find(|label| !is_label(label))?;
    Some(format!(
        "domain name {told:?} invalid (label {label:?} invalid)"
    ))
}

/// What is wrong with a name that stands for one host only.
pub(super) fn fqdn_fault(name: &str) -> Option<String> {
    domain_fault(name, name)
}

/// Checks `namespace/host` of a gateway's server or a sidecar's listener; a gateway may leave the
/// namespace out.
pub(super) fn within_namespace(host_name: &str, owner: Owner, complaints: &mut Complaints) {
    let (namespace, name) = match host_name.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None if owner == Owner::Gateway => (None, host_name),
        None => return complaints.add("host must be of form namespace/dnsName"),
    };
    if let Some(namespace) = namespace {
        if namespace.is_empty() || name.is_empty() {
            complaints.add("config namespace and dnsName in host entry cannot be empty");
        }
        let (who, special): (_, &[&str]) = match owner {
            Owner::Gateway => ("gateway", &["*", "."]),
            Owner::Sidecar => ("sidecar", &["*", ".", "~"]),
        };
        let known = special.contains(&namespace) || is_dns_1123(namespace);
        complaints.check(known, || {
            format!("invalid namespace value {namespace:?} in {who}")
        });
    }
    complaints.check(name == "*" || name.contains('.'), || {
        "short names (non FQDN) are not allowed".to_owned()
    });
    host(name, complaints);
}

/// Checks an address.
pub(super) fn address(address: &str, complaints: &mut Complaints) {
    complaints.check(address.parse::<IpAddr>().is_ok(), || {
        format!("{address} is not a valid IP")
    });
}

/// Checks an address or a range of them.
pub(super) fn subnet(subnet: &str, complaints: &mut Complaints) {
    match subnet.matches('/').count() {
        1 => complaints.check(is_prefix(subnet), || {
            format!("{subnet} is not a valid CIDR block")
        }),
        _ => address(subnet, complaints),
    }
}

/// Whether it is a range of addresses, `10.0.0.0/8`.
pub(super) fn is_prefix(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let longest = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= longest)
}

/// Checks a gateway, `name`, `namespace/name` or `mesh`.
pub(super) fn gateway(gateway: &str, complaints: &mut Complaints) {
    if let [name, namespace, ..] = gateway.split('.').collect::<Vec<_>>()[..]
        && !gateway.contains('/')
    {
        complaints.warn(format!(
            "using legacy gatewayName format {gateway:?}; prefer the <namespace>/<name> format: \"{namespace}/{name}\""
        ));
    }
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

pub(super) fn is_dns_1123(label: &str) -> bool {
    is_label(label) && !label.bytes().any(|byte| byte.is_ascii_uppercase())
}
