//! The paths of a kind, and what can be done there.

use serde_json::{Map, Value, json};

use super::kind_of;
use crate::resource::Resource;

/// A verb, the method it is done with, and whether it is done to one object.
type Operation = (&'static str, &'static str, bool);

const OPERATIONS: [Operation; 7] = [
    ("list", "get", false),
    ("create", "post", false),
    ("deletecollection", "delete", false),
    ("get", "get", true),
    ("update", "put", true),
    ("patch", "patch", true),
    ("delete", "delete", true),
];
/// Verbs that write objects.
const WRITES: [&str; 3] = ["create", "update", "patch"];
/// Formats of patches that every kind takes.
const PATCHES: [&str; 3] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
];

/// The paths of a kind in one of its versions.
pub(super) fn of(row: &Resource, version: &str) -> Map<String, Value> {
    let root = if row.group.is_empty() {
        "/api"
    } else {
        "/apis"
    };
    let base = format!("{root}/{}", row.api_version(version));
    let collection = if row.namespaced {
        format!("{base}/namespaces/{{namespace}}/{}", row.plural)
    } else {
        format!("{base}/{}", row.plural)
    };
    let mut paths = Map::new();
    for (path, single) in [
        (format!("{collection}/{{name}}"), true),
        (collection, false),
    ] {
        let item = item(row, version, single);
        if !item.is_empty() {
            paths.insert(path, item.into());
        }
    }
    paths
}

fn item(row: &Resource, version: &str, single: bool) -> Map<String, Value> {
    let mut item = Map::new();
    for (verb, method, _) in OPERATIONS
        .into_iter()
        .filter(|(verb, _, one)| *one == single && row.allows(verb))
    {
        item.insert(method.into(), operation(row, version, verb));
    }
    if !item.is_empty() {
        let names = [("namespace", row.namespaced), ("name", single)];
        let named = names.into_iter().filter(|(_, present)| *present);
        let parameters: Vec<_> = named.map(|(name, _)| parameter(name, "path")).collect();
        item.insert("parameters".into(), parameters.into());
    }
    item
}

fn operation(row: &Resource, version: &str, verb: &str) -> Value {
    let mut operation = json!({
        "x-kubernetes-action": if verb == "create" { "post" } else { verb },
        "x-kubernetes-group-version-kind": kind_of(row, version),
        "responses": {"200": {"description": "OK"}},
    });
    if WRITES.contains(&verb) {
        let names = ["dryRun", "fieldManager", "fieldValidation"];
        operation["parameters"] = names.map(|name| parameter(name, "query")).to_vec().into();
    }
    if verb == "patch" {
        let content =
            PATCHES.map(|format| (format.to_owned(), json!({"schema": {"type": "object"}})));
        operation["requestBody"] = json!({"content": Map::from_iter(content), "required": true});
    }
    operation
}

fn parameter(name: &str, place: &str) -> Value {
    let mut parameter = json!({
        "name": name, "in": place, "schema": {"type": "string", "uniqueItems": true},
    });
    // OpenAPI: what stands in the path is always there.
    if place == "path" {
        parameter["required"] = true.into();
    }
    parameter
}
