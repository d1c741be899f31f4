//! What the API refuses, in its words: first the CRD's schema, then Istio's webhook.
//!
//! The webhook's rules here go as far as the fields that are obeyed; the other fields are checked by
//! type, and [`crate::schema::warnings`] names them.

mod destination_rule;
mod fault;
mod hosts;
mod http_match;
mod http_route;
mod retries;
mod virtual_service;

use std::fmt;

use serde_json::Value;

use crate::model::{DestinationRule, VirtualService};
use crate::schema;

/// Why an object is refused; displayed as the message of the API's answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By the CRD's schema: 422 Invalid.
    #[error("{kind}.networking.istio.io {name:?} is invalid: {}", listed(.causes))]
    Schema {
        /// Kind of the object.
        kind: String,
        /// Name of the object.
        name: String,
        /// One text per violation, `spec.http[0].timeout: Invalid value: …`.
        causes: Vec<String>,
    },
    /// By Istio's webhook: 400 without a reason.
    #[error(
        "admission webhook \"validation.istio.io\" denied the request: configuration is invalid: {0}"
    )]
    Webhook(Complaints),
}

/// What the webhook has to say about an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Complaints {
    texts: Vec<String>,
    /// Whether even a single one is written as a list (go-multierror).
    listed: bool,
}

impl Refusal {
    /// HTTP status of the API's answer.
    pub fn code(&self) -> u16 {
        match self {
            Self::Schema { .. } => 422,
            Self::Webhook(_) => 400,
        }
    }
}

impl Complaints {
    /// The complaints, one by one.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    fn add(&mut self, text: impl Into<String>) {
        self.texts.push(text.into());
    }

    /// Istio's validation wraps some errors once more, which shows.
    fn add_listed(&mut self, text: impl Into<String>) {
        self.listed = true;
        self.add(text);
    }

    fn check(&mut self, fine: bool, text: impl FnOnce() -> String) {
        if !fine {
            self.add(text());
        }
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.texts.as_slice() {
            [only] if !self.listed => f.write_str(only),
            texts => {
                let errors = if texts.len() == 1 { "error" } else { "errors" };
                write!(f, "{} {errors} occurred:", texts.len())?;
                texts
                    .iter()
                    .try_for_each(|text| write!(f, "\n\t* {text}"))?;
                f.write_str("\n\n")
            }
        }
    }
}

/// Checks a VirtualService or DestinationRule; other kinds pass.
///
/// # Errors
///
/// The object would be refused by the API.
pub fn validate(object: &Value) -> Result<(), Refusal> {
    let kind = object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !matches!(kind, "VirtualService" | "DestinationRule") {
        return Ok(());
    }
    let invalid = |causes| Refusal::Schema {
        kind: kind.to_owned(),
        name: object
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        causes,
    };
    check_schema(object).map_err(invalid)?;
    let complaints = match kind {
        "VirtualService" => {
            VirtualService::parse(object).map(|object| virtual_service::check(&object))
        }
        _ => DestinationRule::parse(object).map(|object| destination_rule::check(&object)),
    };
    match complaints {
        Err(error) => Err(invalid(vec![error.to_string()])),
        Ok(complaints) if complaints.texts.is_empty() => Ok(()),
        Ok(complaints) => Err(Refusal::Webhook(complaints)),
    }
}

/// Kubernetes: wrong types keep the schema's rules from being run, and the answer says so.
fn check_schema(object: &Value) -> Result<(), Vec<String>> {
    const UNCHECKED: &str = "<nil>: Invalid value: null: some validation rules were not checked \
        because the object was invalid; correct the existing errors to complete validation";
    let found = schema::violations(object);
    let mut causes = found.structural;
    if found.stops {
        causes.push(UNCHECKED.to_owned());
    } else {
        causes.extend(found.rules);
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(causes)
    }
}

fn listed(causes: &[String]) -> String {
    match causes {
        [only] => only.clone(),
        causes => format!("[{}]", causes.join(", ")),
    }
}

#[cfg(test)]
mod tests;
