//! Patches: strategic merge, JSON Merge Patch (RFC 7386) and JSON Patch (RFC 6902).

use apimachinery::patch::strategic;
use apimachinery::schema::Struct;
use json_patch::PatchOperation;
use serde_json::{Map, Value};

use super::Call;
use super::body::{self, MAX_BODY, go_type, undecodable_patch};
use super::syntax::go_error;
use crate::resource::Resource;
use crate::status::{Details, Status};

const STRATEGIC: &str = "application/strategic-merge-patch+json";
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";
/// Server-side apply; its body may be JSON, which is YAML too.
pub(super) const APPLY: &str = "application/apply-patch+yaml";
/// Media types for custom resources, as a real API server lists them.
const CUSTOM: [&str; 3] = [JSON, MERGE, APPLY];
/// Kubernetes: operations in one JSON patch.
const MAX_OPERATIONS: usize = 10_000;

/// Levels of nesting, as many as the JSON reader takes.
const MAX_DEPTH: usize = 128;

/// A change described by a client, to be applied to whatever is stored.
#[derive(Debug)]
pub(super) enum Patch {
    /// Of an object of this type.
    Strategic(&'static Struct, Map<String, Value>),
    Merge(Value),
    Json(Vec<PatchOperation>),
}

impl Patch {
    /// Reads the body by its media type; `of` is the type of what is patched, where it has one.
    pub(super) fn parse(
        call: &Call<'_>,
        resource: &Resource,
        of: Option<&'static Struct>,
    ) -> Result<Self, Status> {
        match (call.media_type().as_deref(), of) {
            (Some(STRATEGIC), Some(of)) => Ok(Self::Strategic(of, members(&call.body)?)),
            (media_type, _) => Self::parse_untyped(call, resource, media_type),
        }
    }

    fn parse_untyped(
        call: &Call<'_>,
        resource: &Resource,
        media_type: Option<&str>,
    ) -> Result<Self, Status> {
        match media_type {
            Some(MERGE) => merge(body::decode_patch(&call.body)?),
            Some(JSON) => operations(body::decode_patch(&call.body)?),
            _ if resource.custom => Err(Status::unsupported_media_type(&CUSTOM)),
            _ => Err(Status::failure(415, "415: Unsupported Media Type")
                .reason("UnsupportedMediaType")
                .details(Details::default())),
        }
    }

