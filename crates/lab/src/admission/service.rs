//! Addresses of Services: given out once, kept for life, never twice.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use apiserver::object;
use apiserver::resource::rows;
use apiserver::status::{Cause, Status};
use apiserver::store::Store;
use serde_json::{Value, json};

use crate::network::Addresses;

/// Fills in the address: the one it has, or one nobody has.
pub(super) fn fill(service: &mut Value, old: Option<&Value>, store: &Store, addresses: &Addresses) {
    if object::text(service, &["spec", "type"]) == "ExternalName" {
        return;
    }
    let kept = old
        .map(address)
        .filter(|ip| !ip.is_empty())
        .map(str::to_owned);
    let ip = match address(service) {
        "" => kept.unwrap_or_else(|| free(store, addresses).to_string()),
        given => given.to_owned(),
    };
    let spec = object::member_mut(service, "spec");
    spec.insert("clusterIP".into(), json!(ip));
    spec.insert("clusterIPs".into(), json!([ip]));
    spec.entry("ipFamilies").or_insert_with(|| json!(["IPv4"]));
    spec.entry("ipFamilyPolicy")
        .or_insert_with(|| json!("SingleStack"));
}

/// Refuses a new address that is another Service's, or none of this cluster.
pub(super) fn check(
    service: &Value,
    old: Option<&Value>,
    store: &Store,
    addresses: &Addresses,
) -> Result<(), Status> {
    let ip = address(service);
    if matches!(ip, "" | "None") || old.is_some_and(|old| address(old) == ip) {
        return Ok(());
    }
    let own = ip.parse().is_ok_and(|ip| addresses.is_service(ip));
    let why = if !own {
        "the provided network does not match the current range"
    } else if taken(store).contains(ip) {
        "provided IP is already allocated"
    } else {
        return Ok(());
    };
    let cause = Cause::invalid(
        "spec.clusterIPs",
        [ip],
        format!("failed to allocate IP {ip}: {why}"),
    );
    Err(Status::invalid(
        &rows::SERVICES,
        object::name(service),
        vec![cause],
    ))
}

fn address(service: &Value) -> &str {
    object::text(service, &["spec", "clusterIP"])
}

fn free(store: &Store, addresses: &Addresses) -> Ipv4Addr {
    let taken = taken(store);
    let mut next = std::iter::repeat_with(|| addresses.next_service()).take(usize::from(u16::MAX));
    let free = next.find(|ip| !taken.contains(&ip.to_string()));
    free.unwrap_or_else(|| addresses.next_service())
}

fn taken(store: &Store) -> HashSet<String> {
    let services = store.list(&rows::SERVICES, None).items;
    services
        .iter()
        .map(|service| address(service).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use apiserver::store::{RingLimits, SystemSource};

    use super::*;

    fn store() -> Store {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        let namespace = json!({"metadata": {"name": "shop"}});
        store.create(&rows::NAMESPACES, "", namespace).unwrap();
        let taken = json!({"metadata": {"name": "a"}, "spec": {"clusterIP": "10.96.0.10"}});
        store.create(&rows::SERVICES, "shop", taken).unwrap();
        store
    }

    #[test]
    fn an_address_is_given_once_and_kept() {
        let (store, addresses) = (store(), Addresses::of_cluster(1));
        let mut service = json!({"spec": {}});
        fill(&mut service, None, &store, &addresses);
        assert_eq!(service["spec"]["clusterIPs"], json!(["10.96.0.11"]));
        let mut replaced = json!({"spec": {}});
        fill(&mut replaced, Some(&service), &store, &addresses);
        assert_eq!(replaced["spec"]["clusterIP"], "10.96.0.11");
    }

    #[test]
    fn an_address_of_another_service_or_network_is_refused() {
        let (store, addresses) = (store(), Addresses::of_cluster(1));
        for (ip, why) in [
            ("10.96.0.10", Some("provided IP is already allocated")),
            (
                "1.2.3.4",
                Some("the provided network does not match the current range"),
            ),
            ("10.96.7.7", None),
            ("None", None),
        ] {
            let service = json!({"metadata": {"name": "b"}, "spec": {"clusterIP": ip}});
            let refused = check(&service, None, &store, &addresses).err();
            let expected = why.map(|why| {
                format!("Service \"b\" is invalid: spec.clusterIPs: Invalid value: [\"{ip}\"]: failed to allocate IP {ip}: {why}")
            });
            assert_eq!(refused.map(|it| it.message().to_owned()), expected);
        }
    }
}
