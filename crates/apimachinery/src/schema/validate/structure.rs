//! Types, members and elements.

use serde_json::{Map, Value};

use super::node::Node;
use super::{choice, member, value};
use crate::status::Cause;

/// Everything but the rules, in the order of a real server: the value as a whole, then its parts.
pub(super) fn faults(node: &Node, path: &str, found: &Value) -> Vec<Cause> {
    let mut faults = Vec::new();
    faults.extend(value::type_fault(node, path, found));
    if found.is_null() {
        return faults;
    }
    choice::check(node, path, found, &mut faults);
    match found {
        Value::String(text) => faults.extend(value::text_fault(node, path, text)),
        Value::Number(number) => value::number_faults(node, path, number, &mut faults),
        Value::Array(items) => list(node, path, items, &mut faults),
        _ => {}
    }
    faults.extend(value::named(node, path, found));
    if let Value::Object(members) = found {
        object(node, path, members, &mut faults);
    }
    faults
}

fn list(node: &Node, path: &str, items: &[Value], out: &mut Vec<Cause>) {
    if let Some(item) = &node.items {
        for (index, found) in items.iter().enumerate() {
            out.extend(faults(item, &format!("{path}[{index}]"), found));
        }
    }
    out.extend(value::at_least(path, items.len(), node.min_items, "items"));
    let limit = node.max_items.filter(|limit| items.len() as u64 > *limit);
    out.extend(limit.map(|limit| Cause::too_many(path, items.len(), limit)));
}

fn object(node: &Node, path: &str, members: &Map<String, Value>, out: &mut Vec<Cause>) {
    let (size, least) = (members.len(), node.min_properties);
    out.extend(value::at_least(path, size, least, "properties"));
    let limit = node.max_properties.filter(|limit| size as u64 > *limit);
    out.extend(limit.map(|limit| Cause::too_many(path, size, limit)));
    for (name, found) in members {
        if let Some(schema) = node.member(name) {
            out.extend(faults(schema, &member(path, name), found));
        }
    }
    let missing = node.required.iter().filter(|it| !members.contains_key(*it));
    out.extend(missing.map(|name| Cause::required(member(path, name), "")));
}
