//! Explicit retries and timeouts.

use std::time::{Duration, Instant};

use hyper::Response;
use mesh::cause::Kind;
use mesh_proxy::Role;
use serde_json::json;

use crate::support::*;

fn status(status: u16, body: &str) -> Response<Body> {
    Response::builder().status(status).body(full(body)).unwrap()
}

/// An upstream that takes its time.
async fn slow(time: Duration) -> Upstream {
    Upstream::serving(move |_| async move {
        tokio::time::sleep(time).await;
        Response::new(full("slow"))
    })
    .await
}

#[tokio::test]
async fn a_retry_without_subset_goes_to_the_other_pod() {
    let b = Upstream::named("b").await;
    let upstreams = [refusing().await, b.address];
    let mesh = Mesh::start(
        Role::Outbound,
        None,
        Some(subsets("ROUND_ROBIN")),
        &upstreams,
    )
    .await;
    for _ in 0..4 {
        assert_eq!(mesh.get("/").await.body, "b");
    }
    let counts = b
        .seen()
        .into_iter()
        .map(|seen| seen.headers["x-envoy-attempt-count"].clone());
    // A retry takes the other pod's turn, so that the dead one is first every time.
    assert!(counts.skip(1).all(|count| count == "2"));
}

#[tokio::test]
async fn retries_stay_in_the_chosen_subset() {
    let b = Upstream::named("b").await;
    let mesh = Mesh::new(
        json!([{"route": weighted(70, 30)}]),
        &[refusing().await, b.address],
    )
    .await;
    let mut client = mesh.client().await;
    let mut failed = 0;
    for _ in 0..60 {
        failed += usize::from(client.get("/").await.status == 503);
    }
    assert!(band(60, 0.7).contains(&failed), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_5xx_is_tried_again_with_the_same_body_and_the_last_answer_passes() {
    let a = Upstream::answering(|n| status(503, &format!("try {n}"))).await;
    let http = json!([{"route": to("ctx1"), "retries": {"attempts": 3, "retryOn": "5xx"}}]);
    let mesh = Mesh::new(http, &[a.address]).await;
    let answer = mesh.client().await.post("/p?q=1", "hello").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "try 3"));
    assert_eq!(answer.cause().kind, Kind::App);
    let seen = a.seen();
    let counts: Vec<_> = seen
        .iter()
        .map(|seen| seen.headers["x-envoy-attempt-count"].clone())
        .collect();
    assert_eq!(counts, ["1", "2", "3", "4"]);
    assert!(
        seen.iter()
            .all(|seen| seen.body == "hello" && seen.path == "/p?q=1")
    );
}

#[tokio::test]
async fn retrying_ends_with_the_first_good_answer() {
    let a = Upstream::answering(|n| status(if n == 0 { 503 } else { 200 }, "")).await;
    let http = json!([{"route": to("ctx1"), "retries": {"attempts": 3, "retryOn": "5xx"}}]);
    let mesh = Mesh::new(http, &[a.address]).await;
    assert_eq!((mesh.get("/").await.status, a.hits()), (200, 2));
}

#[tokio::test]
async fn other_failures_than_those_named_are_not_tried_again() {
    for on in ["gateway-error", "503"] {
        let a = Upstream::answering(|_| status(500, "")).await;
        let http = json!([{"route": to("ctx1"), "retries": {"attempts": 2, "retryOn": on}}]);
        let mesh = Mesh::new(http, &[a.address]).await;
        assert_eq!((mesh.get("/").await.status, a.hits()), (500, 1), "{on}");
    }
}

#[tokio::test]
async fn a_route_timeout_ends_a_slow_request() {
    let a = slow(Duration::from_secs(30)).await;
    let mesh = Mesh::new(
        json!([{"route": to("ctx1"), "timeout": "300ms"}]),
        &[a.address],
    )
    .await;
    let began = Instant::now();
    let answer = mesh.get("/").await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (504, "upstream request timeout")
    );
    assert_eq!((answer.cause().kind, a.connections()), (Kind::Ut, 1));
    assert_eq!(mesh.cluster("ctx1").hosts[0].stats.rq_timeout.get(), 1);
}

#[tokio::test]
async fn an_injected_delay_is_not_part_of_the_timeout() {
    let a = Upstream::named("a").await;
    let http = json!([{
        "fault": {"delay": {"fixedDelay": "400ms", "percentage": {"value": 100}}},
        "timeout": "200ms",
        "route": to("ctx1"),
    }]);
    let mesh = Mesh::new(http, &[a.address]).await;
    assert_eq!(mesh.get("/").await.status, 200);
}

#[tokio::test]
async fn a_limit_for_each_try_multiplies() {
    let a = slow(Duration::from_secs(30)).await;
    let retries = json!({"attempts": 2, "perTryTimeout": "200ms", "retryOn": "5xx"});
    let mesh = Mesh::new(
        json!([{"route": to("ctx1"), "retries": retries}]),
        &[a.address],
    )
    .await;
    let began = Instant::now();
    let answer = mesh.get("/").await;
    assert!(began.elapsed() >= Duration::from_millis(600));
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (504, "upstream request timeout")
    );
    assert_eq!(a.connections(), 3);
}

#[tokio::test]
async fn the_route_timeout_covers_all_tries() {
    let a = slow(Duration::from_secs(30)).await;
    let retries = json!({"attempts": 5, "perTryTimeout": "200ms", "retryOn": "5xx"});
    let http = json!([{"route": to("ctx1"), "retries": retries, "timeout": "500ms"}]);
    let mesh = Mesh::new(http, &[a.address]).await;
    let answer = mesh.get("/").await;
    assert_eq!(answer.status, 504);
    assert!(a.connections() <= 3, "{}", a.connections());
}

#[tokio::test]
async fn a_retry_leaves_a_locality_after_two_tries_where_the_rule_says_so() {
    // Two refuse in the client's region; with outlierDetection the other region comes second.
    let b = Upstream::named("b").await;
    for (remote, status, tries) in [(true, 200, 3), (false, 503, 3)] {
        let refused = [refusing().await, refusing().await];
        let retries =
            json!({"attempts": 2, "retryOn": "connect-failure", "retryRemoteLocalities": remote});
        let mut policy = subsets("ROUND_ROBIN");
        policy["spec"]["trafficPolicy"]["outlierDetection"] = json!({"consecutive5xxErrors": 100});
        policy["spec"]["trafficPolicy"]["loadBalancer"]["localityLbSetting"] =
            json!({"failoverPriority": ["topology.istio.io/cluster"]});
        let rule =
            rules(json!([{"retries": retries, "route": [{"destination": {"host": "svc"}}]}]));
        let upstreams = [refused[0], b.address, refused[1]];
        let mesh = Mesh::start(Role::Outbound, Some(rule), Some(policy), &upstreams).await;
        assert_eq!((mesh.get("/").await.status, mesh.dials()), (status, tries));
    }
}
