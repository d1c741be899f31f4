//! One value: its type, its bounds, its closed list.

use serde_json::{Number, Value};

use super::node::Node;
use crate::status::Cause;

/// The largest number up to which a float holds every integer.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// A value of another type than the schema has.
pub(super) fn type_fault(node: &Node, path: &str, found: &Value) -> Option<Cause> {
    let wanted = node.types();
    let fits = wanted.is_empty()
        || (found.is_null() && node.nullable)
        || wanted.split(',').any(|name| is_a(found, name));
    if fits {
        return None;
    }
    let got = type_name(found);
    let detail = format!("{path} in body must be of type {wanted}: \"{got}\"");
    Some(Cause::wrong_type(path, got, detail))
}

/// A text that is too long, too short, or not as its pattern: the first of them.
pub(super) fn text_fault(node: &Node, path: &str, text: &str) -> Option<Cause> {
    let length = text.chars().count() as u64;
    if let Some(limit) = node.max_length.filter(|limit| length > *limit) {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        return Some(Cause::too_long(path, limit));
    }
    let detail = if let Some(least) = node.min_length.filter(|least| length < *least) {
        format!("{path} in body should be at least {least} chars long")
    } else {
        let pattern = &node.pattern.as_ref()?.0;
        if pattern.is_match(text) {
            return None;
        }
        format!("{path} in body should match '{pattern}'")
    };
    Some(Cause::invalid(path, text, detail))
}

/// A number beyond its bounds.
pub(super) fn number_faults(node: &Node, path: &str, number: &Number, out: &mut Vec<Cause>) {
    let Some(value) = number.as_f64() else { return };
    let mut refuse = |bound: f64, than: &str| {
        let detail = format!("{path} in body should be {than} than or equal to {bound}");
        out.push(Cause::invalid(path, number, detail));
    };
    if let Some(least) = node.minimum.filter(|least| value < *least) {
        refuse(least, "greater");
    }
    if let Some(most) = node.maximum.filter(|most| value > *most) {
        refuse(most, "less");
    }
}

/// A value that is none of the closed list.
pub(super) fn named(node: &Node, path: &str, found: &Value) -> Option<Cause> {
    if node.values.is_empty() || node.values.contains(found) {
        return None;
    }
    let known: Vec<_> = node.values.iter().filter_map(Value::as_str).collect();
    Some(Cause::not_supported(path, found, &known))
}

/// Fewer parts than the schema wants.
pub(super) fn at_least(path: &str, size: usize, least: Option<u64>, parts: &str) -> Option<Cause> {
    let least = least.filter(|least| (size as u64) < *least)?;
    let detail = format!("{path} in body should have at least {least} {parts}");
    Some(Cause::invalid(path, size, detail))
}

fn is_a(found: &Value, wanted: &str) -> bool {
    let got = type_name(found);
    let whole = |number: f64| number.fract() == 0.0 && number.abs() <= EXACT;
    match (wanted, got) {
        ("number", "integer") => true,
        // Kubernetes: 70.0 is an integer.
        ("integer", "number") => found.as_f64().is_some_and(whole),
        (wanted, got) => wanted == got,
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
