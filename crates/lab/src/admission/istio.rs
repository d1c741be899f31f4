//! Istio's rules: what its schema and its webhook refuse, and what the lab does not obey.

use apiserver::status::{Cause, Status};
use mesh::schema::warnings;
use mesh::validate::{Refusal, validate};
use serde_json::Value;

/// What istiod's webhook would say, then what the lab does not obey.
pub(super) fn admit_rule(object: &Value) -> Result<Vec<String>, Status> {
    validate(object).map_err(|refusal| match refusal {
        Refusal::Webhook(complaints) => Status::denied(
            "validation.istio.io",
            format!("configuration is invalid: {complaints}"),
        ),
        Refusal::Schema { kind, name, causes } => {
            let causes = causes.iter().map(|text| schema_cause(text)).collect();
            Status::invalid_kind("networking.istio.io", &kind, &name, causes)
        }
    })?;
    Ok(warnings(object))
}

/// `spec.http[0].timeout: Invalid value: …` as Kubernetes splits it.
fn schema_cause(text: &str) -> Cause {
    let (field, message) = text.split_once(": ").unwrap_or(("<nil>", text));
    let reason = match message {
        it if it.starts_with("Required value") => "FieldValueRequired",
        it if it.starts_with("Unsupported value") => "FieldValueNotSupported",
        it if it.contains("must be of type") => "FieldValueTypeInvalid",
        _ => "FieldValueInvalid",
    };
    Cause::new(reason, message, field)
}
