//! What is accepted but changes nothing in the lab, said so that nobody waits for it.

mod rows;

use serde_json::Value;

use rows::{FIELDS, Idle, IdleValue, KINDS, VALUES};

impl Idle {
    fn names(&self, kind: &str, place: &str, member: &str) -> bool {
        let base = place.strip_suffix(self.below);
        self.kind == kind
            && base.is_some_and(|base| self.places.contains(&base))
            && self.members.contains(&member)
    }
}

/// A warning for an object of a kind, for each field and for each value that changes nothing.
pub fn warnings(object: &Value) -> Vec<String> {
    let kind = object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let whole = KINDS.iter().find(|(known, _)| *known == kind);
    if let Some((_, consequence)) = whole {
        return vec![format!(
            "{kind} is accepted but not enforced by the lab: {consequence}"
        )];
    }
    let mut told = Vec::new();
    if let Some(spec) = object.get("spec") {
        let place = Place {
            names: "spec".into(),
            path: "spec".into(),
        };
        walk(kind, &place, spec, &mut told);
    }
    told
}

/// Where a value stands: by names alone, and as a reader finds it.
struct Place {
    names: String,
    path: String,
}

fn walk(kind: &str, place: &Place, value: &Value, told: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let place = Place {
                    names: place.names.clone(),
                    path: format!("{}[{index}]", place.path),
                };
                walk(kind, &place, item, told);
            }
        }
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                let path = format!("{}.{name}", place.path);
                if let Some(why) = idle(kind, &place.names, name) {
                    told.push(format!(
                        "{path} is accepted but not obeyed by the lab: {why}"
                    ));
                } else if let Some(row) = idle_value(kind, name, value) {
                    let (value, why) = (row.value, row.why);
                    told.push(format!(
                        "{path}: {value} is accepted but not obeyed by the lab: {why}"
                    ));
                } else {
                    let names = format!("{}.{name}", place.names);
                    walk(kind, &Place { names, path }, value, told);
                }
            }
        }
        _ => {}
    }
}

fn idle(kind: &str, place: &str, name: &str) -> Option<&'static str> {
    let row = FIELDS.iter().find(|row| row.names(kind, place, name));
    row.map(|row| row.why)
}

fn idle_value(kind: &str, field: &str, value: &Value) -> Option<&'static IdleValue> {
    let value = value.as_str()?;
    VALUES
        .iter()
        .find(|row| (row.kind, row.field, row.value) == (kind, field, value))
}

#[cfg(test)]
mod tests;
