//! Against the answers of a real API server (`tests/data/istio-schema.json`).

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::resource::{self, Resource};
use crate::schema::crd;
use crate::status::Status;

#[derive(Deserialize)]
struct Refused {
    name: String,
    object: Value,
    code: u16,
    message: String,
    /// The whole answer, of some.
    status: Option<Value>,
}

fn kind_of(object: &Value) -> (&'static Resource, &str) {
    let (group, version) = object["apiVersion"]
        .as_str()
        .unwrap()
        .split_once('/')
        .unwrap();
    let known = |row: &&&Resource| row.group == group && object["kind"] == row.kind;
    (resource::ALL.iter().find(known).unwrap(), version)
}

fn answer(object: &Value) -> Status {
    let (resource, version) = kind_of(object);
    let name = object["metadata"]["name"].as_str().unwrap();
    let validator = crd::definition(resource)
        .unwrap()
        .validator(version)
        .unwrap();
    Status::invalid(resource, name, validator.faults(object))
}

/// Real servers ask the members of an object in no order: what is told counts, not when.
fn parts(message: &str) -> Vec<String> {
    let (head, causes) = message.split_once("is invalid: ").unwrap();
    let causes = causes.trim_start_matches('[').trim_end_matches(']');
    let causes = causes
        .split(", spec.")
        .map(|it| it.trim_start_matches("spec."));
    let mut parts: Vec<_> = causes.map(str::to_owned).collect();
    parts.sort();
    parts.push(head.to_owned());
    parts
}

#[test]
fn what_a_real_server_refuses_is_refused_in_its_words() {
    let rows = include_str!("../../../tests/data/istio-schema.json");
    let rows: Vec<Refused> = serde_json::from_str(rows).unwrap();
    let rows: Vec<_> = rows.into_iter().filter(|row| row.code == 422).collect();
    assert!(rows.len() > 50);
    for row in rows {
        let ours = answer(&row.object);
        assert_eq!(parts(ours.message()), parts(&row.message), "{}", row.name);
        if let Some(theirs) = row.status {
            assert_eq!(serde_json::to_value(ours).unwrap(), theirs, "{}", row.name);
        }
    }
}

fn told(schema: Value, object: &Value) -> Vec<String> {
    let faults = Validator::read(&schema).unwrap().faults(object);
    faults.iter().map(ToString::to_string).collect()
}

/// The faults of one value that is the member `x` of an object.
fn of_x(schema: Value, x: Value) -> String {
    let schema = json!({"type": "object", "properties": {"x": schema}});
    told(schema, &json!({"x": x})).join("\n")
}

#[test]
fn every_kind_has_what_judges_it_in_each_version() {
    for row in resource::ALL.iter().filter(|row| row.custom) {
        for version in row.versions {
            let validator = crd::definition(row).unwrap().validator(version).unwrap();
            assert!(
                !validator.root.properties.is_empty(),
                "{} {version}",
                row.kind
            );
        }
    }
}

#[test]
fn texts_numbers_lists_and_objects_keep_their_bounds() {
    let unchecked = "<nil>: Invalid value: null: some validation rules were not checked because \
                     the object was invalid; correct the existing errors to complete validation";
    let cases = [
        (
            json!({"type": "string", "maxLength": 1}),
            json!("ab"),
            format!("x: Too long: may not be more than 1 bytes\n{unchecked}"),
        ),
        (
            json!({"type": "string", "minLength": 3}),
            json!("ab"),
            r#"x: Invalid value: "ab": x in body should be at least 3 chars long"#.into(),
        ),
        (
            json!({"type": "string", "pattern": "^a+$"}),
            json!("ab"),
            r#"x: Invalid value: "ab": x in body should match '^a+$'"#.into(),
        ),
        (
            json!({"type": "integer", "maximum": 65535}),
            json!(65536),
            "x: Invalid value: 65536: x in body should be less than or equal to 65535".into(),
        ),
        (
            json!({"type": "array", "maxItems": 1, "items": {"type": "string"}}),
            json!(["a", "b"]),
            format!("x: Too many: 2: must have at most 1 item\n{unchecked}"),
        ),
        (
            json!({"type": "object", "minProperties": 1}),
            json!({}),
            "x: Invalid value: 0: x in body should have at least 1 properties".into(),
        ),
    ];
    for (schema, value, expected) in cases {
        assert_eq!(of_x(schema, value), expected);
    }
}

#[test]
fn a_whole_number_is_an_integer_however_it_is_written() {
    let integer = || json!({"type": "integer"});
    assert_eq!(of_x(integer(), json!(70.0)), "");
    assert!(of_x(integer(), json!(70.5)).contains(r#"must be of type integer: "number""#));
    assert_eq!(of_x(json!({"type": "number"}), json!(70)), "");
}

#[test]
fn a_number_or_a_text_is_nothing_else() {
    let either = json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]});
    assert_eq!(of_x(either.clone(), json!(1)), "");
    assert_eq!(of_x(either.clone(), json!("a")), "");
    let faults = of_x(either, json!(true));
    assert!(
        faults.contains(r#"must be of type integer,string: "boolean""#),
        "{faults}"
    );
    assert!(
        faults.contains(r#""x" must validate at least one schema (anyOf)"#),
        "{faults}"
    );
}

#[test]
fn a_rule_that_cannot_be_evaluated_says_so() {
    let port = json!({"type": "object", "x-kubernetes-validations": [
        {"rule": "self.all(key, 0 < int(key))", "message": "port must be positive"},
    ]});
    assert_eq!(
        of_x(port, json!({"http": 1})),
        r#"x: Invalid value: "object": type conversion error from 'string' to 'int' evaluating rule: port must be positive"#
    );
}

#[test]
fn a_schema_with_a_rule_that_is_no_expression_is_not_read() {
    let schema = json!({"type": "object", "x-kubernetes-validations": [{"rule": "self.("}]});
    assert!(
        Validator::read(&schema)
            .unwrap_err()
            .starts_with(r#"rule "self.(""#)
    );
}

proptest! {
    #[test]
    fn no_object_makes_it_panic(spec in any_json(), row in 0..crd::ALL.len()) {
        let validator = crd::ALL[row].validator(crd::ALL[row].resource.versions[0]).unwrap();
        validator.faults(&json!({"spec": spec}));
    }
}

/// Small values with the names of fields that have rules.
fn any_json() -> impl Strategy<Value = Value> {
    let names = "(http|timeout|hosts|ports|number|endpoints|address|selector|matchLabels|rules|from|source|trafficPolicy|[a-z]{1,3})";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Value>()),
        ]
    })
}
