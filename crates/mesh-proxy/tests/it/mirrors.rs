//! Copies of requests (conformance row 93).

use std::sync::Arc;

use http_body_util::{BodyExt, Channel};
use hyper::Request;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::*;

fn mirrored(mirror: Value) -> Value {
    let mut rule = json!({"route": to("ctx1")});
    for (name, value) in mirror.as_object().unwrap() {
        rule[name] = value.clone();
    }
    json!([rule])
}

fn to_ctx2() -> Value {
    mirrored(json!({"mirror": {"host": "svc", "subset": "ctx2"}}))
}

#[tokio::test]
async fn a_copy_is_the_request_as_it_is_sent_and_says_so() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let mut rules = to_ctx2();
    rules[0]["match"] = json!([{"uri": {"prefix": "/old"}}]);
    rules[0]["rewrite"] = json!({"uri": "/new"});
    rules[0]["headers"] = json!({"request": {"set": {"x-added": "1"}}});
    let mesh = Mesh::new(rules, &[a.address, b.address]).await;
    let answer = mesh.client().await.post("/old?q=1", "hello").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "a"));
    until(|| b.hits() == 1).await;
    let (sent, copy) = (&a.seen()[0], &b.seen()[0]);
    assert_eq!(
        (sent.path.as_str(), sent.body.as_str()),
        ("/new?q=1", "hello")
    );
    assert_eq!((&copy.path, &copy.body), (&sent.path, &sent.body));
    let mut headers = copy.headers.clone();
    assert_eq!(headers.remove("x-envoy-internal").unwrap(), "true");
    assert_eq!(headers, sent.headers);
    assert_eq!(
        (&headers["host"], &headers["x-added"]),
        (&"svc:8080".parse().unwrap(), &"1".parse().unwrap())
    );
}

#[tokio::test]
async fn a_share_of_the_requests_is_copied_and_several_mirrors_are_drawn_together() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let half = |subset: &str| json!({"destination": {"host": "svc", "subset": subset}, "percentage": {"value": 50}});
    let mesh = Mesh::new(
        mirrored(json!({"mirrors": [half("ctx2"), half("ctx2"), {"destination": {"host": "svc", "subset": "ctx1"}, "percentage": {"value": 0}}]})),
        &[a.address, b.address],
    )
    .await;
    let mut client = mesh.client().await;
    for _ in 0..400 {
        assert_eq!(client.get("/").await.body, "a");
    }
    let cluster = mesh.cluster("ctx2");
    until(|| b.hits() as u64 == cluster.hosts[0].stats.rq_total.get()).await;
    // Envoy: one number decides about all mirrors of a request.
    assert!(b.hits().is_multiple_of(2) && a.hits() == 400);
    assert!(band(400, 0.5).contains(&(b.hits() / 2)), "{}", b.hits());
}

#[tokio::test]
async fn a_mirror_that_is_slow_dead_or_undefined_is_never_felt() {
    let a = Upstream::named("a").await;
    let never = Upstream::serving(|_| std::future::pending()).await;
    for (subset, mirror) in [
        ("ctx2", never.address),
        ("ctx2", refusing().await),
        ("nope", a.address),
    ] {
        let rules = mirrored(json!({"mirror": {"host": "svc", "subset": subset}}));
        let mesh = Mesh::new(rules, &[a.address, mirror]).await;
        let mut client = mesh.client().await;
        for _ in 0..5 {
            assert_eq!(client.post("/", "body").await.body, "a");
        }
    }
}

