//! The rows of conditions.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::*;

/// Puts a list into a fixed order.
pub(crate) fn sorted(mut list: Vec<Value>) -> Value {
    list.sort_by_key(Value::to_string);
    list.into()
}

/// What a test request consists of.
#[derive(Default)]
struct Sent<'a> {
    target: &'a str,
    method: &'a str,
    authority: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

fn matches(entry: Value, sent: &Sent<'_>) -> bool {
    let entry: HttpMatch = serde_json::from_value(entry).unwrap();
    let header = |(name, value): &(&str, &str)| {
        (
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    let headers: HeaderMap = sent.headers.iter().map(header).collect();
    let (path, query) = sent.target.split_once('?').unwrap_or((sent.target, ""));
    RouteMatch::compile(&entry).unwrap().matches(&Request {
        method: if sent.method.is_empty() {
            "GET"
        } else {
            sent.method
        },
        scheme: "http",
        authority: if sent.authority.is_empty() {
            "svc:8080"
        } else {
            sent.authority
        },
        path: &normalize(path),
        query,
        headers: &headers,
    })
}

fn check_targets(entry: &Value, rows: &[(&str, bool)]) {
    for (target, expected) in rows {
        let sent = Sent {
            target,
            ..Sent::default()
        };
        assert_eq!(matches(entry.clone(), &sent), *expected, "{entry} {target}");
    }
}

fn check_headers(entry: &Value, rows: &[(&[(&str, &str)], bool)]) {
    for (headers, expected) in rows {
        let sent = Sent {
            target: "/",
            headers,
            ..Sent::default()
        };
        assert_eq!(
            matches(entry.clone(), &sent),
            *expected,
            "{entry} {headers:?}"
        );
    }
}

#[test]
fn paths_match_exactly_by_prefix_or_by_a_full_pattern() {
    check_targets(
        &json!({"uri": {"exact": "/Foo"}}),
        &[
            ("/Foo", true),
            ("/Foo?x=1", true),
            ("/Foo/", false),
            ("/foo", false),
        ],
    );
    check_targets(
        &json!({"uri": {"prefix": "/api"}}),
        &[
            ("/api", true),
            ("/apix", true),
            ("/api/v1?z", true),
            ("/API", false),
            ("/%61pi", true),
            ("/./api", true),
            ("//api", false),
        ],
    );
    check_targets(
        &json!({"uri": {"regex": "/re/[0-9]+"}}),
        &[("/re/12?q", true), ("/re/12/x", false), ("/x/re/12", false)],
    );
    check_targets(
        &json!({"uri": {"regex": "/a|/b"}}),
        &[("/a", true), ("/b", true), ("/bc", false)],
    );
}

#[test]
fn ignoring_case_is_for_exact_and_prefix_only() {
    let ignoring = |uri: Value| json!({"uri": uri, "ignoreUriCase": true});
    check_targets(
        &ignoring(json!({"prefix": "/Pre"})),
        &[("/pREfix", true), ("/pr", false)],
    );
    check_targets(
        &ignoring(json!({"exact": "/Ce"})),
        &[("/cE", true), ("/cEx", false)],
    );
    check_targets(
        &ignoring(json!({"regex": "/r"})),
        &[("/R", false), ("/r", true)],
    );
}

#[test]
fn header_names_ignore_case_and_values_do_not() {
    let entry = json!({"headers": {"X-Canary": {"exact": "true"}}});
    check_headers(
        &entry,
        &[
            (&[("x-canary", "true")], true),
            (&[("x-canary", "True")], false),
            (&[("x-canary", " true ")], true),
            (&[], false),
            (&[("x-canary", "other"), ("x-canary", "true")], true),
            (&[("x-canary", "true,other")], false),
        ],
    );
    let pattern = json!({"headers": {"h": {"regex": "a.c"}}});
    check_headers(
        &pattern,
        &[(&[("h", "abc")], true), (&[("h", "xabc")], false)],
    );
    let prefix = json!({"headers": {"h": {"prefix": "a"}}});
    check_headers(&prefix, &[(&[("h", "ab")], true), (&[("h", "ba")], false)]);
}

#[test]
fn an_empty_matcher_asks_for_presence() {
    for matcher in [json!({}), json!({"regex": "*"})] {
        let present = json!({"headers": {"x-p": matcher}});
        check_headers(
            &present,
            &[
                (&[("x-p", "")], true),
                (&[("x-p", "1")], true),
                (&[], false),
            ],
        );
        let absent = json!({"withoutHeaders": {"x-p": matcher}});
        check_headers(&absent, &[(&[("x-p", "")], false), (&[], true)]);
    }
}

#[test]
fn a_missing_header_counts_as_empty_for_its_opposite() {
    let entry = json!({"withoutHeaders": {"x-no": {"exact": "bad"}}});
    check_headers(
        &entry,
        &[
            (&[], true),
            (&[("x-no", "ok")], true),
            (&[("x-no", "bad")], false),
        ],
    );
    let accepts_empty = json!({"withoutHeaders": {"x-no": {"regex": ".*"}}});
    check_headers(&accepts_empty, &[(&[], false), (&[("x-no", "a")], false)]);
}

#[test]
fn the_first_query_parameter_counts_undecoded() {
    check_targets(
        &json!({"queryParams": {"a": {"exact": "1"}}}),
        &[
            ("/?a=1&a=2", true),
            ("/?a=2&a=1", false),
            ("/?a=%31", false),
            ("/?A=1", false),
            ("/", false),
        ],
    );
    check_targets(
        &json!({"queryParams": {"p": {}}}),
        &[("/?p", true), ("/?p=", true), ("/?q", false)],
    );
    check_targets(
        &json!({"queryParams": {"n": {"regex": "[0-9]+"}}}),
        &[("/?n=12", true), ("/?n=1x", false)],
    );
    check_targets(
        &json!({"queryParams": {"n": {"prefix": "x"}}}),
        &[("/?n=xy", true), ("/?n=yx", false)],
    );
}

#[test]
fn method_and_authority_are_texts_and_all_conditions_must_hold() {
    let check = |entry: &Value, sent: Sent<'_>| matches(entry.clone(), &sent);
    let post = json!({"method": {"exact": "POST"}});
    assert!(!check(
        &post,
        Sent {
            target: "/",
            ..Sent::default()
        }
    ));
    assert!(check(
        &post,
        Sent {
            target: "/",
            method: "POST",
            ..Sent::default()
        }
    ));
    let authority = json!({"authority": {"exact": "svc"}});
    assert!(!check(
        &authority,
        Sent {
            target: "/",
            authority: "svc:8080",
            ..Sent::default()
        }
    ));
    assert!(check(
        &authority,
        Sent {
            target: "/",
            authority: "svc",
            ..Sent::default()
        }
    ));
    let both = json!({"uri": {"prefix": "/a"}, "headers": {"h": {}}, "scheme": {"exact": "http"}});
    assert!(!check(
        &both,
        Sent {
            target: "/a",
            ..Sent::default()
        }
    ));
    assert!(!check(
        &both,
        Sent {
            target: "/b",
            headers: &[("h", "1")],
            ..Sent::default()
        }
    ));
    assert!(check(
        &both,
        Sent {
            target: "/a",
            headers: &[("h", "1")],
            ..Sent::default()
        }
    ));
    let pseudo = json!({"headers": {":path": {"exact": "/a?q"}, ":method": {"exact": "GET"}}});
    assert!(check(
        &pseudo,
        Sent {
            target: "/a?q",
            ..Sent::default()
        }
    ));
    assert!(!check(
        &pseudo,
        Sent {
            target: "/a",
            ..Sent::default()
        }
    ));
}

#[test]
fn only_a_match_without_condition_takes_everything() {
    let catch_all = |entry: Value| {
        let entry: HttpMatch = serde_json::from_value(entry).unwrap();
        RouteMatch::compile(&entry).unwrap().is_catch_all()
    };
    for entry in [
        json!({}),
        json!({"uri": {"prefix": "/"}}),
        json!({"uri": {"regex": ".*"}}),
    ] {
        assert!(catch_all(entry.clone()), "{entry}");
    }
    let conditions = [
        json!({"uri": {"exact": "/"}}),
        json!({"uri": {"prefix": "/a"}}),
        json!({"method": {"exact": "GET"}}),
        json!({"withoutHeaders": {"h": {}}}),
        json!({"queryParams": {"h": {}}}),
    ];
    for entry in conditions {
        assert!(!catch_all(entry.clone()), "{entry}");
    }
}

#[test]
fn a_bad_pattern_names_its_field() {
    let entry: HttpMatch =
        serde_json::from_value(json!({"headers": {"h": {"regex": "("}}})).unwrap();
    let error = RouteMatch::compile(&entry).unwrap_err().to_string();
    assert!(error.starts_with(r#""headers": "(": "#), "{error}");
    for unbalanced in ["a)|(b", "a)(?:b"] {
        assert!(Pattern::full(unbalanced).is_err(), "{unbalanced}");
    }
}
