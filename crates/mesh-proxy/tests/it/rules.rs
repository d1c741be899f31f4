//! Matches, rewrites, redirects, direct answers, header changes: what reaches whom.

use http_body_util::BodyExt;
use hyper::{Method, Response};
use mesh_proxy::Role;
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_header_picks_the_canary_whatever_the_host() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let http = json!([
        {"match": [{"headers": {"x-canary": {"exact": "true"}}}], "route": to("ctx2")},
        {"route": to("ctx1")},
    ]);
    let mesh = Mesh::new(http, &[a.address, b.address]).await;
    let mut client = mesh.client().await;
    for (value, name) in [("true", "b"), ("True", "a"), (" true ", "b")] {
        let headers = [("x-canary", value), ("host", "anything.example")];
        assert_eq!(client.get_with("/", &headers).await.body, name, "{value:?}");
    }
    assert_eq!(client.get("/").await.body, "a");
}

#[tokio::test]
async fn paths_are_matched_and_sent_normalized() {
    let a = Upstream::named("a").await;
    let http = json!([{"match": [{"uri": {"prefix": "/api"}}], "route": to("ctx1")}]);
    let mesh = Mesh::new(http, &[a.address]).await;
    let mut client = mesh.client().await;
    for (path, status) in [
        ("/%61pi/./x?q=%31", 200),
        ("/api", 200),
        ("/API", 404),
        ("/a/../api//y", 200),
    ] {
        assert_eq!(client.get(path).await.status, status, "{path}");
    }
    let paths: Vec<_> = a.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/api/x?q=%31", "/api", "/api//y"]);
}

#[tokio::test]
async fn a_rewrite_changes_path_and_host_and_tells_both() {
    let a = Upstream::named("a").await;
    let http = json!([{
        "match": [{"uri": {"prefix": "/old"}}],
        "rewrite": {"uri": "/v2", "authority": "other.example"},
        "route": to("ctx1"),
    }]);
    let mesh = Mesh::new(http, &[a.address]).await;
    mesh.get("/old/x?q=1").await;
    let seen = a.seen().remove(0);
    assert_eq!(seen.path, "/v2/x?q=1");
    assert_eq!(seen.headers["x-envoy-original-path"], "/old/x?q=1");
    assert_eq!(seen.headers["host"], "other.example");
    assert_eq!(seen.headers["x-envoy-original-host"], "svc:8080");
}

#[tokio::test]
async fn a_direct_answer_is_any_bytes() {
    let bytes = json!({"directResponse": {"status": 200, "body": {"bytes": "/wAB"}}});
    let mesh = Mesh::new(json!([bytes]), &[]).await;
    let request = request(Method::GET, "/", &[], "");
    let answer = mesh.client().await.begin(request).await;
    assert_eq!(answer.headers()["content-length"], "3");
    let body = soon(answer.into_body().collect()).await.unwrap();
    assert_eq!(*body.to_bytes(), [0xFF, 0, 1]);
}

#[tokio::test]
async fn redirects_and_direct_answers_reach_no_pod() {
    let a = Upstream::named("a").await;
    let http = json!([
        {"match": [{"uri": {"prefix": "/a"}}], "redirect": {"uri": "/new", "redirectCode": 302}},
        {
            "directResponse": {"status": 418, "body": {"string": "teapot"}},
            "headers": {"response": {"set": {"x-d": "1"}}},
        },
    ]);
    let mesh = Mesh::new(http, &[a.address]).await;
    let mut client = mesh.client().await;
    let redirect = client.get("/a?q=1").await;
    assert_eq!((redirect.status, redirect.body.as_str()), (302, ""));
    assert_eq!(redirect.header("location"), Some("http://svc:8080/new?q=1"));
    let direct = client.get("/").await;
    assert_eq!((direct.status, direct.body.as_str()), (418, "teapot"));
    assert_eq!(
        (direct.header("content-type"), direct.header("x-d")),
        (Some("text/plain"), Some("1"))
    );
    assert_eq!(a.hits(), 0);
}

#[tokio::test]
async fn header_operations_change_request_and_answer() {
    let a = Upstream::answering(|_| {
        Response::builder()
            .header("gone", "1")
            .header("r", "app")
            .body(full("a"))
            .unwrap()
    })
    .await;
    let http = json!([{
        "headers": {
            "request": {"set": {"x": "S"}, "add": {"y": "A"}, "remove": ["z"]},
            "response": {"set": {"r": "R"}, "remove": ["gone"]},
        },
        "route": [{
            "destination": {"host": "svc", "subset": "ctx1"},
            "headers": {"request": {"set": {"x": "D"}}},
        }],
    }]);
    let mesh = Mesh::new(http, &[a.address]).await;
    let headers = [("x", "c"), ("y", "c"), ("z", "c")];
    let answer = mesh.client().await.get_with("/", &headers).await;
    assert_eq!(
        (answer.header("r"), answer.header("gone")),
        (Some("R"), None)
    );
    let seen = a.seen().remove(0).headers;
    // A single destination's changes come last.
    assert_eq!(seen["x"], "D");
    let ys: Vec<_> = seen.get_all("y").iter().collect();
    assert_eq!(ys, ["c", "A"]);
    assert!(!seen.contains_key("z"));
}

#[tokio::test]
async fn an_upstream_sees_what_a_sidecar_adds() {
    let a = Upstream::named("a").await;
    let mesh = Mesh::start(Role::Outbound, None, None, &[a.address]).await;
    let mut client = mesh.client().await;
    client
        .get_with(
            "/",
            &[("x-request-id", "mine"), ("x-envoy-retry-on", "5xx")],
        )
        .await;
    client.get("/").await;
    client
        .get_with("/", &[("upgrade", "h2c"), ("connection", "upgrade")])
        .await;
    let [first, second, third] = a.seen().try_into().unwrap();
    assert!(!third.headers.contains_key("upgrade"));
    assert_eq!(first.headers["x-request-id"], "mine");
    assert!(!first.headers.contains_key("x-envoy-retry-on"));
    assert_eq!(second.headers["x-request-id"].len(), 36);
    assert_eq!(second.headers["x-forwarded-proto"], "http");
    assert_eq!(second.headers["x-envoy-attempt-count"], "1");
    assert_eq!(second.headers["host"], "svc:8080");
}
