//! Failing hosts leave and return: what a client sees, what counts, what a change of rules clears.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use mesh_proxy::Role;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::*;

/// `OD(errors, 1s, base, percent)` over `svc`, by round robin, with the two subsets.
fn od(errors: u32, base: &str, percent: u32) -> Value {
    let mut rule = subsets("ROUND_ROBIN");
    rule["spec"]["trafficPolicy"]["outlierDetection"] = json!({
        "consecutive5xxErrors": errors, "interval": "1s",
        "baseEjectionTime": base, "maxEjectionPercent": percent,
    });
    rule["spec"]["trafficPolicy"]["loadBalancer"]["localityLbSetting"] = json!({"enabled": false});
    rule
}

/// An upstream that answers with a status that may change.
async fn sick(status: u16) -> (Upstream, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let now = status.clone();
    let upstream = Upstream::answering(move |_| {
        hyper::Response::builder()
            .status(now.load(Ordering::Relaxed))
            .body(full("a"))
            .unwrap()
    });
    (upstream.await, status)
}

async fn start(rules: Option<Value>, outlier: &Value, upstreams: &[&Upstream]) -> Mesh {
    let addresses: Vec<_> = upstreams.iter().map(|it| it.address).collect();
    Mesh::start(
        Role::Outbound,
        rules.map(crate::support::rules),
        Some(outlier.clone()),
        &addresses,
    )
    .await
}

async fn statuses(mesh: &Mesh, requests: usize) -> Vec<u16> {
    let mut client = mesh.client().await;
    let mut statuses = Vec::new();
    for _ in 0..requests {
        statuses.push(client.get("/").await.status);
    }
    statuses
}

#[tokio::test]
async fn one_of_two_fails_twice_and_is_out() {
    let ((a, _), b) = (sick(500).await, Upstream::named("b").await);
    let mesh = start(None, &od(2, "30s", 50), &[&a, &b]).await;
    let failed = statuses(&mesh, 12)
        .await
        .iter()
        .filter(|it| **it == 500)
        .count();
    assert_eq!((failed, a.hits(), b.hits()), (2, 2, 10));
    let health = mesh.cluster("").health();
    assert_eq!(health.ejected, [true, false]);
    assert_eq!(health.counts.enforced.consecutive_5xx, 1);
    // The subset of the same pod is a cluster of its own.
    assert_eq!(mesh.cluster("ctx1").health().ejected, [false]);
}

#[tokio::test]
async fn the_only_pod_of_a_subset_is_kept_below_100_percent_and_lost_at_it() {
    let (a, _) = sick(503).await;
    let to_a = json!([{"route": to("ctx1")}]);
    let mesh = start(Some(to_a.clone()), &od(2, "30s", 50), &[&a]).await;
    assert_eq!(statuses(&mesh, 6).await, [503; 6]);
    let health = mesh.cluster("ctx1").health();
    assert_eq!((health.ejected, a.hits()), (vec![false], 6));
    assert!(health.counts.overflow > 0);
    let mesh = start(Some(to_a), &od(2, "30s", 100), &[&a]).await;
    statuses(&mesh, 2).await;
    let answer = mesh.get("/").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "no healthy upstream")
    );
    assert_eq!(a.hits(), 8);
}

#[tokio::test]
async fn a_refused_connection_counts_at_every_try() {
    // Row 78: the second try ejects the host, the third finds nobody.
    let refused = refusing().await;
    let rule = od(2, "30s", 100);
    let mesh = Mesh::start(
        Role::Outbound,
        Some(rules(json!([{"route": to("ctx1")}]))),
        Some(rule),
        &[refused],
    )
    .await;
    let answer = mesh.get("/").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "no healthy upstream")
    );
    assert_eq!(mesh.dials(), 2);
}

#[tokio::test]
async fn tries_of_one_request_eject_a_host() {
    // Row 79.
    let (a, _) = sick(500).await;
    let http = json!([{"route": to("ctx1"), "retries": {"attempts": 3, "retryOn": "5xx"}}]);
    let mesh = start(Some(http), &od(4, "30s", 100), &[&a]).await;
    assert_eq!(mesh.get("/").await.status, 500);
    assert_eq!(
        (a.hits(), mesh.cluster("ctx1").health().ejected),
        (4, vec![true])
    );
}

#[tokio::test]
async fn timeouts_count_and_injected_aborts_do_not() {
    // Rows 77 and 42.
    let silent = Upstream::serving(|_| std::future::pending()).await;
    let http = json!([{"route": to("ctx1"), "timeout": "50ms"}]);
    let mesh = start(Some(http), &od(2, "30s", 100), &[&silent]).await;
    assert_eq!(statuses(&mesh, 3).await, [504, 504, 503]);
    let abort = json!({"abort": {"httpStatus": 500, "percentage": {"value": 100}}});
    let http = json!([{"route": to("ctx1"), "fault": abort}]);
    let mesh = start(Some(http), &od(2, "30s", 100), &[&silent]).await;
    assert_eq!(statuses(&mesh, 9).await, [500; 9]);
    assert_eq!(mesh.cluster("ctx1").health(), mesh_health(1));
}

