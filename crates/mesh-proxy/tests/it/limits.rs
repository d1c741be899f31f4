//! Limits of a cluster: who waits, who is refused, and what a refusal costs.

use std::net::SocketAddr;
use std::sync::Arc;

use mesh::cause::{By, Kind};
use mesh::compile::inbound;
use mesh::config::{Limits, Policy};
use mesh_proxy::{Listen, Proxy, Role, Settings, TcpDial};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::support::*;

/// `svc` by round robin with a connection pool.
fn pool(tcp: Value, http: Value) -> Value {
    let mut rule = subsets("ROUND_ROBIN");
    rule["spec"]["trafficPolicy"]["connectionPool"] = json!({"tcp": tcp, "http": http});
    rule
}

/// An upstream that answers a request for each permit.
async fn gated(status: u16) -> (Upstream, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let own = gate.clone();
    let upstream = Upstream::serving(move |_| {
        let gate = own.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            hyper::Response::builder()
                .status(status)
                .body(full("a"))
                .unwrap()
        }
    });
    (upstream.await, gate)
}

async fn start(http: Value, rule: Value, upstreams: &[SocketAddr]) -> Mesh {
    Mesh::start(Role::Outbound, Some(rules(http)), Some(rule), upstreams).await
}

/// Requests at the same time, each by a client of its own.
fn send(mesh: &Mesh, requests: usize) -> Vec<JoinHandle<Answer>> {
    let one = |_| {
        let address = mesh.address;
        tokio::spawn(async move { Client::connect(address).await.get("/").await })
    };
    (0..requests).map(one).collect()
}

async fn all(requests: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for request in requests {
        answers.push(soon(request).await.unwrap());
    }
    answers
}

fn refused(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.body.len()),
        (503, 81),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("x-envoy-overloaded"), Some("true"));
    assert_eq!(answer.cause().kind, Kind::Uo);
}

/// Sends requests one by one until so many are at the upstream, then the rest at once.
async fn ramp(mesh: &Mesh, subset: &str, busy: u64, rest: usize) -> [Vec<JoinHandle<Answer>>; 2] {
    let mut first = Vec::new();
    for number in 1..=busy {
        first.extend(send(mesh, 1));
        let total = || {
            let cluster = mesh.cluster(subset);
            cluster
                .hosts
                .iter()
                .map(|host| host.stats.rq_total.get())
                .sum::<u64>()
        };
        until(|| total() == number).await;
    }
    [first, send(mesh, rest)]
}

#[tokio::test]
async fn as_many_as_connections_and_places_to_wait_are_taken_and_the_rest_refused() {
    // Rows 62 and 63: connections, places, requests.
    for (connections, places, requests) in [(1, 1, 10), (5, 5, 20)] {
        let (a, gate) = gated(200).await;
        let tcp = json!({"maxConnections": connections});
        let rule = pool(tcp, json!({"http1MaxPendingRequests": places}));
        let mesh = start(json!([{"route": to("ctx1")}]), rule, &[a.address]).await;
        let rest = requests - connections as usize;
        let [first, rest] = ramp(&mesh, "ctx1", connections, rest).await;
        let cluster = mesh.cluster("ctx1");
        let overflow = || cluster.stats.upstream_rq_pending_overflow.get() as usize;
        until(|| overflow() == requests - connections as usize - places).await;
        assert!(cluster.limits.connections.is_reached() && cluster.limits.pending.is_reached());
        assert_eq!(cluster.hosts[0].pending(), places);
        gate.add_permits(requests);
        assert!(all(first).await.iter().all(|answer| answer.status == 200));
        let (taken, left): (Vec<_>, Vec<_>) = all(rest)
            .await
            .into_iter()
            .partition(|answer| answer.status == 200);
        assert_eq!(taken.len(), places);
        left.iter().for_each(refused);
        assert!(
            left.iter()
                .all(|answer| answer.cause().by == Some(By::Client))
        );
        assert_eq!(a.connections(), connections as usize);
        assert_eq!(
            (cluster.limits.pending.taken(), cluster.hosts[0].pending()),
            (0, 0)
        );
    }
}

