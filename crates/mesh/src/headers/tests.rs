use serde_json::{Value, json};

use super::*;

fn ops(request: Value) -> Ops {
    let headers = serde_json::from_value(json!({"request": request})).unwrap();
    HeaderOps::compile(Some(&headers)).unwrap().request
}

fn changed(ops: &Ops, before: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    let mut headers: HeaderMap = before.iter().map(pair).collect();
    ops.apply(&mut headers);
    let mut pairs: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    pairs.sort();
    pairs
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn set_overwrites_add_appends_remove_deletes() {
    let ops = ops(json!({"set": {"x": "S"}, "add": {"y": "A"}, "remove": ["z", "absent"]}));
    let before = [("x", "c"), ("y", "c"), ("z", "c")];
    assert_eq!(
        changed(&ops, &before),
        pairs(&[("x", "S"), ("y", "A"), ("y", "c")])
    );
    assert_eq!(changed(&ops, &[]), pairs(&[("x", "S"), ("y", "A")]));
}

#[test]
fn a_later_set_wins_and_removals_come_first() {
    let mut route = ops(json!({"set": {"x": "S"}, "add": {"y": "A"}}));
    route.append(ops(
        json!({"set": {"x": "D"}, "add": {"y": "D"}, "remove": ["y"]}),
    ));
    assert_eq!(
        changed(&route, &[("y", "c")]),
        pairs(&[("x", "D"), ("y", "A"), ("y", "D")])
    );
}

#[test]
fn the_host_is_rewritten_and_not_set() {
    let ops = ops(json!({"set": {"Host": "h.example", "a": "1"}, "remove": ["host"]}));
    assert_eq!(ops.host().unwrap(), "h.example");
    assert_eq!(
        changed(&ops, &[("host", "svc")]),
        pairs(&[("a", "1"), ("host", "svc")])
    );
    assert_eq!(super::Ops::default().host(), None);
}

#[test]
fn doubled_percent_signs_are_one_and_bad_headers_are_told() {
    assert_eq!(
        changed(&ops(json!({"set": {"x": "50%%"}})), &[]),
        pairs(&[("x", "50%")])
    );
    let bad = serde_json::from_value(json!({"response": {"set": {"a b": "c"}}})).unwrap();
    let error = HeaderOps::compile(Some(&bad)).unwrap_err().to_string();
    assert!(
        error.starts_with(r#"header operation "a b": "c" is not a valid header"#),
        "{error}"
    );
}
