//! From what a client wrote to an object of a kind, as strictly as the client asks.
//!
//! Kubernetes knows two sorts of faults. A wrong type ends the request. A field that the kind does
//! not know, or one that is written twice, is dropped, and it is up to the client whether that is
//! an error, a warning or nothing ([`Strictness`]).

mod custom;
mod document;
mod quantity;
mod scalar;
mod time;
mod typed;

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

use crate::resource::Resource;
use crate::schema::{self, Struct};

pub use document::Document;

/// What is to happen with fields that are dropped: the parameter `fieldValidation`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Strictness {
    /// Nothing.
    Ignore,
    /// The client is told.
    #[default]
    Warn,
    /// The request fails.
    Strict,
}

/// A field that was dropped, by its path: `spec.template.spec.containers[0].imagee`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Fault {
    /// The kind has no such field.
    Unknown(String),
    /// It was written before; the last one counts.
    Duplicate(String),
}

/// An object that fits its kind, and what was dropped on the way.
#[derive(Debug, PartialEq)]
pub struct Decoded {
    /// What may be stored.
    pub object: Value,
    /// What was dropped, in the order of a real server.
    pub faults: Vec<Fault>,
}

/// Why a document is no object of its kind, in Go's words.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Undecodable(pub String);

impl Strictness {
    /// The value of the parameter; none for one that does not exist. Kubernetes: without it, warn.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "Ignore" => Some(Self::Ignore),
            "" | "Warn" => Some(Self::Warn),
            "Strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(path) => write!(f, "unknown field {path:?}"),
            Self::Duplicate(path) => write!(f, "duplicate field {path:?}"),
        }
    }
}

impl Decoded {
    /// The object and the warnings that go with it.
    ///
    /// # Errors
    /// Where the client is strict and something was dropped.
    pub fn settle(self, strictness: Strictness) -> Result<(Value, Vec<String>), Undecodable> {
        let faults: Vec<_> = self.faults.iter().map(Fault::to_string).collect();
        match strictness {
            Strictness::Strict if !faults.is_empty() => Err(Undecodable(format!(
                "strict decoding error: {}",
                faults.join(", ")
            ))),
            Strictness::Ignore => Ok((self.object, Vec::new())),
            Strictness::Strict | Strictness::Warn => Ok((self.object, faults)),
        }
    }
}

/// Decodes a document as an object of a kind in one of its versions. Kinds without a shape are
/// taken as they are.
///
/// # Errors
/// For a value of the wrong type; of custom resources only the metadata has types here, the rest
/// is judged by their schema.
pub fn object(
    resource: &Resource,
    version: &str,
    document: Document,
) -> Result<Decoded, Undecodable> {
    match schema::of(resource, version) {
        Some(shape) if resource.custom => custom::decode(shape, document),
        Some(shape) => typed(shape, document),
        None => Ok(Decoded {
            object: document.into(),
            faults: Vec::new(),
        }),
    }
}

/// Decodes a document as a message type of Kubernetes.
///
/// # Errors
/// For a value of the wrong type.
pub fn typed(shape: &Struct, document: Document) -> Result<Decoded, Undecodable> {
    typed::decode(shape, document)
}

/// Kubernetes: what is said about one object's faults has an end.
const MAX_FAULTS: usize = 100;

/// The faults found so far, each once.
#[derive(Debug, Default)]
struct Faults {
    seen: HashSet<Fault>,
    found: Vec<Fault>,
}

impl Faults {
    fn add(&mut self, fault: Fault) {
        if self.found.len() < MAX_FAULTS && self.seen.insert(fault.clone()) {
            self.found.push(fault);
        }
    }
}

/// Where a decoder stands: `spec.containers[0]`.
#[derive(Debug, Default)]
struct Path(String);

impl Path {
    /// The path of a member of the place.
    fn member(&self, name: &str) -> String {
        if self.0.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.0)
        }
    }

    /// Goes into a member; the answer leads back.
    fn enter(&mut self, name: &str) -> usize {
        let outer = self.0.len();
        if outer > 0 {
            self.0.push('.');
        }
        self.0.push_str(name);
        outer
    }

    /// Goes into an element; the answer leads back.
    fn enter_element(&mut self, index: usize) -> usize {
        let outer = self.0.len();
        self.0.push_str(&format!("[{index}]"));
        outer
    }

    fn leave(&mut self, outer: usize) {
        self.0.truncate(outer);
    }
}

#[cfg(test)]
mod tests;
