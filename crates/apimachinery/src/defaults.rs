//! What Kubernetes fills in where a client says nothing.
//!
//! The schema leads: every message of an object is visited once, the outer before the inner, and
//! takes the constants of its type ([`constants`]) and then what follows from its other fields
//! ([`derived`]). So a pod's defaults are found in a bare Pod and in the template of a Deployment
//! alike, and only what a real server treats differently there has a rule of its own.

mod constants;
mod derived;

use serde_json::{Map, Value, json};

use crate::object;
use crate::resource::Resource;
use crate::schema::{Field, Scalar, Shape, Struct, kubernetes};

/// Completes an object of a built-in kind in one of its versions; custom resources stay as they are.
pub fn fill(resource: &Resource, version: &str, object: &mut Value) {
    if let Some(kind) = kubernetes::of(resource, version) {
        fill_struct(kind, object::map_mut(object));
    }
}

fn fill_struct(of: &Struct, members: &mut Map<String, Value>) {
    for (field, value) in constants::of(&of.name) {
        if is_unset(members.get(*field)) {
            members.insert((*field).to_owned(), value.clone());
        }
    }
    if let Some(derive) = derived::of(&of.name) {
        derive(members);
    }
    for field in &of.fields {
        fill_field(field, members);
    }
}

fn fill_field(field: &Field, members: &mut Map<String, Value>) {
    if let (true, Shape::Struct(inlined)) = (field.name.is_empty(), &field.shape) {
        return fill_struct(inlined, members);
    }
    if !members.contains_key(&field.name)
        && let Some(zero) = written_zero(field)
    {
        members.insert(field.name.clone(), zero);
    }
    if let Some(value) = members.get_mut(&field.name) {
        fill_value(&field.shape, value);
    }
}

fn fill_value(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Struct(of), Value::Object(members)) => fill_struct(of, members),
        (Shape::List(of), Value::Array(items)) => {
            items.iter_mut().for_each(|item| fill_value(&of.item, item));
        }
        (Shape::Map(of), Value::Object(members)) => {
            members
                .values_mut()
                .for_each(|value| fill_value(&of.value, value));
        }
        _ => {}
    }
}

/// What Go writes for a field nobody set: a message that is no pointer is always there.
fn written_zero(field: &Field) -> Option<Value> {
    match &field.shape {
        _ if field.pointer => None,
        Shape::Struct(_) => Some(json!({})),
        Shape::Scalar(scalar) if field.always => zero(scalar),
        _ => None,
    }
}

fn zero(scalar: &Scalar) -> Option<Value> {
    match scalar {
        Scalar::Text { .. } => Some(json!("")),
        Scalar::Bool => Some(json!(false)),
        Scalar::Int32 | Scalar::Int64 => Some(json!(0)),
        _ => None,
    }
}

/// Whether a default may take a field's place: Go cannot tell an empty value from none.
fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
