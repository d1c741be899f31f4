//! Strategic merge patches against what a real API server 1.35 made of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use apimachinery::patch::strategic::merge;
use apimachinery::resource::ALL;
use apimachinery::schema::{Struct, kubernetes};
use serde_json::{Map, Value, json};

/// What the server fills in after the patch, which is no part of it: member and value.
fn defaults() -> Vec<(&'static str, Value)> {
    vec![
        ("imagePullPolicy", json!("IfNotPresent")),
        ("resources", json!({})),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("protocol", json!("TCP")),
        ("apiVersion", json!("v1")),
        ("defaultMode", json!(420)),
        ("replicas", json!(1)),
        ("revisionHistoryLimit", json!(10)),
        ("targetPort", json!(82)),
        ("lastProbeTime", json!(null)),
        ("lastTransitionTime", json!(null)),
    ]
}

/// Differences from the recording that are right: case, and why.
const DEVIATIONS: [(&str, &str); 1] = [(
    "status is ignored on the main resource",
    "which part of an object a write may change is decided after the patch",
)];

fn kind(name: &str) -> &'static Struct {
    let resource = ALL.iter().find(|row| row.kind == name).unwrap();
    kubernetes::of(resource, resource.preferred_version()).unwrap()
}

/// Removes from `recorded` what the server filled in and `merged` has not.
fn without_defaults(recorded: &mut Value, merged: &Value) {
    match (recorded, merged) {
        (Value::Object(recorded), Value::Object(merged)) => {
            for (name, value) in defaults() {
                if recorded.get(name) == Some(&value) && !merged.contains_key(name) {
                    recorded.remove(name);
                }
            }
            for (name, value) in recorded {
                without_defaults(value, merged.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(recorded), Value::Array(merged)) => {
            let pairs = recorded.iter_mut().zip(merged);
            pairs.for_each(|(recorded, merged)| without_defaults(recorded, merged));
        }
        _ => {}
    }
}

fn compare(case: &Value, objects: &Value) -> Result<(), String> {
    let before = match &case["before"] {
        Value::String(name) => objects[name].clone(),
        object => object.clone(),
    };
    let patch: Map<_, _> = case["patch"].as_object().unwrap().clone();
    let merged = merge(kind(case["kind"].as_str().unwrap()), before, patch);
    let error = case["error"].as_str().unwrap_or_default();
    match (merged, error.strip_prefix("Error from server: ")) {
        (Err(refusal), Some(recorded))
            if format!("{refusal}").trim_end() == recorded.trim_end() =>
        {
            Ok(())
        }
        (Err(refusal), recorded) => Err(format!("refused: {refusal}; recorded: {recorded:?}")),
        (Ok(merged), Some(recorded)) => Err(format!("merged to {merged}; recorded: {recorded}")),
        // The patch was merged, and the result refused as an object.
        (Ok(_), None) if error.contains(" is invalid: ") => Ok(()),
        (Ok(merged), None) => {
            let mut recorded = case["after"].clone();
            without_defaults(&mut recorded, &merged);
            if merged == recorded {
                Ok(())
            } else {
                Err(format!("merged:   {merged}\nrecorded: {recorded}"))
            }
        }
    }
}

#[test]
fn every_recorded_patch_has_its_recorded_result() {
    let data: Value = serde_json::from_str(include_str!("data/strategic.json")).unwrap();
    let cases = data["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 59);
    let mut wrong = Vec::new();
    for case in cases {
        let name = case["case"].as_str().unwrap();
        let allowed = DEVIATIONS.iter().any(|(case, _)| *case == name);
        match (compare(case, &data["objects"]), allowed) {
            (Err(why), false) => wrong.push(format!("{name}: {why}")),
            (Ok(()), true) => {
                wrong.push(format!("{name}: no longer deviates, take it from the list"))
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
