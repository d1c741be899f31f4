//! Values of the wrong type, in the words of an API server that checks a CRD's schema.

use std::time::Duration;

use serde_json::Value;

use super::fields::{Field, Shape, of};
use crate::model::GoDuration;

/// What is wrong, in the order an API server finds it.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    /// Missing fields, types, ranges, named values.
    pub(crate) structural: Vec<String>,
    /// Whether one of them stops the checks of `rules` (a range does not).
    pub(crate) stops: bool,
    /// Exclusive fields and durations.
    pub(crate) rules: Vec<String>,
}

/// Checks the types of an object's spec.
pub(crate) fn violations(object: &Value) -> Violations {
    let mut found = Violations::default();
    if let (Some(spec), Some(shape)) = (object.get("spec"), of(object)) {
        found.check("spec", spec, shape);
    }
    found
}

impl Violations {
    fn check(&mut self, path: &str, value: &Value, shape: &Shape) {
        match (shape, value) {
            (Shape::Object(fields), Value::Object(_)) => self.object(path, value, fields),
            (Shape::List(items), Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.check(&format!("{path}[{index}]"), value, items);
                }
            }
            (Shape::Map(items), Value::Object(values)) => {
                for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
                    self.check(&format!("{path}.{name}"), value, items);
                }
            }
            (Shape::Duration, Value::String(text)) => self.duration(path, text),
            (Shape::OneOf { values, .. }, Value::String(text)) => self.named(path, text, values),
            (Shape::Natural, value) if value.as_i64().is_some_and(|number| number < 0) => {
                self.structural.push(format!(
                    "{path}: Invalid value: {value}: {path} in body should be greater than or equal to 0"
                ));
            }
            (shape, value) if shape.holds(value) => {}
            (shape, value) => self.wrong_type(path, shape.name(), value),
        }
    }

    fn object(&mut self, path: &str, value: &Value, fields: &[Field]) {
        let given = |field: &&Field| value.get(field.name).is_some_and(|value| !value.is_null());
        for missing in fields
            .iter()
            .filter(|field| field.required && !given(field))
        {
            self.structural
                .push(format!("{path}.{}: Required value", missing.name));
            self.stops = true;
        }
        let mut groups: Vec<&str> = fields
            .iter()
            .filter(given)
            .filter_map(|field| field.choice)
            .collect();
        groups.sort_unstable();
        for group in groups
            .chunk_by(|a, b| a == b)
            .filter(|group| group.len() > 1)
        {
            self.rules.push(format!(
                "<nil>: Invalid value: \"\": \"{path}\" must validate one and only one schema (oneOf). Found {} valid alternatives",
                group.len()
            ));
        }
        for field in fields.iter().filter(given) {
            self.check(
                &format!("{path}.{}", field.name),
                &value[field.name],
                &field.shape,
            );
        }
    }

    fn wrong_type(&mut self, path: &str, expected: &str, value: &Value) {
        let got = type_name(value);
        self.stops = true;
        self.structural.push(format!(
            "{path}: Invalid value: \"{got}\": {path} in body must be of type {expected}: \"{got}\""
        ));
    }

    fn named(&mut self, path: &str, text: &str, values: &[&str]) {
        if values.contains(&text) {
            return;
        }
        let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        self.stops = true;
        self.structural.push(format!(
            "{path}: Unsupported value: \"{text}\": supported values: {}",
            quoted.join(", ")
        ));
    }

    /// Kubernetes: a rule of the CRD; it accepts signs, and nothing below a millisecond.
    fn duration(&mut self, path: &str, text: &str) {
        let magnitude = text.strip_prefix('-').unwrap_or(text);
        let too_short = match magnitude.parse::<GoDuration>() {
            Ok(GoDuration(duration)) => {
                (text.starts_with('-') || duration < Duration::from_millis(1)).then(|| format!("\"{text}\""))
            }
            Err(_) => Some(
                "\"string\": type conversion error from 'string' to 'google.protobuf.Duration' evaluating rule"
                    .to_owned(),
            ),
        };
        if let Some(value) = too_short {
            self.rules.push(format!(
                "{path}: Invalid value: {value}: must be a valid duration greater than 1ms"
            ));
        }
    }
}

impl Shape {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Text | Self::Duration | Self::OneOf { .. } => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Integer | Self::Natural => {
                // Kubernetes: 70.0 is an integer.
                value.as_i64().is_some()
                    || value.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            Self::List(_) => value.is_array(),
            Self::Map(_) | Self::Object(_) => value.is_object(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Text | Self::Duration | Self::OneOf { .. } => "string",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Integer | Self::Natural => "integer",
            Self::List(_) => "array",
            Self::Map(_) | Self::Object(_) => "object",
        }
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
