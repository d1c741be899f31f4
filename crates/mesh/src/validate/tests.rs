//! Against the answers of a real API server and webhook (`tests/data/admission.json`).

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[derive(Debug, serde::Deserialize)]
struct Case {
    name: String,
    object: Value,
    /// None where it was accepted.
    code: Option<u16>,
    message: String,
}

#[test]
fn objects_are_accepted_and_refused_as_by_istio() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../tests/data/admission.json")).unwrap();
    assert!(cases.len() > 150);
    let mut wrong = Vec::new();
    for case in cases {
        let ours = match validate(&case.object) {
            Ok(()) => (None, String::new()),
            Err(refusal) => (Some(refusal.code()), refusal.to_string()),
        };
        if ours != (case.code, case.message.clone()) {
            wrong.push(format!(
                "{}:\n  ours   {ours:?}\n  theirs {:?}",
                case.name,
                (case.code, case.message)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn other_kinds_are_not_judged() {
    assert_eq!(
        validate(&json!({"kind": "Gateway", "spec": {"servers": 1}})),
        Ok(())
    );
}

/// Small JSON values, some with the names of fields.
fn json_value() -> impl Strategy<Value = Value> {
    let names = "(http|match|route|destination|host|weight|fault|abort|percentage|value|headers|[a-z]{1,3})";
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

proptest! {
    #[test]
    fn whatever_passes_can_be_read_and_nothing_panics(spec in json_value(), rule in any::<bool>()) {
        let kind = if rule { "VirtualService" } else { "DestinationRule" };
        let object = json!({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec});
        schema::warnings(&object);
        schema::unknown_fields(&object);
        if validate(&object).is_ok() {
            let read = if rule {
                VirtualService::parse(&object).map(|_| ())
            } else {
                DestinationRule::parse(&object).map(|_| ())
            };
            prop_assert!(read.is_ok(), "{read:?}");
        }
    }
}
