//! New rules while requests are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mesh_proxy::Role;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changing_rules_under_load_drops_nothing() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let mesh = Mesh::new(
        json!([{"route": weighted(70, 30)}]),
        &[a.address, b.address],
    )
    .await;
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (address, done) = (mesh.address, done.clone());
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut requests = 0;
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(client.get("/").await.status, 200);
                    requests += 1;
                }
                requests
            })
        })
        .collect();
    for round in 0..100 {
        // Weights, balancer and names change, so that clusters and routes are replaced.
        let simple = ["ROUND_ROBIN", "RANDOM", "LEAST_REQUEST"][round % 3];
        let http = json!([{"name": format!("r{round}"), "route": weighted(round as u32 + 1, 30)}]);
        let hits = a.hits() + b.hits();
        mesh.apply(&[rules(http)], &[subsets(simple)]);
        until(|| a.hits() + b.hits() >= hits + 8).await;
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(soon(client).await.unwrap() > 0);
    }
}

const CHANGES: usize = 100;
const BETWEEN_CHANGES: Duration = Duration::from_millis(20);
/// As many as there is time for at 200 a second.
const REQUESTS: usize = 400;
const BETWEEN_REQUESTS: Duration = Duration::from_millis(5);
/// Longer than a change takes effect, so that each finds requests under way.
const TAKES: Duration = Duration::from_millis(30);

/// Another rule and another policy in every round; both subsets are always there.
fn round(number: usize) -> (Value, Value) {
    let mut rule = json!({"name": format!("r{number}"), "route": weighted(number as u32 + 1, 30)});
    let rules_change = ["timeout", "retries", "rewrite", "headers", "corsPolicy"];
    let change = [
        json!("10s"),
        json!({"attempts": 3, "retryOn": "5xx"}),
        json!({"uri": "/other"}),
        json!({"request": {"set": {"x-round": number.to_string()}}}),
        json!({"allowOrigins": [{"exact": "*"}]}),
    ];
    let index = number % change.len();
    rule[rules_change[index]] = change[index].clone();
    let mut policy = subsets(["ROUND_ROBIN", "RANDOM", "LEAST_REQUEST"][number % 3]);
    let pools = [
        json!({"http": {"maxRequestsPerConnection": 1}}),
        json!({"http": {"idleTimeout": "1s"}, "tcp": {"connectTimeout": "3s"}}),
    ];
    policy["spec"]["trafficPolicy"]["connectionPool"] = pools[number % 2].clone();
    if number.is_multiple_of(4) {
        policy["spec"]["trafficPolicy"]["outlierDetection"] = json!({"consecutive5xxErrors": 2});
    }
    (rules(json!([rule])), policy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_changes_of_rule_and_policy_lose_none_of_200_requests_a_second() {
    let answered = Arc::new(AtomicUsize::new(0));
    let slow = |answered: Arc<AtomicUsize>| {
        Upstream::serving(move |_| {
            let answered = answered.clone();
            async move {
                tokio::time::sleep(TAKES).await;
                answered.fetch_add(1, Ordering::Relaxed);
                hyper::Response::new(full("fine"))
            }
        })
    };
    let (a, b) = (slow(answered.clone()).await, slow(answered.clone()).await);
    let mesh = Mesh::new(
        json!([{"route": weighted(70, 30)}]),
        &[a.address, b.address],
    )
    .await;
    let address = mesh.address;
    let clients = tokio::spawn(async move {
        let mut every = tokio::time::interval(BETWEEN_REQUESTS);
        let mut requests = Vec::new();
        for _ in 0..REQUESTS {
            every.tick().await;
            requests.push(tokio::spawn(async move {
                let answer = Client::connect(address).await.get("/").await;
                (answer.status, answer.body)
            }));
        }
        requests
    });
    for number in 0..CHANGES {
        let (rule, policy) = round(number);
        mesh.apply(&[rule], &[policy]);
        tokio::time::sleep(BETWEEN_CHANGES).await;
    }
    let requests = soon(clients).await.unwrap();
    for request in requests {
        assert_eq!(soon(request).await.unwrap(), (200, "fine".to_owned()));
    }
    // Each exactly once.
    assert_eq!(answered.load(Ordering::Relaxed), REQUESTS);
}

#[tokio::test]
async fn a_request_under_way_keeps_its_route() {
    let release = Arc::new(Notify::new());
    let held = release.clone();
    let a = Upstream::serving(move |_| {
        let held = held.clone();
        async move {
            held.notified().await;
            hyper::Response::new(full("a"))
        }
    })
    .await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a.address]).await;
    let address = mesh.address;
    let under_way = tokio::spawn(async move { Client::connect(address).await.get("/").await });
    until(|| mesh.cluster("ctx1").hosts[0].stats.rq_active.get() == 1).await;
    mesh.apply(&[rules(json!([{"directResponse": {"status": 418}}]))], &[]);
    assert_eq!(mesh.get("/").await.status, 418);
    release.notify_one();
    assert_eq!(soon(under_way).await.unwrap().body, "a");
}

#[tokio::test]
async fn what_does_not_change_keeps_its_connections_and_counters() {
    let a = Upstream::named("a").await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a.address]).await;
    let mut client = mesh.client().await;
    client.get("/").await;
    let before = mesh.proxy.clusters();
    // The same subsets, another rule.
    let http = json!([{"name": "other", "route": to("ctx1")}]);
    mesh.apply(&[rules(http)], &[subsets("ROUND_ROBIN")]);
    client.get("/").await;
    assert!(
        before
            .iter()
            .zip(mesh.proxy.clusters())
            .all(|(old, new)| Arc::ptr_eq(old, &new))
    );
    assert_eq!(a.connections(), 1);
    // Another policy starts the cluster afresh.
    mesh.apply(
        &[rules(json!([{"route": to("ctx1")}]))],
        &[subsets("RANDOM")],
    );
    client.get("/").await;
    assert_eq!(a.connections(), 2);
    assert_eq!(mesh.cluster("ctx1").hosts[0].stats.rq_total.get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_pod_leaves_the_others_connections_alone() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let mut mesh = Mesh::start(
        Role::Outbound,
        None,
        Some(subsets("ROUND_ROBIN")),
        &[a.address],
    )
    .await;
    mesh.get("/").await;
    let new = pod(1, "ctx1");
    mesh.wires.connect(new.address, b.address);
    mesh.pods.push(new);
    mesh.apply(&[], &[subsets("ROUND_ROBIN")]);
    let mut client = mesh.client().await;
    for _ in 0..4 {
        client.get("/").await;
    }
    assert_eq!(
        (a.hits(), b.hits(), a.connections(), b.connections()),
        (3, 2, 1, 1)
    );
    assert_eq!(mesh.cluster("").hosts[0].stats.rq_total.get(), 3);
}

#[tokio::test]
async fn a_stopped_listener_lets_requests_finish() {
    let release = Arc::new(Notify::new());
    let held = release.clone();
    let a = Upstream::serving(move |_| {
        let held = held.clone();
        async move {
            held.notified().await;
            hyper::Response::new(full("a"))
        }
    })
    .await;
    let mesh = Mesh::start(Role::Outbound, None, None, &[a.address]).await;
    let address = mesh.address;
    let under_way = tokio::spawn(async move { Client::connect(address).await.get("/").await });
    until(|| mesh.cluster("").hosts[0].stats.rq_active.get() == 1).await;
    mesh.stop.cancel();
    soon(async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    release.notify_one();
    let answer = soon(under_way).await.unwrap();
    assert_eq!(
        (answer.body.as_str(), answer.header("connection")),
        ("a", Some("close"))
    );
}
