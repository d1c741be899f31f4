use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema::kubernetes;

fn deployment() -> &'static Struct {
    kubernetes::named("apps.v1.Deployment").unwrap()
}

fn pod_spec(object: Value, patch: Value) -> Result<Value, Refusal> {
    let of = kubernetes::named("core.v1.PodSpec").unwrap();
    merge(of, object, patch.as_object().unwrap().clone())
}

#[test]
fn a_new_element_may_stand_before_those_of_the_server() {
    let stored = json!({"containers": [{"name": "a", "image": "a:1"}, {"name": "b"}]});
    let patch = json!({
        "$setElementOrder/containers": [{"name": "n"}, {"name": "b"}],
        "containers": [{"name": "n", "image": "n:1"}],
    });
    let merged = pod_spec(stored, patch).unwrap();
    let names: Vec<_> = merged["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["n", "a", "b"]);
}

#[test]
fn faults_are_worded_as_a_real_server_words_them() {
    for (patch, words) in [
        (
            json!({"containers": [{"image": "x", "stdin": true}]}),
            "map: map[image:x stdin:true] does not contain declared merge key: name",
        ),
        (
            json!({"containers": [{"name": "a", "$patch": 1}]}),
            "unknown patch type: %!s(int64=1) in map: map[$patch:1 name:a]",
        ),
        (
            json!({"containers": [{"$patch": "merge"}]}),
            "merging lists cannot yet be specified in the patch",
        ),
        (
            json!({"containers": [[]]}),
            "list element types are not identical: [[map[name:a]] [[]]]",
        ),
        (
            json!({"$setElementOrder/none": []}),
            "unable to find api field in struct PodSpec for the json field \"none\"",
        ),
        (
            json!({"$setElementOrder/containers": "x"}),
            "expected a []interface {}, but received a string",
        ),
        (
            json!({"$retainKeys": 1}),
            "invalid patch format of retainKeys",
        ),
        (
            json!({"$deleteFromPrimitiveList": []}),
            "invalid patch format of primitive list",
        ),
    ] {
        let refusal = pod_spec(json!({"containers": [{"name": "a"}]}), patch);
        assert_eq!(refusal.unwrap_err().to_string(), words);
    }
}

#[test]
fn a_long_list_merges_in_reasonable_time() {
    let list = |image: &str| -> Value {
        (0..20_000)
            .map(|n| json!({"name": n.to_string(), "image": image}))
            .collect()
    };
    let patch = json!({"$setElementOrder/containers": list("1"), "containers": list("2")});
    let merged = pod_spec(json!({"containers": list("1")}), patch).unwrap();
    assert_eq!(merged, json!({"containers": list("2")}));
}

/// JSON that often has the members and directives a patch may have.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        prop::sample::select(vec!["a", "b", "delete", "replace", "merge"]).prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "metadata",
        "labels",
        "finalizers",
        "spec",
        "template",
        "containers",
        "name",
        "env",
        "ports",
        "containerPort",
        "strategy",
        "volumes",
        "nodeSelector",
        "x",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$setElementOrder/env",
        "$setElementOrder/finalizers",
        "$deleteFromPrimitiveList/finalizers",
        "$deleteFromPrimitiveList",
    ]);
    leaf.prop_recursive(7, 64, 5, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// How many values there are in it.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn any_patch_of_anything_ends_in_an_object_or_a_refusal(object in any_json(), patch in any_json()) {
        let Value::Object(patch) = patch else { return Ok(()) };
        let bound = size(&object) + size(&Value::Object(patch.clone()));
        if let Ok(merged) = merge(deployment(), object, patch) {
            prop_assert!(merged.is_object());
            prop_assert!(size(&merged) <= bound, "it grew");
        }
    }

    #[test]
    fn the_empty_patch_changes_nothing(object in any_json()) {
        prop_assume!(object.is_object());
        prop_assert_eq!(merge(deployment(), object.clone(), Members::new()), Ok(object));
    }
}