/// Nothing happened.
fn mesh_health(hosts: usize) -> mesh::engine::Health {
    mesh::engine::Health {
        ejected: vec![false; hosts],
        ..Default::default()
    }
}

#[tokio::test]
async fn clients_that_leave_say_nothing_about_a_host() {
    // Row 80.
    let silent = Upstream::serving(|_| std::future::pending()).await;
    let http = json!([{"route": to("ctx1")}]);
    let mesh = start(Some(http), &od(1, "30s", 100), &[&silent]).await;
    for _ in 0..3 {
        let mut stream = TcpStream::connect(mesh.address).await.unwrap();
        let bytes = b"GET / HTTP/1.1\r\nhost: svc\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, bytes)
            .await
            .unwrap();
        let active = || mesh.cluster("ctx1").hosts[0].stats.rq_active.get();
        until(|| active() == 1).await;
        drop(stream);
        until(|| active() == 0).await;
    }
    assert_eq!(mesh.cluster("ctx1").health(), mesh_health(1));
}

#[tokio::test]
async fn a_healed_host_returns_at_the_tick_without_being_asked() {
    let ((a, status), b) = (sick(500).await, Upstream::named("b").await);
    let mesh = start(None, &od(1, "1s", 50), &[&a, &b]).await;
    statuses(&mesh, 2).await;
    assert_eq!(mesh.cluster("").health().ejected, [true, false]);
    status.store(200, Ordering::Relaxed);
    let began = std::time::Instant::now();
    until(|| mesh.cluster("").health().ejected == [false, false]).await;
    // The base ejection time, and up to one interval until the next tick.
    assert!((900..2500).contains(&began.elapsed().as_millis()));
    until(|| began.elapsed() > Duration::from_millis(2100)).await;
    let hits = a.hits();
    assert_eq!(statuses(&mesh, 4).await, [200; 4]);
    assert_eq!(a.hits(), hits + 2);
}

#[tokio::test]
async fn a_changed_rule_starts_afresh_and_anything_else_does_not() {
    // Row 85.
    let ((a, _), b) = (sick(500).await, Upstream::named("b").await);
    let mut mesh = start(None, &od(1, "30s", 50), &[&a, &b]).await;
    statuses(&mesh, 2).await;
    let ejected = |mesh: &Mesh| mesh.cluster("").health().ejected;
    assert_eq!(ejected(&mesh), [true, false]);
    mesh.apply(&[], &[od(1, "30s", 50)]);
    assert_eq!(ejected(&mesh), [true, false]);
    let to_all = rules(json!([{"name": "new", "route": [{"destination": {"host": "svc"}}]}]));
    mesh.apply(std::slice::from_ref(&to_all), &[od(1, "30s", 50)]);
    assert_eq!(ejected(&mesh), [true, false]);
    // A new endpoint.
    let new = pod(2, "ctx1");
    mesh.wires.connect(new.address, b.address);
    mesh.pods.push(new);
    mesh.apply(&[], &[od(1, "30s", 50)]);
    let away = |mesh: &Mesh| {
        let cluster = mesh.cluster("");
        let ejected = cluster.health().ejected;
        let hosts = cluster.hosts.iter().zip(ejected);
        hosts
            .filter_map(|(host, ejected)| ejected.then_some(host.target.address))
            .collect::<Vec<_>>()
    };
    assert_eq!(away(&mesh), [mesh.pods[0].address]);
    mesh.apply(&[], &[od(2, "30s", 50)]);
    assert_eq!(away(&mesh), []);
    // The counters go on.
    assert_eq!(mesh.cluster("").health().counts.enforced.total(), 1);
}

#[tokio::test]
async fn what_a_request_under_an_older_configuration_learns_counts() {
    let release = Arc::new(tokio::sync::Notify::new());
    let held = release.clone();
    let a = Upstream::serving(move |_| {
        let held = held.clone();
        async move {
            held.notified().await;
            hyper::Response::builder()
                .status(500)
                .body(full(""))
                .unwrap()
        }
    })
    .await;
    let mut mesh = start(None, &od(1, "30s", 100), &[&a]).await;
    let address = mesh.address;
    let under_way = tokio::spawn(async move { Client::connect(address).await.get("/").await });
    until(|| mesh.cluster("").hosts[0].stats.rq_active.get() == 1).await;
    let new = pod(1, "ctx2");
    mesh.wires.connect(new.address, a.address);
    mesh.pods.push(new);
    mesh.apply(&[], &[od(1, "30s", 100)]);
    release.notify_one();
    assert_eq!(soon(under_way).await.unwrap().status, 500);
    assert_eq!(mesh.cluster("").health().ejected, [true, false]);
}
