//! What no two Services may share: their addresses and their node ports.
//!
//! ```text
//!  write ──► fill: kept from before, given where missing ──► validation ──► check: nobody else's
//! ```
//!
//! Nothing is reserved: what is taken is what the store holds.

mod addresses;
mod dropped;
mod node_ports;

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;

use crate::admission::{Admission, Review};
use crate::object;
use crate::resource::{Resource, rows};
use crate::status::{Cause, Status};
use crate::store::Store;

use addresses::Addresses;
use node_ports::NodePorts;

/// Gives Services of one cluster their addresses and node ports, and keeps them apart.
#[derive(Clone)]
pub struct Services {
    store: Store,
    addresses: Arc<Addresses>,
    node_ports: Arc<NodePorts>,
}

impl Services {
    /// Of the cluster whose Services have addresses of the /16 network `network`.
    pub fn new(store: Store, network: Ipv4Addr) -> Self {
        Self {
            store,
            addresses: Arc::new(Addresses::of(network)),
            node_ports: Arc::default(),
        }
    }

    /// The Services other than this one.
    fn others(&self, service: &Value) -> Vec<Arc<Value>> {
        let mut others = self.store.list(&rows::SERVICES, None).items;
        let this = (object::namespace(service), object::name(service));
        others.retain(|other| (object::namespace(other), object::name(other)) != this);
        others
    }

    fn faults(&self, service: &Value, old: Option<&Value>) -> Vec<Cause> {
        let others = self.others(service);
        let mut faults = self.addresses.faults(service, old, &others);
        // Kubernetes: the next allocator is not asked once one has refused.
        if faults.is_empty() {
            faults = node_ports::faults(service, &others);
        }
        faults
    }
}

impl Admission for Services {
    fn default_object(&self, resource: &'static Resource, object: &mut Value, old: Option<&Value>) {
        if *resource != rows::SERVICES {
            return;
        }
        if let Some(old) = old {
            dropped::with_type(object, old);
        }
        let others = self.others(object);
        self.addresses.fill(object, old, &others);
        self.node_ports.fill(object, old, &others);
    }

    fn admit(&self, review: &Review<'_>) -> Result<Vec<String>, Status> {
        let Some(service) = review.object.filter(|_| *review.resource == rows::SERVICES) else {
            return Ok(Vec::new());
        };
        let faults = self.faults(service, review.old);
        if faults.is_empty() {
            return Ok(Vec::new());
        }
        Err(Status::invalid(review.resource, review.name, faults))
    }
}

fn kind(service: &Value) -> &str {
    object::text(service, &["spec", "type"])
}

/// An alias has none.
fn needs_address(service: &Value) -> bool {
    kind(service) != "ExternalName"
}

fn needs_node_ports(service: &Value) -> bool {
    match kind(service) {
        "NodePort" => true,
        "LoadBalancer" => {
            object::at(service, &["spec", "allocateLoadBalancerNodePorts"])
                != Some(&Value::Bool(false))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
