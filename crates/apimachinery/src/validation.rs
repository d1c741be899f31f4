//! Kubernetes' own rules for built-in kinds, with the texts of a real API server.
//!
//! The schema leads, as for defaults: every message of an object is visited once, and the rows of
//! its type ([`table`]) judge its fields in the order a real server reports them. What concerns
//! several fields at once is a function named in a row. Closed lists of values need no row: the
//! schema knows them. What an update may not change is in [`update`]; custom resources are judged
//! by their definition.

mod access;
mod autoscaling;
mod config;
mod ingress;
mod path;
mod pod;
mod rule;
mod service;
mod table;
mod update;
mod workload;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::names;
use crate::object;
use crate::resource::Resource;
use crate::schema::{Field, Scalar, Shape, Struct, crd, kubernetes};
use crate::status::Cause;

pub use path::Path;
use table::Row;

type Members = Map<String, Value>;

/// Every fault of a new object in its stored form, defaults filled in.
pub fn create(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut faults = names::faults(resource, object);
    let kind = kubernetes::of(resource, resource.preferred_version());
    if let (Some(kind), Some(members)) = (kind, object.as_object()) {
        check_struct(kind, members, &Path::root(), &mut faults);
    }
    if let Some(validator) = crd::validator(resource, object) {
        faults.extend(validator.faults(object));
    }
    faults
}

/// Every fault of an object that is to replace `old`.
pub fn update(resource: &Resource, old: &Value, new: &Value) -> Vec<Cause> {
    let mut faults = update::faults(resource, old, new);
    if faults.is_empty() || !update::is_final(resource) {
        faults.extend(create(resource, new));
    }
    faults
}

fn check_struct(of: &Struct, members: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let rows = table::of(&of.name);
    for row in rows {
        match row {
            Row::Field(name, rules) => {
                let Some(field) = of.fields.iter().find(|field| field.name == *name) else {
                    continue;
                };
                let (value, path) = (members.get(*name), path.field(name));
                rules
                    .iter()
                    .for_each(|rule| rule.check(value, &path, faults));
                check_field(field, members, &path, faults);
            }
            Row::Check(check) => check(members, path, faults),
        }
    }
    let listed = |name: &str| {
        rows.iter()
            .any(|row| matches!(row, Row::Field(it, _) if *it == name))
    };
    for field in of.fields.iter().filter(|field| !listed(&field.name)) {
        match &field.shape {
            Shape::Struct(inlined) if field.name.is_empty() => {
                check_struct(inlined, members, path, faults);
            }
            // Only the server writes a status, and metadata has rules of its own.
            _ if path.is_root() && matches!(field.name.as_str(), "metadata" | "status") => {}
            _ => check_field(field, members, &path.field(&field.name), faults),
        }
    }
}

fn check_field(field: &Field, members: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    if let Some(value) = members.get(&field.name) {
        check_value(&field.shape, value, path, faults);
    }
}

fn check_value(shape: &Shape, value: &Value, path: &Path<'_>, faults: &mut Vec<Cause>) {
    match (shape, value) {
        (Shape::Struct(of), Value::Object(members)) => check_struct(of, members, path, faults),
        (Shape::List(of), Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                check_value(&of.item, item, &path.index(at), faults);
            }
        }
        (Shape::Map(of), Value::Object(members)) => {
            for (key, value) in members {
                check_value(&of.value, value, &path.key(key), faults);
            }
        }
        (Shape::Scalar(Scalar::Text { values, .. }), Value::String(text)) => {
            let known = values.is_empty() || text.is_empty() || values.contains(text);
            if !known {
                let values: Vec<_> = values
                    .iter()
                    .map(String::as_str)
                    .filter(|it| !it.is_empty())
                    .collect();
                faults.push(Cause::not_supported(path.to_string(), text, &values));
            }
        }
        _ => {}
    }
}

/// The elements of a list of objects; none where it is missing.
fn elements<'a>(members: &'a Members, field: &str) -> impl Iterator<Item = (usize, &'a Members)> {
    let items = members.get(field).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .enumerate()
        .filter_map(|(at, item)| Some((at, item.as_object()?)))
}

fn text<'a>(members: &'a Members, field: &str) -> &'a str {
    members
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// An object whose members are written in Go's order instead of by name.
struct Ordered<'a>(&'a Value, &'a [&'a str]);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(object, order) = self;
        serializer.collect_map(order.iter().map(|name| (name, object.get(name))))
    }
}

fn labels_of(value: &Value) -> Option<&Members> {
    object::labels(value)
}

#[cfg(test)]
mod tests;