    /// The object after the patch.
    pub(super) fn apply(&self, mut object: Value) -> Result<Value, Status> {
        match self {
            Self::Strategic(of, patch) => {
                object = strategic::merge(of, object, patch.clone())?;
            }
            Self::Merge(patch) => json_patch::merge(&mut object, patch),
            Self::Json(operations) => apply_operations(&mut object, operations)?,
        }
        Ok(object)
    }
}

/// Kubernetes: of the formats, only this one gives the reader's words alone.
fn members(body: &[u8]) -> Result<Map<String, Value>, Status> {
    let patch = serde_json::from_slice(body)
        .map_err(|error| Status::bad_request(go_error(&error, body)))?;
    match patch {
        Value::Object(members) => Ok(members),
        other => Err(Status::bad_request(not_a_map(&other))),
    }
}

fn not_a_map(patch: &Value) -> String {
    let found = go_type(patch);
    format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")
}

fn merge(patch: Value) -> Result<Patch, Status> {
    if patch.is_object() {
        return Ok(Patch::Merge(patch));
    }
    Err(undecodable_patch(&not_a_map(&patch)))
}

fn operations(patch: Value) -> Result<Patch, Status> {
    let Value::Array(operations) = patch else {
        let found = go_type(&patch);
        let why =
            format!("json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp");
        return Err(undecodable_patch(&why));
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(Status::too_large(MAX_OPERATIONS));
    }
    // Kubernetes: an operation that is none fails when it is applied, not when it is read.
    let operations =
        serde_json::from_value(operations.into()).map_err(|_| Status::unprocessable())?;
    Ok(Patch::Json(operations))
}

/// Applies them one by one. A copy of a copy of a copy grows without bound, so what copies add is
/// counted against the size of a request; moves and adds could nest deeper than any body can.
fn apply_operations(object: &mut Value, operations: &[PatchOperation]) -> Result<(), Status> {
    let mut copied = 0;
    for operation in operations {
        if let PatchOperation::Copy(copy) = operation {
            let source = object.pointer(copy.from.as_str());
            copied += source.map_or(0, |source| source.to_string().len());
            if copied > MAX_BODY {
                return Err(Status::too_large(MAX_BODY));
            }
        }
        json_patch::patch_unsafe(object, std::slice::from_ref(operation))
            .map_err(|_| Status::unprocessable())?;
        if is_deeper_than(object, MAX_DEPTH) {
            return Err(Status::unprocessable());
        }
    }
    Ok(())
}

fn is_deeper_than(value: &Value, levels: usize) -> bool {
    match value {
        _ if levels == 0 => true,
        Value::Array(items) => items.iter().any(|item| is_deeper_than(item, levels - 1)),
        Value::Object(members) => members
            .values()
            .any(|member| is_deeper_than(member, levels - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn json_patch(patch: Value, object: Value) -> Result<Value, Status> {
        operations(patch)?.apply(object)
    }

    #[test]
    fn merge_patches_follow_the_examples_of_the_rfc() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            assert_eq!(merge(patch).unwrap().apply(target).unwrap(), result);
        }
    }

    #[test]
    fn a_json_patch_applies_whole_or_not_at_all() {
        let object = json!({"data": {"a": "1"}});
        let good = json!([{"op": "test", "path": "/data/a", "value": "1"}, {"op": "add", "path": "/data/b", "value": "2"}]);
        assert_eq!(
            json_patch(good, object.clone()).unwrap(),
            json!({"data": {"a": "1", "b": "2"}})
        );
        for bad in [
            json!([{"op": "remove", "path": "/data/zzz"}]),
            json!([{"op": "test", "path": "/data/a", "value": "no"}]),
            json!([{"op": "jump", "path": "/data/a"}]),
            json!([{"op": "replace", "path": "/spec/x/y", "value": 1}]),
            json!([{"op": "move", "from": "/data", "path": "/data/a/b"}]),
            json!([{"op": "add", "path": "no pointer", "value": 1}]),
        ] {
            assert_eq!(
                json_patch(bad.clone(), object.clone()).unwrap_err().code(),
                422,
                "{bad}"
            );
        }
    }

    #[test]
    fn a_patch_that_doubles_itself_is_cut_short() {
        let double = |at| json!({"op": "copy", "from": "/data", "path": format!("/data/{at}")});
        let patch = Value::Array((0..60).map(double).collect());
        assert_eq!(
            json_patch(patch, json!({"data": {"a": "1"}}))
                .unwrap_err()
                .code(),
            413
        );
    }

    #[test]
    fn a_patch_cannot_nest_deeper_than_a_body() {
        let deeper = |at: usize| json!({"op": "add", "path": "/d".repeat(at + 1), "value": {}});
        let patch = |levels| Value::Array((0..levels).map(deeper).collect());
        assert!(json_patch(patch(MAX_DEPTH - 2), json!({})).is_ok());
        assert_eq!(
            json_patch(patch(MAX_DEPTH), json!({})).unwrap_err().code(),
            422
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The definition of RFC 7386, as its pseudocode says it.
    fn rfc_merge(target: Value, patch: Value) -> Value {
        let Value::Object(patch) = patch else {
            return patch;
        };
        let mut members = match target {
            Value::Object(members) => members,
            _ => serde_json::Map::new(),
        };
        for (name, value) in patch {
            if value.is_null() {
                members.remove(&name);
            } else {
                let old = members.remove(&name).unwrap_or(Value::Null);
                members.insert(name, rfc_merge(old, value));
            }
        }
        Value::Object(members)
    }

    proptest! {
        #[test]
        fn merging_any_json_does_what_the_rfc_defines(target in any_json(), patch in any_json()) {
            match merge(patch.clone()) {
                Ok(merge) => prop_assert_eq!(merge.apply(target.clone()).unwrap(), rfc_merge(target, patch)),
                Err(refusal) => prop_assert_eq!(refusal.code(), 400),
            }
        }

        #[test]
        fn applying_any_operations_never_panics(
            target in any_json(),
            paths in prop::collection::vec("(/[a-c0-3-]{0,2}){0,3}", 1..6),
            value in any_json(),
        ) {
            let ops = ["add", "remove", "replace", "move", "copy", "test"];
            let patch: Vec<_> = paths.iter().enumerate().map(|(at, path)| {
                json!({"op": ops[at % ops.len()], "path": path, "from": paths[0], "value": value})
            }).collect();
            let _ = json_patch(patch.into(), target);
        }
    }
}
