//! What Istio's webhook refuses, in its words, and what it warns of.
//!
//! An API server asks it last: the object has its kind's shape by then.

mod authorization_policy;
mod client_tls;
mod complaints;
mod connection_pool;
mod consistent_hash;
mod cors;
mod destination_rule;
mod fault;
mod gateway;
mod hosts;
mod http_match;
mod http_route;
mod l4_route;
mod locality;
mod outlier;
mod ports;
mod retries;
mod service_entry;
mod sidecar;
mod unreachable;
mod virtual_service;
mod workload_entry;

use serde_json::Value;

use crate::model::{Kind, ModelError, Object};
pub use complaints::Complaints;

/// Looks at an object; an error is a field that cannot be read.
type Check = fn(&Value) -> Result<Complaints, ModelError>;

/// Kinds that the webhook looks at; of others it says nothing.
const KINDS: [(&str, Check); 7] = [
    ("AuthorizationPolicy", |it| {
        read(it, authorization_policy::check)
    }),
    ("DestinationRule", |it| read(it, destination_rule::check)),
    ("Gateway", |it| read(it, gateway::check)),
    ("ServiceEntry", |it| read(it, service_entry::check)),
    ("Sidecar", |it| read(it, sidecar::check)),
    ("VirtualService", |it| read(it, virtual_service::check)),
    ("WorkloadEntry", |it| read(it, workload_entry::check)),
];

/// Checks an object; its warnings where it is accepted.
///
/// # Errors
///
/// The webhook would refuse it.
pub fn validate(object: &Value) -> Result<Vec<String>, Complaints> {
    let kind = object.get("kind").and_then(Value::as_str);
    let Some((_, check)) = KINDS.iter().find(|(known, _)| Some(*known) == kind) else {
        return Ok(Vec::new());
    };
    let complaints = check(object).unwrap_or_else(|error| Complaints::of(error.to_string()));
    complaints.verdict()
}

fn read<S: Kind>(
    object: &Value,
    check: fn(&Object<S>) -> Complaints,
) -> Result<Complaints, ModelError> {
    Object::parse(object).map(|object| check(&object))
}

#[cfg(test)]
mod tests;
