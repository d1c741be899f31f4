//! ConfigMaps, Secrets, claims and limits: keys, sizes, and what a type promises.

use serde_json::Value;

use super::{Members, Path, text};
use crate::names;
use crate::object;
use crate::quantity::Quantity;
use crate::status::Cause;

/// Kubernetes: all values of one ConfigMap or Secret together, in bytes.
const MAX_DATA: usize = 1024 * 1024;
/// The keys that a type of Secret promises.
const PROMISED: [(&str, &[&str]); 4] = [
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];

pub(super) fn config_map(map: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let data = values(map, "data");
    for (key, _) in values(map, "binaryData") {
        if data.clone().any(|(other, _)| other == key) {
            let field = path.field("data");
            let why = "duplicate of key present in binaryData";
            faults.push(Cause::invalid(field.key(key).to_string(), key, why));
        }
    }
    for field in ["data", "binaryData"] {
        keys(map, field, path, faults);
    }
    let plain: usize = data.map(|(_, value)| value.len()).sum();
    let binary: usize = values(map, "binaryData")
        .map(|(_, value)| decoded_len(value))
        .sum();
    if plain + binary > MAX_DATA {
        faults.push(Cause::too_long("[]", MAX_DATA));
    }
}

pub(super) fn secret(secret: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    keys(secret, "data", path, faults);
    let data = path.field("data");
    if values(secret, "data")
        .map(|(_, value)| decoded_len(value))
        .sum::<usize>()
        > MAX_DATA
    {
        faults.push(Cause::too_long(data.to_string(), MAX_DATA));
    }
    let promised = PROMISED
        .iter()
        .find(|(kind, _)| *kind == text(secret, "type"));
    for key in promised.into_iter().flat_map(|(_, keys)| *keys) {
        if !values(secret, "data").any(|(given, _)| given == *key) {
            faults.push(Cause::required(data.key(key).to_string(), ""));
        }
    }
}

pub(super) fn claim_size(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let resources = path.field("resources");
    let size = spec
        .get("resources")
        .and_then(|it| object::at(it, &["requests", "storage"]));
    if size.is_none() {
        faults.push(Cause::required(resources.key("storage").to_string(), ""));
    }
}

pub(super) fn limit_range_item(item: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let amount = |list: &str, name: &str| Quantity::parse(object::text(item.get(list)?, &[name]));
    let names = item.get("min").and_then(Value::as_object);
    for name in names.into_iter().flat_map(|names| names.keys()) {
        if let (Some(min), Some(max)) = (amount("min", name), amount("max", name))
            && min > max
        {
            let why = format!("min value {min} is greater than max value {max}");
            let field = path.field("min");
            faults.push(Cause::invalid(
                field.key(name).to_string(),
                min.to_string(),
                why,
            ));
        }
    }
}

fn keys(members: &Members, field: &str, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let path = path.field(field);
    for (key, _) in values(members, field) {
        if let Some(why) = names::config_key_fault(key) {
            faults.push(Cause::invalid(path.key(key).to_string(), key, why));
        }
    }
}

fn values<'a>(
    members: &'a Members,
    field: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
    let map = members.get(field).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

/// Bytes that a text in base64 stands for.
fn decoded_len(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}
