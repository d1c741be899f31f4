//! Single faults of a refused object.

use std::fmt;

use serde::Serialize;

/// One fault of a refused object.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Cause {
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    field: String,
}

impl Cause {
    /// A cause in words of its own, for reasons that are not about a field's value.
    pub fn new(reason: &'static str, message: impl Into<String>, field: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            field: field.into(),
        }
    }

    /// What clients can act on, `FieldValueRequired`.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// `value` is shown as JSON: text quoted, numbers bare.
    pub fn invalid(
        field: impl Into<String>,
        value: impl Serialize,
        detail: impl fmt::Display,
    ) -> Self {
        let message = format!("Invalid value: {}: {detail}", json(&value));
        Self::new("FieldValueInvalid", message, field)
    }

    /// The field is missing; `detail` may be empty.
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::new(
            "FieldValueRequired",
            headed("Required value", detail),
            field,
        )
    }

    /// The field may not be set, or not like this.
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", headed("Forbidden", detail), field)
    }

    /// The value is none of those supported, which are listed in the order given.
    pub fn not_supported(
        field: impl Into<String>,
        value: impl Serialize,
        supported: &[&str],
    ) -> Self {
        let supported: Vec<_> = supported.iter().map(json).collect();
        let message = format!(
            "Unsupported value: {}: supported values: {}",
            json(&value),
            supported.join(", ")
        );
        Self::new("FieldValueNotSupported", message, field)
    }

    /// The value has another type than its schema says; `value` is shown as JSON.
    pub fn wrong_type(
        field: impl Into<String>,
        value: impl Serialize,
        detail: impl fmt::Display,
    ) -> Self {
        Self {
            reason: "FieldValueTypeInvalid",
            ..Self::invalid(field, value, detail)
        }
    }

    /// A list or an object has more members than `limit`.
    pub fn too_many(field: impl Into<String>, actual: usize, limit: u64) -> Self {
        let items = if limit == 1 { "item" } else { "items" };
        let message = format!("Too many: {actual}: must have at most {limit} {items}");
        Self::new("FieldValueTooMany", message, field)
    }

    /// The value stands there already.
    pub fn duplicate(field: impl Into<String>, value: impl Serialize) -> Self {
        let message = format!("Duplicate value: {}", json(&value));
        Self::new("FieldValueDuplicate", message, field)
    }

    /// What the value names is not there.
    pub fn not_found(field: impl Into<String>, value: impl Serialize) -> Self {
        let message = format!("Not found: {}", json(&value));
        Self::new("FieldValueNotFound", message, field)
    }

    /// The value is longer than `limit` bytes.
    pub fn too_long(field: impl Into<String>, limit: usize) -> Self {
        let message = format!("Too long: may not be more than {limit} bytes");
        Self::new("FieldValueTooLong", message, field)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// One fault as it is, several in brackets; what was found twice is said once.
pub(super) fn joined(causes: &[Cause]) -> String {
    let mut texts: Vec<_> = Vec::with_capacity(causes.len());
    for text in causes.iter().map(Cause::to_string) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [only] => only.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn headed(head: &str, detail: &str) -> String {
    if detail.is_empty() {
        head.to_owned()
    } else {
        format!("{head}: {detail}")
    }
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supported_values_are_quoted() {
        let cause = Cause::not_supported("dryRun", ["yes"], &["All"]);
        assert_eq!(
            cause.to_string(),
            r#"dryRun: Unsupported value: ["yes"]: supported values: "All""#
        );
    }
}
