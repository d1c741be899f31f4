//! Addresses of Services: given out once, kept for life, never twice.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};

use super::needs_address;
use crate::object;
use crate::status::Cause;

/// The first addresses of a network are left for those that ask for a certain one.
const FIRST: u16 = 10;

/// A network of 65,536 addresses, given out in order.
pub(super) struct Addresses {
    network: [u8; 2],
    next: AtomicU16,
}

impl Addresses {
    pub(super) fn of(network: Ipv4Addr) -> Self {
        let [first, second, ..] = network.octets();
        Self {
            network: [first, second],
            next: AtomicU16::new(FIRST),
        }
    }

    /// Fills in the address: the one it has, or one nobody has.
    pub(super) fn fill(&self, service: &mut Value, old: Option<&Value>, others: &[Arc<Value>]) {
        if !needs_address(service) {
            return;
        }
        let kept = old.filter(|old| needs_address(old)).map(address);
        let ip = match (address(service), kept) {
            ("", None | Some("")) => self.free(others).to_string(),
            ("", Some(kept)) => kept.to_owned(),
            (given, _) => given.to_owned(),
        };
        let spec = object::member_mut(service, "spec");
        spec.insert("clusterIP".into(), json!(ip));
        spec.insert("clusterIPs".into(), json!([ip]));
        spec.entry("ipFamilies").or_insert_with(|| json!(["IPv4"]));
        spec.entry("ipFamilyPolicy")
            .or_insert_with(|| json!("SingleStack"));
    }

    /// What is wrong with a new address: another Service has it, or it is none of this network.
    pub(super) fn faults(
        &self,
        service: &Value,
        old: Option<&Value>,
        others: &[Arc<Value>],
    ) -> Vec<Cause> {
        let ip = address(service);
        if matches!(ip, "" | "None") || old.is_some_and(|old| address(old) == ip) {
            return Vec::new();
        }
        let why = if !self.is_own(ip) {
            "the provided network does not match the current range"
        } else if taken(others).contains(ip) {
            "provided IP is already allocated"
        } else {
            return Vec::new();
        };
        let why = format!("failed to allocate IP {ip}: {why}");
        vec![Cause::invalid("spec.clusterIPs", [ip], why)]
    }

    fn is_own(&self, ip: &str) -> bool {
        ip.parse()
            .is_ok_and(|ip: Ipv4Addr| ip.octets()[..2] == self.network)
    }

    fn free(&self, others: &[Arc<Value>]) -> Ipv4Addr {
        let taken = taken(others);
        let mut next = std::iter::repeat_with(|| self.next()).take(usize::from(u16::MAX));
        let free = next.find(|ip| !taken.contains(ip.to_string().as_str()));
        free.unwrap_or_else(|| self.next())
    }

    /// The next one, whoever has it; starts over at the end.
    fn next(&self) -> Ipv4Addr {
        let given = self.next.fetch_add(1, Ordering::Relaxed);
        if given == u16::MAX {
            self.next.store(FIRST, Ordering::Relaxed);
        }
        let ([first, second], [high, low]) = (self.network, given.to_be_bytes());
        Ipv4Addr::new(first, second, high, low)
    }
}

fn address(service: &Value) -> &str {
    object::text(service, &["spec", "clusterIP"])
}

fn taken(others: &[Arc<Value>]) -> HashSet<&str> {
    others.iter().map(|service| address(service)).collect()
}
