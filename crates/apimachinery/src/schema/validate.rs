//! Whether a custom resource fits the schema of its definition, in the words of an API server.
//!
//! Kubernetes: first what the schema says about structure and values ([`structure`], [`value`],
//! [`choice`]), then its rules ([`rules`]), which are written for objects that have the right
//! structure and are not asked otherwise. The formats of texts are not checked: Istio's
//! definitions use only one, for the status.

mod choice;
mod node;
mod rules;
mod structure;
mod value;

use serde::Deserialize;
use serde_json::Value;

use crate::status::Cause;
use node::Node;
use rules::Programs;

/// A schema that is ready to be asked.
#[derive(Debug)]
pub struct Validator {
    root: Node,
    programs: Programs,
}

/// Kubernetes: faults after which rules are not asked.
const BLOCKING: [&str; 5] = [
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
];

impl Validator {
    /// Reads an `openAPIV3Schema`.
    ///
    /// # Errors
    /// It is no structural schema, or one of its rules is no expression.
    pub fn read(schema: &Value) -> Result<Self, String> {
        let root = Node::deserialize(schema).map_err(|error| error.to_string())?;
        let programs = Programs::compile(&root)?;
        Ok(Self { root, programs })
    }

    /// What is wrong with an object; nothing where it fits.
    pub fn faults(&self, object: &Value) -> Vec<Cause> {
        let mut faults = structure::faults(&self.root, "", object);
        if faults.iter().any(|it| BLOCKING.contains(&it.reason())) {
            let why = "some validation rules were not checked because the object was invalid; \
                       correct the existing errors to complete validation";
            faults.push(Cause::invalid("<nil>", Value::Null, why));
        } else {
            self.programs.ask(&self.root, "", object, &mut faults);
        }
        faults
    }
}

/// The path of a member, as the structure's faults write it.
fn member(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

#[cfg(test)]
mod tests;
