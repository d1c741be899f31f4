//! Objects to begin with, and what may become of them.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

/// Sets of objects that are applied together.
pub(crate) fn objects() -> &'static [Vec<Value>] {
    static OBJECTS: LazyLock<Vec<Vec<Value>>> = LazyLock::new(|| {
        let mut sets = recorded();
        sets.extend(lessons());
        sets
    });
    &OBJECTS
}

/// What a real istiod was asked with.
fn recorded() -> Vec<Vec<Value>> {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../data/istiod.json")).unwrap();
    let set = |row: &Value| {
        let mut objects = row["objects"].as_array().unwrap().clone();
        objects
            .iter_mut()
            .for_each(|it| it["metadata"]["namespace"] = "t".into());
        objects
    };
    rows.iter().map(set).collect()
}

/// The lessons of the course.
fn lessons() -> Vec<Vec<Value>> {
    let practice = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../practice");
    let folders = std::fs::read_dir(practice).unwrap();
    let files = ["destinationrules.yaml", "virtualservices.yaml"];
    let lesson = |folder: std::fs::DirEntry| {
        let texts = files.map(|file| std::fs::read_to_string(folder.path().join(file)).ok());
        let objects: Vec<Value> = texts
            .iter()
            .flatten()
            .flat_map(|text| serde_saphyr::from_multiple::<Value>(text).unwrap())
            .collect();
        (!objects.is_empty()).then_some(objects)
    };
    folders
        .filter_map(|folder| lesson(folder.unwrap()))
        .collect()
}

/// One change at one place.
#[derive(Debug, Clone)]
pub(crate) struct Mutation {
    place: usize,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    Remove,
    /// What stands elsewhere stands here, too.
    CopyFrom(usize),
}

/// Any change, mostly of the kind that a hand makes.
pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    let words = "(GET|POST|/|/api|\\*|\\.\\*|a\\(|svc|mesh|5xx,reset|1s|-1s|1ms|ROUND_ROBIN|true|[ -~]{0,12}|\\PC{0,6})";
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..200).prop_map(Value::from),
        // Rings are as large as they are asked to be, which takes its time.
        prop_oneof![Just(i64::MIN), Just(0), Just(5_000)].prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
        Just(Value::Array(vec![])),
        Just(serde_json::json!({})),
        Just(serde_json::json!([{}])),
    ];
    let change = prop_oneof![
        4 => value.prop_map(Change::Replace),
        1 => Just(Change::Remove),
        2 => any::<usize>().prop_map(Change::CopyFrom),
    ];
    (any::<usize>(), change).prop_map(|(place, change)| Mutation { place, change })
}

impl Mutation {
    pub(crate) fn apply(&self, objects: &mut [Value]) {
        let mut paths = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            collect(&object["spec"], format!("/{index}/spec"), &mut paths);
        }
        let pick = |number: usize| paths.get(number % paths.len().max(1)).cloned();
        let Some(place) = pick(self.place) else {
            return;
        };
        let mut whole = Value::Array(objects.to_vec());
        let new = match &self.change {
            Change::Replace(value) => value.clone(),
            Change::Remove => Value::Null,
            Change::CopyFrom(other) => {
                let from = pick(*other).unwrap_or_default();
                whole.pointer(&from).cloned().unwrap_or_default()
            }
        };
        if let Some(old) = whole.pointer_mut(&place) {
            *old = new;
        }
        if let Value::Array(changed) = whole {
            objects.clone_from_slice(&changed);
        }
    }
}

/// The paths of all values, as JSON pointers.
fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{path}/{name}"), paths);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{path}/{index}"), paths);
            }
        }
        _ => {}
    }
    paths.push(path);
}
