//! Custom resources: what their schema does not know is pruned, what it says about values is
//! judged elsewhere.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Decoded, Document, Fault, Faults, Path, Undecodable, typed};
use crate::schema::{Shape, Struct};

const METADATA: &str = "metadata";

pub(super) fn decode(shape: &Struct, document: Document) -> Result<Decoded, Undecodable> {
    let mut duplicates = Faults::default();
    find_duplicates(&document, &mut Path::default(), &mut duplicates);
    let mut object = Value::from(document);
    let mut faults = duplicates.found;
    if let (Some(metadata), Some(shape)) = (object.get_mut(METADATA), metadata(shape)) {
        let decoded = typed::part(shape, metadata.take().into(), METADATA)?;
        *metadata = decoded.object;
        faults.extend(decoded.faults);
    }
    let mut unknown = Vec::new();
    prune_root(shape, &mut object, &mut unknown);
    unknown.sort();
    faults.extend(unknown.into_iter().map(Fault::Unknown));
    Ok(Decoded { object, faults })
}

fn metadata(shape: &Struct) -> Option<&Struct> {
    match &shape.field(METADATA)?.shape {
        Shape::Struct(inner) => Some(inner),
        _ => None,
    }
}

/// The members every object has are not of the schema's making.
fn prune_root(shape: &Struct, object: &mut Value, unknown: &mut Vec<String>) {
    let Value::Object(members) = object else {
        return;
    };
    let names = ["apiVersion", "kind", METADATA];
    let common: Map<_, _> = names
        .into_iter()
        .filter_map(|name| members.remove_entry(name))
        .collect();
    prune_message(shape, members, &mut Path::default(), unknown);
    members.extend(common);
}

fn prune(shape: &Shape, value: &mut Value, path: &mut Path, unknown: &mut Vec<String>) {
    match (shape, value) {
        (Shape::Struct(inner), Value::Object(members)) => {
            prune_message(inner, members, path, unknown);
        }
        (Shape::Map(map), Value::Object(members)) => {
            members.retain(|name, value| {
                let outer = path.enter(name);
                prune(&map.value, value, path, unknown);
                path.leave(outer);
                !value.is_null()
            });
        }
        (Shape::List(list), Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                let outer = path.enter_element(index);
                prune(&list.item, item, path, unknown);
                path.leave(outer);
            }
        }
        _ => {}
    }
}

fn prune_message(
    shape: &Struct,
    members: &mut Map<String, Value>,
    path: &mut Path,
    unknown: &mut Vec<String>,
) {
    members.retain(|name, value| {
        let Some(field) = shape.field(name) else {
            if !shape.open {
                unknown.push(path.member(name));
            }
            return shape.open;
        };
        let outer = path.enter(name);
        prune(&field.shape, value, path, unknown);
        path.leave(outer);
        // Kubernetes: `null` where a schema does not allow it is as good as nothing.
        !value.is_null() || field.pointer || field.default.is_some()
    });
}

fn find_duplicates(document: &Document, path: &mut Path, faults: &mut Faults) {
    match document {
        Document::Object(members) => {
            let mut seen = HashSet::new();
            for (name, value) in members {
                if !seen.insert(name) {
                    faults.add(Fault::Duplicate(path.member(name)));
                }
                let outer = path.enter(name);
                find_duplicates(value, path, faults);
                path.leave(outer);
            }
        }
        Document::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let outer = path.enter_element(index);
                find_duplicates(item, path, faults);
                path.leave(outer);
            }
        }
        _ => {}
    }
}
