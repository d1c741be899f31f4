//! Node ports of Services: one for each port, kept for life, never twice in a cluster.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Map, Value};

use super::needs_node_ports;
use crate::object;
use crate::status::Cause;

/// Kubernetes: the lower end of 30000–32767 is left for Services that ask for a certain port.
const GIVEN: RangeInclusive<i64> = 30_086..=32_767;

/// Node ports, given out in order.
pub(super) struct NodePorts {
    next: AtomicI64,
}

impl Default for NodePorts {
    fn default() -> Self {
        Self {
            next: AtomicI64::new(0),
        }
    }
}

impl NodePorts {
    /// Fills in what is missing: the port it had, or one nobody has. Where all are taken, none: a
    /// Service works without.
    pub(super) fn fill(&self, service: &mut Value, old: Option<&Value>, others: &[Arc<Value>]) {
        if !needs_node_ports(service) {
            return;
        }
        if let Some(old) = old.filter(|old| needs_node_ports(old)) {
            keep(service, old);
        }
        let mut taken = taken(others);
        taken.extend(ports(service).map(node_port));
        // Kubernetes: one port over two protocols is one node port.
        let mut by_port: HashMap<i64, i64> = ports(service)
            .filter(|port| node_port(port) != 0)
            .map(|port| (number(port, "port"), node_port(port)))
            .collect();
        for port in missing(service) {
            let wanted = number(port, "port");
            let found = by_port.get(&wanted).copied();
            if let Some(found) = found.or_else(|| self.free(&mut taken)) {
                by_port.insert(wanted, found);
                port.insert("nodePort".into(), found.into());
            }
        }
    }

    fn free(&self, taken: &mut HashSet<i64>) -> Option<i64> {
        let count = GIVEN.end() - GIVEN.start() + 1;
        let next = || GIVEN.start() + self.next.fetch_add(1, Ordering::Relaxed).rem_euclid(count);
        let tries = usize::try_from(count).unwrap_or_default();
        std::iter::repeat_with(next)
            .take(tries)
            .find(|port| taken.insert(*port))
    }
}

/// What is wrong with node ports: other Services have them.
pub(super) fn faults(service: &Value, others: &[Arc<Value>]) -> Vec<Cause> {
    let taken = taken(others);
    let faults = ports(service).enumerate().filter_map(|(at, port)| {
        let number = node_port(port);
        let field = format!("spec.ports[{at}].nodePort");
        (number != 0 && taken.contains(&number))
            .then(|| Cause::invalid(field, number, "provided port is already allocated"))
    });
    // Kubernetes: the first one ends it.
    faults.take(1).collect()
}

/// Ports that name none keep the node port of the old port of their name, unless it moved.
fn keep(service: &mut Value, old: &Value) {
    let moved: HashSet<i64> = ports(service).map(node_port).collect();
    let before: HashMap<&str, i64> = ports(old)
        .map(|port| (name(port), node_port(port)))
        .filter(|(_, number)| *number != 0 && !moved.contains(number))
        .collect();
    for port in missing(service) {
        if let Some(number) = before.get(name(port)) {
            port.insert("nodePort".into(), (*number).into());
        }
    }
}

fn missing(service: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let ports = service.pointer_mut("/spec/ports");
    let ports = ports.and_then(Value::as_array_mut).into_iter().flatten();
    ports
        .filter_map(Value::as_object_mut)
        .filter(|port| node_port(port) == 0)
}

pub(super) fn ports(service: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    let ports = object::at(service, &["spec", "ports"]).and_then(Value::as_array);
    ports.into_iter().flatten().filter_map(Value::as_object)
}

pub(super) fn node_port(port: &Map<String, Value>) -> i64 {
    number(port, "nodePort")
}

fn number(port: &Map<String, Value>, member: &str) -> i64 {
    port.get(member).and_then(Value::as_i64).unwrap_or_default()
}

fn name(port: &Map<String, Value>) -> &str {
    port.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn taken(others: &[Arc<Value>]) -> HashSet<i64> {
    let ports = others.iter().flat_map(|service| ports(service));
    ports.map(node_port).filter(|number| *number != 0).collect()
}
