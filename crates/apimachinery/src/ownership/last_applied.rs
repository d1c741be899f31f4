//! The note that kubectl's client-side apply leaves, and keeps in step with server-side apply.

use serde_json::Value;

use super::check;
use super::compare::compare;
use super::fields::fields;
use super::set::Set;
use super::{Author, Shape};
use crate::object;

/// The annotation with what was applied last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Kubernetes: only applies under this name are meant to continue client-side ones.
pub(super) const KUBECTL: &str = "kubectl";

/// What kubectl notes about an object it applies: the object without the note, as one line.
pub fn noted(config: &Value) -> String {
    let mut config = config.clone();
    if let Some(Value::Object(annotations)) = config.pointer_mut("/metadata/annotations") {
        annotations.remove(LAST_APPLIED);
    }
    // Go writes these so that JSON can stand inside HTML.
    let escaped = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")];
    let mut text = config.to_string();
    for (character, escape) in escaped {
        text = text.replace(character, escape);
    }
    text + "\n"
}

/// Renews the note of an object that has one.
pub(super) fn renew(object: &mut Value, config: &Value) {
    let note = object
        .pointer_mut("/metadata/annotations")
        .and_then(|it| it.get_mut(LAST_APPLIED));
    if let Some(note) = note.filter(|note| note.as_str().is_some_and(|text| !text.is_empty())) {
        *note = noted(config).into();
    }
}

/// The fields that were applied on the client's side and that nobody changed since: whoever
/// applies on the server's side now may take them over.
pub(super) fn inherited(shape: &Shape, live: &Value, author: &Author<'_>) -> Option<Set> {
    let note = object::text(live, &["metadata", "annotations", LAST_APPLIED]);
    let mut applied: Value = serde_json::from_str(note).ok()?;
    if object::text(&applied, &["apiVersion"]) != author.api_version {
        return None;
    }
    object::untype(&mut applied);
    if !check::faults(shape, &applied).is_empty() {
        return None;
    }
    let changes = compare(shape, &applied, live);
    let same = fields(shape, &applied).difference(&changes.modified);
    Some(same.difference(&changes.added).difference(&changes.removed))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_note_holds_no_note_and_no_html() {
        let object = json!({
            "kind": "A", "data": {"x": "<a&b>"},
            "metadata": {"annotations": {LAST_APPLIED: "old"}},
        });
        assert_eq!(
            noted(&object),
            "{\"data\":{\"x\":\"\\u003ca\\u0026b\\u003e\"},\"kind\":\"A\",\"metadata\":{\"annotations\":{}}}\n"
        );
    }
}
