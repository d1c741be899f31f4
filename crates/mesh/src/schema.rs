//! The fields that the API knows, their types, and which of them are obeyed.
//!
//! One tree per kind (`fields.rs`) answers three questions about an object: which fields does the API
//! not know, which values have the wrong type, and which fields are accepted but not obeyed yet.

mod fields;
mod types;

use serde_json::Value;

use fields::{Field, Shape};
pub(crate) use types::violations;

/// Paths of the fields that the kind does not have, `spec.http[0].rout`: what strict decoding
/// refuses.
pub fn unknown_fields(object: &Value) -> Vec<String> {
    visit(object, |found| match found {
        Found::Unknown(path) => Some(path.to_owned()),
        Found::Known { .. } => None,
    })
}

/// A warning for each field, and each choice among values, that is accepted but has no effect yet.
pub fn warnings(object: &Value) -> Vec<String> {
    visit(object, |found| match found {
        Found::Known { path, field, value } => match field.shape {
            _ if !field.obeyed => Some(format!("{path} is accepted but not obeyed yet by the lab")),
            Shape::OneOf { later, .. } => value
                .as_str()
                .filter(|value| later.contains(value))
                .map(|value| format!("{path}: {value} is accepted but not obeyed yet by the lab")),
            _ => None,
        },
        Found::Unknown(_) => None,
    })
}

/// Something that a walk meets.
enum Found<'a> {
    Known {
        path: &'a str,
        field: &'static Field,
        value: &'a Value,
    },
    Unknown(&'a str),
}

/// Walks an object's spec and collects what `tell` says about its fields. What is not obeyed as a
/// whole is told once, and not entered.
fn visit(object: &Value, tell: impl Fn(Found<'_>) -> Option<String>) -> Vec<String> {
    let mut told = Vec::new();
    if let (Some(spec), Some(shape)) = (object.get("spec"), fields::of(object)) {
        walk("spec", spec, shape, &mut |found| told.extend(tell(found)));
    }
    told
}

fn walk(path: &str, value: &Value, shape: &'static Shape, meet: &mut dyn FnMut(Found<'_>)) {
    match (shape, value) {
        (Shape::Object(fields), Value::Object(values)) => {
            for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
                let path = format!("{path}.{name}");
                match fields.iter().find(|field| field.name == name) {
                    Some(field) => {
                        meet(Found::Known {
                            path: &path,
                            field,
                            value,
                        });
                        walk(&path, value, &field.shape, meet);
                    }
                    None => meet(Found::Unknown(&path)),
                }
            }
        }
        (Shape::List(items), Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                walk(&format!("{path}[{index}]"), value, items, meet);
            }
        }
        (Shape::Map(items), Value::Object(values)) => {
            for (name, value) in values {
                walk(&format!("{path}.{name}"), value, items, meet);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