#[tokio::test]
async fn without_a_limit_of_waiting_all_wait_for_the_one_connection() {
    // Row 64.
    let (a, gate) = gated(200).await;
    let rule = pool(json!({"maxConnections": 1}), json!({}));
    let mesh = start(json!([{"route": to("ctx1")}]), rule, &[a.address]).await;
    let [first, rest] = ramp(&mesh, "ctx1", 1, 5).await;
    until(|| mesh.cluster("ctx1").hosts[0].pending() == 5).await;
    gate.add_permits(6);
    for answers in [all(first).await, all(rest).await] {
        assert!(answers.iter().all(|answer| answer.status == 200));
    }
    assert_eq!(a.connections(), 1);
    assert!(mesh.cluster("ctx1").stats.upstream_cx_overflow.get() >= 5);
}

#[tokio::test]
async fn every_host_may_have_its_first_connection() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let rule = pool(json!({"maxConnections": 1}), json!({}));
    let mesh = Mesh::start(Role::Outbound, None, Some(rule), &[a.address, b.address]).await;
    let mut client = mesh.client().await;
    for _ in 0..6 {
        assert_eq!(client.get("/").await.status, 200);
    }
    assert_eq!((a.connections(), b.connections()), (1, 1));
    assert_eq!(mesh.cluster("").limits.connections.taken(), 2);
}

#[tokio::test]
async fn a_worn_connection_is_closed() {
    // Row 65: requests of a connection, connections of 50 serial requests.
    for (most, connections) in [(json!(1), 50), (json!(2), 25), (json!(0), 1)] {
        let a = Upstream::named("a").await;
        let rule = pool(json!({}), json!({"maxRequestsPerConnection": most}));
        let mesh = start(json!([{"route": to("ctx1")}]), rule, &[a.address]).await;
        let mut client = mesh.client().await;
        for _ in 0..50 {
            assert_eq!(client.get("/").await.status, 200);
        }
        assert_eq!(a.connections(), connections, "{most}");
    }
}

#[tokio::test]
async fn a_worn_connection_makes_room_for_who_waits() {
    let a = Upstream::named("a").await;
    let tcp = json!({"maxConnections": 1});
    let rule = pool(tcp, json!({"maxRequestsPerConnection": 1}));
    let mesh = start(json!([{"route": to("ctx1")}]), rule, &[a.address]).await;
    let answers = all(send(&mesh, 12)).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(a.connections(), 12);
}

#[tokio::test]
async fn requests_at_a_time_are_limited_over_http_1_too() {
    // Row 66.
    let (a, gate) = gated(200).await;
    let rule = pool(json!({}), json!({"http2MaxRequests": 3}));
    let mesh = start(json!([{"route": to("ctx1")}]), rule, &[a.address]).await;
    let requests = send(&mesh, 10);
    let cluster = mesh.cluster("ctx1");
    until(|| cluster.stats.upstream_rq_active_overflow.get() == 7).await;
    gate.add_permits(3);
    let answers = all(requests).await;
    let (taken, left): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(taken.len(), 3);
    left.iter().for_each(refused);
    assert_eq!(cluster.stats.upstream_rq_pending_overflow.get(), 0);
    assert_eq!(cluster.limits.requests.taken(), 0);
}

#[tokio::test]
async fn beyond_the_limit_of_retries_the_answer_is_passed_on() {
    // Row 67.
    let (a, gate) = gated(503).await;
    let http = json!([{"route": to("ctx1"), "retries": {"attempts": 3, "retryOn": "5xx"}}]);
    let mesh = start(
        http,
        pool(json!({}), json!({"maxRetries": 1})),
        &[a.address],
    )
    .await;
    let requests = send(&mesh, 10);
    let cluster = mesh.cluster("ctx1");
    let tries = || cluster.hosts[0].stats.rq_total.get();
    until(|| tries() == 10).await;
    gate.add_permits(10);
    // The only one that may be tried again is, while the others are answered.
    until(|| cluster.stats.upstream_rq_retry_overflow.get() == 9).await;
    gate.add_permits(3);
    assert!(
        all(requests)
            .await
            .iter()
            .all(|answer| answer.status == 503 && answer.body == "a")
    );
    assert_eq!((tries(), cluster.stats.upstream_rq_retry.get()), (13, 3));
    assert_eq!(cluster.limits.retries.taken(), 0);
}