#[tokio::test]
async fn without_a_host_nothing_is_copied_and_a_retry_is_no_new_copy() {
    let b = Upstream::named("b").await;
    let mut rules = mirrored(json!({"mirror": {"host": "svc", "subset": "ctx2"}}));
    rules[0]["fault"] = json!({"abort": {"httpStatus": 500, "percentage": {"value": 100}}});
    let mut mesh = Mesh::new(rules, &[b.address, b.address]).await;
    assert_eq!(mesh.get("/").await.status, 500);
    mesh.end().await;
    assert_eq!(b.hits(), 0);
    // Three tries at an address that refuses, one copy.
    let mut mesh = Mesh::new(to_ctx2(), &[refusing().await, b.address]).await;
    assert_eq!(mesh.get("/refused").await.status, 503);
    until(|| b.hits() == 1).await;
    mesh.end().await;
    assert_eq!(b.hits(), 1);
    assert_eq!((mesh.dials(), b.seen()[0].path.as_str()), (4, "/refused"));
    // A subset without pods.
    let mut rules = to_ctx2();
    rules[0]["route"] = to("none");
    let mut mesh = Mesh::new(json!([]), &[b.address, b.address]).await;
    let mut empty = subsets("ROUND_ROBIN");
    let none = json!({"name": "none", "labels": {"cluster": "none"}});
    empty["spec"]["subsets"].as_array_mut().unwrap().push(none);
    mesh.apply(&[crate::support::rules(rules)], &[empty]);
    assert_eq!(mesh.get("/").await.body, "no healthy upstream");
    mesh.get("/").await;
    mesh.end().await;
    assert_eq!((b.hits(), mesh.dials()), (1, 0));
}

#[tokio::test]
async fn a_streamed_body_is_copied_as_it_comes() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let mesh = Mesh::new(to_ctx2(), &[a.address, b.address]).await;
    let (mut send, body) = Channel::<bytes::Bytes, std::convert::Infallible>::new(4);
    let request = Request::post("/")
        .header("host", "svc")
        .body(body.boxed())
        .unwrap();
    let mut client = mesh.client().await;
    let sending = tokio::spawn(async move { client.send(request).await });
    for part in ["one ", "two ", "three"] {
        send.send_data(part.into()).await.unwrap();
    }
    until(|| mesh.cluster("ctx2").hosts[0].stats.rq_active.get() == 1).await;
    assert_eq!((a.hits(), b.hits()), (0, 0));
    drop(send);
    assert_eq!(soon(sending).await.unwrap().body, "a");
    until(|| b.hits() == 1).await;
    assert_eq!(
        (&a.seen()[0].body, &b.seen()[0].body),
        (&"one two three".to_owned(), &"one two three".to_owned())
    );
}

#[tokio::test]
async fn a_mirror_that_does_not_read_costs_its_own_copy_only() {
    let a = Upstream::named("a").await;
    let deaf = raw_upstream(|stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let mesh = Mesh::new(to_ctx2(), &[a.address, deaf.await]).await;
    // Beyond what the proxy buffers and what the kernel takes for a peer that does not read.
    let body = "x".repeat(16 << 20);
    let answer = mesh.client().await.post("/", &body).await;
    assert_eq!(
        (answer.body.as_str(), a.seen()[0].body.len()),
        ("a", 16 << 20)
    );
    until(|| mesh.cluster("ctx2").hosts[0].stats.rq_active.get() == 0).await;
}

#[tokio::test]
async fn a_copy_under_way_survives_new_rules() {
    let (release, a) = (Arc::new(Notify::new()), Upstream::named("a").await);
    let held = release.clone();
    let b = Upstream::serving(move |_| {
        let held = held.clone();
        async move {
            held.notified().await;
            hyper::Response::new(full("b"))
        }
    })
    .await;
    let mesh = Mesh::new(to_ctx2(), &[a.address, b.address]).await;
    let cluster = mesh.cluster("ctx2");
    let active = || cluster.hosts[0].stats.rq_active.get();
    assert_eq!(mesh.get("/").await.body, "a");
    until(|| active() == 1).await;
    mesh.apply(
        &[rules(json!([{"route": to("ctx1")}]))],
        &[subsets("RANDOM")],
    );
    assert_eq!((mesh.get("/").await.body.as_str(), active()), ("a", 1));
    release.notify_one();
    until(|| active() == 0).await;
    assert_eq!(cluster.hosts[0].stats.rq_success.get(), 1);
}

#[tokio::test]
async fn the_timeout_of_the_route_ends_a_copy() {
    let a = Upstream::named("a").await;
    let never = Upstream::serving(|_| std::future::pending()).await;
    let mut rules = to_ctx2();
    rules[0]["timeout"] = "50ms".into();
    let mesh = Mesh::new(rules, &[a.address, never.address]).await;
    assert_eq!(mesh.get("/").await.body, "a");
    let stats = &mesh.cluster("ctx2").hosts[0].stats;
    until(|| stats.rq_timeout.get() == 1 && stats.rq_active.get() == 0).await;
}
