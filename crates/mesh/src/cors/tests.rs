use serde_json::{Value, json};

use super::*;

fn policy(written: Value) -> Cors {
    Cors::compile(&serde_json::from_value(written).unwrap()).unwrap()
}

fn full() -> Cors {
    policy(json!({
        "allowOrigins": [{"exact": "http://ok.example"}], "allowMethods": ["GET", "POST"],
        "allowHeaders": ["x-a"], "exposeHeaders": ["x-b"], "maxAge": "24h", "allowCredentials": true,
    }))
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    pairs.iter().map(pair).collect()
}

fn preflight(cors: &Cors, origin: &'static str) -> Verdict {
    let asked = headers(&[
        ("origin", origin),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-q"),
    ]);
    cors.judge(&Method::OPTIONS, &asked)
}

#[test]
fn a_preflight_of_an_allowed_origin_is_answered_as_envoy_answers_it() {
    let expected = headers(&[
        ("access-control-allow-origin", "http://ok.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "x-a"),
        ("access-control-max-age", "86400"),
        ("access-control-expose-headers", "x-b"),
    ]);
    assert_eq!(
        preflight(&full(), "http://ok.example"),
        Verdict::Answer(expected)
    );
}

#[test]
fn a_preflight_of_another_origin_goes_on_or_is_answered_without_the_origin() {
    assert_eq!(preflight(&full(), "http://bad"), Verdict::Pass);
    for (unmatched, forwarded) in [("UNSPECIFIED", true), ("FORWARD", true), ("IGNORE", false)] {
        let cors = policy(json!({
            "allowOrigins": [{"prefix": "http://ok"}], "allowMethods": ["GET"],
            "unmatchedPreflights": unmatched,
        }));
        let answered = headers(&[("access-control-allow-methods", "GET")]);
        let expected = match forwarded {
            true => Verdict::Pass,
            false => Verdict::Answer(answered),
        };
        assert_eq!(preflight(&cors, "http://bad"), expected, "{unmatched}");
    }
}

#[test]
fn only_options_with_origin_and_method_is_a_preflight() {
    type Sent = &'static [(&'static str, &'static str)];
    const ORIGIN: (&str, &str) = ("origin", "http://ok.example");
    const METHOD: (&str, &str) = ("access-control-request-method", "PUT");
    let grant = Verdict::Grant(HeaderValue::from_static("http://ok.example"));
    let rows: [(Method, Sent, Verdict); 5] = [
        (Method::GET, &[ORIGIN], grant.clone()),
        (Method::GET, &[ORIGIN, METHOD], grant.clone()),
        (Method::OPTIONS, &[ORIGIN], grant),
        (Method::OPTIONS, &[METHOD], Verdict::Pass),
        (
            Method::GET,
            &[("origin", ""), ("x-other", "1")],
            Verdict::Pass,
        ),
    ];
    for (method, sent, expected) in rows {
        assert_eq!(
            full().judge(&method, &headers(sent)),
            expected,
            "{method} {sent:?}"
        );
    }
}

#[test]
fn origins_are_matched_exactly_by_prefix_or_as_a_whole_by_regex_and_a_star_takes_all() {
    let rows = [
        (json!({"exact": "http://a"}), "http://a", true),
        (json!({"exact": "http://a"}), "http://a.b", false),
        (json!({"prefix": "http://a"}), "http://a.b", true),
        (json!({"regex": "https://.*\\.b"}), "https://x.b", true),
        (json!({"regex": "https://.*\\.b"}), "https://x.b.c", false),
        (json!({"exact": "*"}), "anything", true),
        (json!({"regex": ".*"}), "anything", true),
    ];
    for (matcher, origin, allowed) in rows {
        let cors = policy(json!({"allowOrigins": [matcher]}));
        let verdict = cors.judge(&Method::GET, &headers(&[("origin", origin)]));
        assert_eq!(
            matches!(verdict, Verdict::Grant(_)),
            allowed,
            "{matcher} {origin}"
        );
    }
}

#[test]
fn a_star_among_methods_or_headers_is_whatever_is_asked_for() {
    let cors = policy(json!({
        "allowOrigins": [{"exact": "*"}], "allowMethods": ["*"], "allowHeaders": ["*"],
    }));
    let expected = headers(&[
        ("access-control-allow-origin", "http://x"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "x-q"),
    ]);
    assert_eq!(preflight(&cors, "http://x"), Verdict::Answer(expected));
}

#[test]
fn an_answer_is_granted_over_what_the_upstream_says() {
    let mut answer = headers(&[("access-control-allow-origin", "mine"), ("x-other", "1")]);
    full().grant(&HeaderValue::from_static("http://ok.example"), &mut answer);
    let expected = headers(&[
        ("access-control-allow-origin", "http://ok.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x-b"),
        ("x-other", "1"),
    ]);
    assert_eq!(answer, expected);
}

#[test]
fn the_old_list_of_origins_counts_where_the_new_one_is_empty() {
    let cors = policy(json!({"allowOrigin": ["http://old"]}));
    let verdict = |origin| cors.judge(&Method::GET, &headers(&[("origin", origin)]));
    assert!(matches!(verdict("http://old"), Verdict::Grant(_)));
    assert_eq!(verdict("http://new"), Verdict::Pass);
}

#[test]
fn what_cannot_be_obeyed_is_an_error() {
    let rows = [
        json!({"allowOrigins": [{"regex": "("}]}),
        json!({"allowHeaders": ["a\nb"]}),
    ];
    for written in rows {
        let error = Cors::compile(&serde_json::from_value(written).unwrap()).unwrap_err();
        assert!(error.to_string().contains("corsPolicy"), "{error}");
    }
}
