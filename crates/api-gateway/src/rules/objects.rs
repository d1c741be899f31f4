//! The objects as they were read, and what could not be understood among them.

use mesh::model::{DestinationRule, Kind, Object, VirtualService};
use serde_json::Value;

use crate::clusters::Reason;

/// The rules of the gateway's cluster, as far as its API has told them.
#[derive(Clone, Debug, Default)]
pub struct RuleObjects {
    /// None: never read.
    pub virtual_services: Option<Parsed<VirtualService>>,
    /// None: never read.
    pub destination_rules: Option<Parsed<DestinationRule>>,
    /// Why VirtualServices cannot be read now; what was read before is kept.
    pub reason: Option<Reason>,
}

/// Objects of one kind.
#[derive(Clone, Debug)]
pub struct Parsed<T> {
    /// Those that could be understood.
    pub parsed: Vec<T>,
    /// Those that could not: the hosts they may be about, and why.
    pub refused: Vec<Refused>,
}

/// An object that could not be understood.
#[derive(Clone, Debug)]
pub struct Refused {
    /// What it says in `spec.hosts` or `spec.host`.
    pub hosts: Vec<String>,
    /// Which object, which field, why.
    pub error: String,
}

impl<S: Kind> Parsed<Object<S>> {
    /// Reads objects from their JSON form.
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Self {
        let (mut parsed, mut refused) = (Vec::new(), Vec::new());
        for object in objects {
            match Object::<S>::parse(object) {
                Ok(object) => parsed.push(object),
                Err(error) => refused.push(Refused {
                    hosts: hosts(object),
                    error: error.to_string(),
                }),
            }
        }
        Self { parsed, refused }
    }
}

fn hosts(object: &Value) -> Vec<String> {
    let one = object.pointer("/spec/host").into_iter();
    let many = object.pointer("/spec/hosts").and_then(Value::as_array);
    one.chain(many.into_iter().flatten())
        .filter_map(|host| host.as_str().map(str::to_owned))
        .collect()
}
