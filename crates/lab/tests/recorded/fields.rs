//! Whole objects, compared field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::deviations::Comparison;

/// What differs from run to run: times, addresses, nodes, random endings; and managers of fields.
static RANDOM: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"^\d{4}-\d\d-\d\dT[\d:]+\.\d+Z$", "TIME"),
        (r"^10\.\d+\.\d+\.\d+$", "IP"),
        (r"^b-node\d$", "NODE"),
        (r"^echo-[0-9a-z]{5}$", "echo-RANDOM"),
        (r#"-[0-9a-z]{5}" is forbidden"#, "-RANDOM\" is forbidden"),
    ]
    .map(|(pattern, stands_for)| (Regex::new(pattern).unwrap(), stands_for))
    .into()
});
const LEFT_OUT: [&str; 5] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "kind",
    "apiVersion",
];

/// Notes every field of either object.
pub(super) fn compare(comparison: &mut Comparison, name: &str, recorded: &Value, ours: &Value) {
    let (recorded, ours) = (fields(recorded), fields(ours));
    let paths: BTreeSet<&String> = recorded.keys().chain(ours.keys()).collect();
    for path in paths {
        let (recorded, ours) = (recorded.get(path), ours.get(path));
        let difference =
            (recorded != ours).then(|| format!("recorded {recorded:?}, ours {ours:?}"));
        comparison.note(format!("{name}{path}"), difference);
    }
}

/// Every value that is no object or list, by its path.
fn fields(object: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), object)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(members) if !members.is_empty() => {
                // An event's object has a kind of its own; the outermost is known.
                let counts = |name: &&String| {
                    let is_left_out = LEFT_OUT.contains(&name.as_str());
                    !(is_left_out && (path.is_empty() || name.as_str() != "kind"))
                };
                for name in members.keys().filter(counts) {
                    open.push((format!("{path} {name}"), &members[name]));
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    open.push((format!("{path} {index}"), item));
                }
            }
            leaf => drop(found.insert(path, comparable(leaf))),
        }
    }
    found
}

fn comparable(leaf: &Value) -> String {
    let Some(text) = leaf.as_str() else {
        return leaf.to_string();
    };
    let mut text = text.to_owned();
    for (pattern, stands_for) in RANDOM.iter() {
        text = pattern.replace_all(&text, *stands_for).into_owned();
    }
    text
}
