//! Tables of a real API server 1.35: `data/tables.json` holds its columns and rows, each row with
//! an object that has what the row shows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use apimachinery::resource::{self, Resource};
use apimachinery::table;
use jiff::Timestamp;
use serde_json::{Value, json};

/// When the tables were asked for.
const ASKED: &str = "2026-11-21T06:25:49.5Z";

#[test]
fn every_column_and_cell_is_that_of_a_real_server() {
    let now: Timestamp = ASKED.parse().unwrap();
    let cases: Vec<Value> = serde_json::from_str(include_str!("data/tables.json")).unwrap();
    assert_eq!(cases.len(), 33);
    for case in &cases {
        let (name, resource) = (&case["case"], stored(&case["resource"]));
        let columns = table::columns(resource).iter().map(shape);
        assert_eq!(Value::from_iter(columns), case["columns"], "{name}");
        for row in case["rows"].as_array().unwrap() {
            let cells = Value::from(table::cells(resource, &row["object"], now));
            assert_eq!(cells, row["cells"], "{name}");
        }
    }
}

/// All a client acts on; descriptions are the project's own words.
fn shape(column: &table::Column) -> Value {
    let column = serde_json::to_value(column).unwrap();
    assert_ne!(column["description"], "");
    json!([
        column["name"],
        column["type"],
        column["format"],
        column["priority"]
    ])
}

fn stored(names: &Value) -> &'static Resource {
    let [group, version, plural] = [0, 1, 2].map(|at| names[at].as_str().unwrap());
    let resource = resource::find(group, version, plural);
    resource
        .unwrap_or_else(|| panic!("{plural}.{version}.{group}"))
        .storage()
}

/// Wherever an object has something else than its kind should have, it still has its row.
#[test]
fn no_value_of_another_type_breaks_a_row() {
    let now: Timestamp = ASKED.parse().unwrap();
    let strange = [
        json!(null),
        json!(""),
        json!("x"),
        json!(-1),
        json!(1e300),
        json!([0]),
        json!({"x": 0}),
    ];
    let cases: Vec<Value> = serde_json::from_str(include_str!("data/tables.json")).unwrap();
    for case in &cases {
        let resource = stored(&case["resource"]);
        for row in case["rows"].as_array().unwrap() {
            for place in places(&row["object"], "") {
                for value in &strange {
                    let mut object = row["object"].clone();
                    *object.pointer_mut(&place).unwrap() = value.clone();
                    let cells = table::cells(resource, &object, now);
                    assert_eq!(cells.len(), table::columns(resource).len(), "{place}");
                }
            }
        }
    }
}

/// The JSON pointers of everything in a value.
fn places(value: &Value, at: &str) -> Vec<String> {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let inner: Vec<_> = match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| places(value, &format!("{at}/{}", escaped(key))))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(place, value)| places(value, &format!("{at}/{place}")))
            .collect(),
        _ => Vec::new(),
    };
    [vec![at.to_owned()], inner].concat()
}