#[tokio::test]
async fn a_refusal_is_neither_tried_again_nor_held_against_a_host() {
    // Row 68.
    let (a, gate) = gated(200).await;
    let tcp = json!({"maxConnections": 1});
    let mut rule = pool(tcp, json!({"http1MaxPendingRequests": 1}));
    rule["spec"]["trafficPolicy"]["outlierDetection"] =
        json!({"consecutive5xxErrors": 2, "maxEjectionPercent": 100});
    let http = json!([{"route": to("ctx1"), "retries": {"attempts": 3, "retryOn": "5xx"}}]);
    let mesh = start(http, rule, &[a.address]).await;
    let [first, rest] = ramp(&mesh, "ctx1", 1, 11).await;
    let cluster = mesh.cluster("ctx1");
    until(|| cluster.stats.upstream_rq_pending_overflow.get() == 10).await;
    gate.add_permits(12);
    assert!(all(first).await.iter().all(|answer| answer.status == 200));
    let refusals = all(rest)
        .await
        .into_iter()
        .filter(|answer| answer.status != 200);
    refusals.for_each(|answer| refused(&answer));
    assert_eq!(cluster.stats.upstream_rq_retry.get(), 0);
    assert_eq!(cluster.health().ejected, [false]);
    assert_eq!(cluster.hosts[0].stats.rq_total.get(), 2);
}

#[tokio::test]
async fn a_request_that_leaves_the_queue_frees_its_place() {
    let (a, gate) = gated(200).await;
    let rule = pool(
        json!({"maxConnections": 1}),
        json!({"http1MaxPendingRequests": 1}),
    );
    let http = json!([{"route": to("ctx1"), "timeout": "300ms"}]);
    let mesh = start(http, rule, &[a.address]).await;
    let [first, second] = ramp(&mesh, "ctx1", 1, 1).await;
    let pending = || mesh.cluster("ctx1").hosts[0].pending();
    until(|| pending() == 1).await;
    assert!(
        all(first)
            .await
            .iter()
            .chain(&all(second).await)
            .all(|answer| answer.status == 504)
    );
    assert_eq!(
        (pending(), mesh.cluster("ctx1").limits.pending.taken()),
        (0, 0)
    );
    gate.add_permits(2);
    assert_eq!(mesh.get("/").await.status, 200);
}

/// A pod's inbound side with the limits 1 + 1, before an application.
async fn pod_side(app: SocketAddr) -> SocketAddr {
    let address = SocketAddr::from(([10, 1, 0, 1], 8080));
    let settings = Settings::new(Role::Inbound, Arc::new(TcpDial));
    let proxy = Proxy::inbound(settings, move || Some(app), address);
    let limits = Limits {
        max_connections: Some(1),
        max_pending_requests: Some(1),
        ..Limits::default()
    };
    let policy = Policy {
        limits,
        ..Policy::default()
    };
    proxy.apply(Arc::new(inbound(address, policy)));
    let (listener, real) = listener().await;
    let listen = Listen {
        routes: Proxy::inbound_routes(8080),
        address: Some(address),
    };
    tokio::spawn(async move { proxy.serve_http(listener, listen, Default::default()).await });
    real
}

#[tokio::test]
async fn the_pods_own_limits_answer_as_the_pod_and_count_against_it() {
    // Row 97.
    let (a, gate) = gated(200).await;
    let pod = pod_side(a.address).await;
    let mut rule = pool(
        json!({"maxConnections": 100}),
        json!({"http1MaxPendingRequests": 100}),
    );
    rule["spec"]["trafficPolicy"]["outlierDetection"] =
        json!({"consecutive5xxErrors": 3, "maxEjectionPercent": 100});
    let mesh = start(json!([{"route": to("ctx1")}]), rule, &[pod]).await;
    let [first, rest] = ramp(&mesh, "ctx1", 1, 9).await;
    // Eight are refused by the pod's side, or find nobody once three were.
    let cluster = mesh.cluster("ctx1");
    until(|| cluster.health().ejected == [true]).await;
    gate.add_permits(10);
    assert_eq!(all(first).await[0].status, 200);
    let answers = all(rest).await;
    let overloaded = answers
        .iter()
        .filter(|answer| answer.header("x-envoy-overloaded").is_some());
    let overloaded: Vec<&Answer> = overloaded.collect();
    assert!((3..=8).contains(&overloaded.len()), "{}", overloaded.len());
    for answer in overloaded {
        refused(answer);
        assert_eq!(answer.cause().by, Some(By::Server));
        assert!(answer.header("x-envoy-upstream-service-time").is_some());
    }
    assert_eq!(mesh.get("/").await.body, "no healthy upstream");
}
