//! Comparing answers of two servers: what differs from run to run does not count.

use std::sync::LazyLock;

use apimachinery::decode::Document;
use regex::Regex;
use serde_json::Value;

/// Members of metadata that differ from run to run.
const VOLATILE: [&str; 7] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
    "continue",
    "remainingItemCount",
];

static RUN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"in record \([^)]*\)|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(current: |resource version: )\d+|gen-[a-z0-9]{5}",
    )
    .unwrap()
});

/// A patched object as one quoted text, as a server quotes it and as the recording cut it.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#""(\{\\"apiVersion\\":.*\}|\(the whole patched object as one quoted JSON string\))""#,
    )
    .unwrap()
});

/// Whether two answers say the same. A recorded object with a `note` was cut: what is left counts.
pub(super) fn is_same(expected: &Value, found: &Value) -> bool {
    let (expected, found) = (masked(expected), masked(found));
    match expected.get("note") {
        Some(_) => is_part(&expected, &found),
        None => expected == found,
    }
}

fn is_part(expected: &Value, found: &Value) -> bool {
    match expected {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "note")
            .all(|(name, value)| found.get(name).is_some_and(|found| is_part(value, found))),
        other => other == found,
    }
}

fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let text = QUOTED.replace_all(text, "…");
            RUN.replace_all(&text, "…").into_owned().into()
        }
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::Object(members) => {
            let mut members: serde_json::Map<_, _> = members
                .iter()
                .map(|(key, value)| (key.clone(), masked(value)))
                .collect();
            for name in ["metadata", "details"] {
                if let Some(Value::Object(metadata)) = members.get_mut(name) {
                    metadata.retain(|name, _| !VOLATILE.contains(&name.as_str()));
                }
            }
            Value::Object(members)
        }
        other => other.clone(),
    }
}

/// The order and spacing the recorded requests had, because some answers quote them.
pub(super) fn spaced(document: &Document) -> String {
    match document {
        Document::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), spaced(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        Document::List(items) => {
            let items: Vec<_> = items.iter().map(spaced).collect();
            format!("[{}]", items.join(", "))
        }
        other => Value::from(other.clone()).to_string(),
    }
}

/// A body that was cut in the recording, `{"data": {"a": "xxx... (1048675 bytes)`, at its length.
pub(super) fn grown(text: &str) -> String {
    let cut = text
        .strip_suffix(" bytes)")
        .and_then(|text| text.rsplit_once("... ("));
    match cut.map(|(start, length)| (start, length.parse::<usize>())) {
        Some((start, Ok(length))) => {
            let end = "\"}}";
            format!(
                "{start}{}{end}",
                "x".repeat(length - start.len() - end.len())
            )
        }
        _ => text.to_owned(),
    }
}
