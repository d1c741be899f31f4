//! Requests of browsers from other origins (conformance row 95).

use serde_json::{Value, json};

use crate::support::*;

const ORIGIN: (&str, &str) = ("origin", "http://ok.example");
const ASKS: (&str, &str) = ("access-control-request-method", "GET");

fn policy() -> Value {
    json!({
        "allowOrigins": [{"exact": "http://ok.example"}], "allowMethods": ["GET", "POST"],
        "allowHeaders": ["x-a"], "exposeHeaders": ["x-b"], "maxAge": "24h", "allowCredentials": true,
    })
}

/// The headers by which an answer speaks of origins.
fn allowed(answer: &Answer) -> Vec<(&str, &str)> {
    let mut allowed: Vec<_> = answer
        .headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix("access-control-")?;
            Some((name, value.to_str().unwrap()))
        })
        .collect();
    allowed.sort_unstable();
    allowed
}

async fn options(mesh: &Mesh, headers: &[(&str, &str)]) -> Answer {
    let request = request(hyper::Method::OPTIONS, "/", headers, "");
    mesh.client().await.send(request).await
}

#[tokio::test]
async fn a_preflight_is_answered_here_and_another_origins_goes_on() {
    let a = Upstream::named("a").await;
    let headers = json!({"response": {"set": {"x-route": "r"}}});
    let rule = json!([{"corsPolicy": policy(), "headers": headers, "route": to("ctx1")}]);
    let mesh = Mesh::new(rule, &[a.address]).await;
    let answer = options(&mesh, &[ORIGIN, ASKS]).await;
    assert_eq!(
        (answer.status, answer.body.as_str(), a.hits()),
        (200, "", 0)
    );
    assert_eq!(answer.header("content-length"), Some("0"));
    assert_eq!(answer.header("server"), Some("envoy"));
    // The route's changes are not for an answer of the filter.
    assert_eq!(answer.header("x-route"), None);
    assert_eq!(
        allowed(&answer),
        [
            ("allow-credentials", "true"),
            ("allow-headers", "x-a"),
            ("allow-methods", "GET,POST"),
            ("allow-origin", "http://ok.example"),
            ("expose-headers", "x-b"),
            ("max-age", "86400"),
        ]
    );
    let other = options(&mesh, &[("origin", "http://bad"), ASKS]).await;
    assert_eq!(
        (other.body.as_str(), a.hits(), allowed(&other)),
        ("a", 1, vec![])
    );
}

#[tokio::test]
async fn an_answer_is_granted_to_its_origin_whoever_gives_it() {
    let a = Upstream::named("a").await;
    let mine = json!({"response": {"set": {"access-control-allow-origin": "mine"}}});
    let rule = |subset| json!([{"corsPolicy": policy(), "headers": mine, "route": to(subset)}]);
    let granted = [
        ("allow-credentials", "true"),
        ("allow-origin", "http://ok.example"),
        ("expose-headers", "x-b"),
    ];
    // By a pod, and by the proxy itself where there is none.
    for (subset, status) in [("ctx1", 200), ("ctx2", 503)] {
        let mesh = Mesh::new(rule(subset), &[a.address]).await;
        let answer = mesh.client().await.get_with("/", &[ORIGIN]).await;
        assert_eq!(
            (answer.status, allowed(&answer)),
            (status, granted.to_vec())
        );
        let other = mesh
            .client()
            .await
            .get_with("/", &[("origin", "http://bad")])
            .await;
        assert_eq!(allowed(&other), [("allow-origin", "mine")]);
    }
}

#[tokio::test]
async fn an_unmatched_preflight_that_is_ignored_is_answered_without_an_origin() {
    let a = Upstream::named("a").await;
    let policy =
        json!({"allowOrigins": [{"prefix": "http://ok"}], "unmatchedPreflights": "IGNORE"});
    let mesh = Mesh::new(
        json!([{"corsPolicy": policy, "route": to("ctx1")}]),
        &[a.address],
    )
    .await;
    let other = options(&mesh, &[("origin", "http://bad"), ASKS]).await;
    assert_eq!((other.status, a.hits(), allowed(&other)), (200, 0, vec![]));
    let own = options(&mesh, &[ORIGIN, ASKS]).await;
    assert_eq!(allowed(&own), [("allow-origin", "http://ok.example")]);
}

#[tokio::test]
async fn a_fault_comes_first_and_answers_without_forwarding_know_no_origin() {
    let a = Upstream::named("a").await;
    let rows = [
        (
            json!({"fault": {"abort": {"httpStatus": 500, "percentage": {"value": 100}}}, "route": to("ctx1")}),
            500,
        ),
        (json!({"redirect": {"uri": "/new"}}), 301),
        (json!({"directResponse": {"status": 418}}), 418),
    ];
    for (mut rule, status) in rows {
        rule["corsPolicy"] = policy();
        let mesh = Mesh::new(json!([rule]), &[a.address]).await;
        let answer = options(&mesh, &[ORIGIN, ASKS]).await;
        assert_eq!((answer.status, allowed(&answer)), (status, vec![]));
    }
    assert_eq!(a.hits(), 0);
}
