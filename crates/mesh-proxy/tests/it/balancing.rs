//! Shares, cycles, connections.

use std::sync::Arc;

use mesh::registry::Protocol;
use mesh_proxy::{Role, Settings};
use serde_json::json;

use crate::support::*;

async fn counts(mesh: &Mesh, requests: usize) -> [usize; 2] {
    let mut client = mesh.client().await;
    let mut counts = [0; 2];
    for _ in 0..requests {
        let answer = client.get("/").await;
        assert_eq!(answer.status, 200);
        counts[usize::from(answer.body == "b")] += 1;
    }
    counts
}

#[tokio::test]
async fn weighted_shares_keep_the_exact_binomial_band() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    for (weights, p) in [((70, 30), 0.7), ((1, 1), 0.5), ((150, 50), 0.75)] {
        let http = json!([{"route": weighted(weights.0, weights.1)}]);
        let mesh = Mesh::new(http, &[a.address, b.address]).await;
        let [to_a, _] = counts(&mesh, 2000).await;
        assert!(band(2000, p).contains(&to_a), "{weights:?}: {to_a} of 2000");
    }
}

#[tokio::test]
async fn a_subset_of_weight_zero_gets_nothing() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let mesh = Mesh::new(
        json!([{"route": weighted(100, 0)}]),
        &[a.address, b.address],
    )
    .await;
    assert_eq!(counts(&mesh, 200).await, [200, 0]);
}

#[tokio::test]
async fn without_rules_requests_alternate_by_round_robin() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let mesh = Mesh::start(
        Role::Outbound,
        None,
        Some(subsets("ROUND_ROBIN")),
        &[a.address, b.address],
    )
    .await;
    let mut client = mesh.client().await;
    let mut names = Vec::new();
    for _ in 0..24 {
        names.push(client.get("/").await.body);
    }
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[tokio::test]
async fn random_and_least_request_are_even_when_idle() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    for simple in ["RANDOM", "LEAST_REQUEST", "UNSPECIFIED"] {
        let mesh = Mesh::start(
            Role::Outbound,
            None,
            Some(subsets(simple)),
            &[a.address, b.address],
        )
        .await;
        let [to_a, _] = counts(&mesh, 600).await;
        assert!(band(600, 0.5).contains(&to_a), "{simple}: {to_a} of 600");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serial_requests_share_one_upstream_connection() {
    let a = Upstream::named("a").await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a.address]).await;
    for _ in 0..5 {
        let mut client = mesh.client().await;
        for _ in 0..10 {
            assert_eq!(client.get("/").await.body, "a");
        }
    }
    assert_eq!(a.connections(), 1);
    let cluster = mesh.cluster("ctx1");
    assert_eq!(
        &*cluster.config.name,
        "outbound|8080|ctx1|svc.t.svc.cluster.local"
    );
    let stats = &cluster.hosts[0].stats;
    let read = [
        &stats.cx_total,
        &stats.cx_active,
        &stats.rq_total,
        &stats.rq_success,
    ];
    assert_eq!(read.map(|count| count.get()), [1, 1, 50, 50]);
    assert_eq!([stats.rq_active.get(), stats.rq_error.get()], [0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_that_the_upstream_closed_is_not_used_again() {
    let a = Upstream::named("a").await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a.address]).await;
    let mut client = mesh.client().await;
    for round in 1..=20 {
        assert_eq!(client.get("/").await.status, 200);
        assert_eq!(a.connections(), round);
        a.close_connections();
        let cluster = mesh.cluster("ctx1");
        let stats = &cluster.hosts[0].stats;
        until(|| stats.cx_active.get() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_asks_to_close_is_obeyed() {
    let a = Upstream::answering(|_| {
        hyper::Response::builder()
            .header("connection", "close")
            .body(full("a"))
            .unwrap()
    })
    .await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a.address]).await;
    let mut client = mesh.client().await;
    for _ in 0..20 {
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.header("connection")), (200, None));
    }
    assert_eq!(a.connections(), 20);
}

#[tokio::test]
async fn a_declared_port_tells_hosts_apart_and_passes_unknown_ones_through() {
    let (a, other) = (Upstream::named("a").await, Upstream::named("other").await);
    let settings = |wires: Arc<Wires>| Settings::new(Role::Outbound, wires);
    let rules = rules(json!([{"route": to("nope")}]));
    let mesh = Mesh::with(
        settings,
        Protocol::Http,
        Some(rules),
        Some(subsets("RANDOM")),
        &[a.address],
    )
    .await;
    let mut client = mesh.client().await;
    for host in [
        "svc",
        "SVC:8080",
        "svc.t",
        "svc.t.svc.cluster.local",
        "10.96.0.7",
    ] {
        let answer = client.get_with("/", &[("host", host)]).await;
        assert_eq!((answer.status, answer.body.as_str()), (503, ""), "{host}");
    }
    // Unknown: to the address dialled, which nobody is behind.
    let answer = client.get_with("/", &[("host", "anything.example")]).await;
    assert_eq!((answer.status, answer.body.len()), (503, 98));
    mesh.wires.connect(cluster_ip(8080), other.address);
    let answer = client.get_with("/", &[("host", "anything.example")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "other"));
}

#[tokio::test]
async fn passthrough_goes_where_the_client_dialled_whatever_the_subset() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let dialled = Upstream::named("dialled").await;
    let http = json!([
        {"match": [{"uri": {"prefix": "/missing"}}], "route": to("missing")},
        {"route": to("ctx2")},
    ]);
    let rule = subsets("PASSTHROUGH");
    let mesh = Mesh::start(
        Role::Outbound,
        Some(rules(http.clone())),
        Some(rule.clone()),
        &[a.address, b.address],
    )
    .await;
    mesh.wires.connect(cluster_ip(8080), dialled.address);
    let mut client = mesh.client().await;
    for _ in 0..2 {
        assert_eq!(client.get("/").await.body, "dialled");
    }
    assert_eq!(client.get("/missing").await.status, 503);
    let cluster = mesh.cluster("ctx2");
    let hosts: Vec<_> = cluster.hosts.iter().map(|it| it.target.address).collect();
    assert_eq!(hosts, [cluster_ip(8080)]);
    assert_eq!(cluster.stats.upstream_rq_total.get(), 2);
    // A limit that is written later counts for the same address.
    let mut limited = rule;
    limited["spec"]["trafficPolicy"]["connectionPool"] =
        json!({"http": {"maxRequestsPerConnection": 1}});
    mesh.apply(&[rules(http)], &[limited]);
    let before = mesh.dials();
    for _ in 0..3 {
        assert_eq!(client.get("/").await.body, "dialled");
    }
    assert_eq!(mesh.dials() - before, 3);
}

#[tokio::test]
async fn an_address_that_was_dialled_is_asked_however_often_it_fails() {
    let a = Upstream::named("a").await;
    let failing = Upstream::answering(|_| {
        let answer = hyper::Response::builder().status(500);
        answer.body(full("dialled")).unwrap()
    });
    let failing = failing.await;
    let mut rule = subsets("PASSTHROUGH");
    rule["spec"]["trafficPolicy"]["outlierDetection"] =
        json!({"consecutive5xxErrors": 1, "maxEjectionPercent": 100});
    // A copy has no client, so there is no address for it.
    let http = json!([{"route": to("ctx1"), "mirror": {"host": "svc", "subset": "ctx1"}}]);
    let mut mesh = Mesh::start(Role::Outbound, Some(rules(http)), Some(rule), &[a.address]).await;
    mesh.wires.connect(cluster_ip(8080), failing.address);
    let mut client = mesh.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.body, "dialled");
    }
    mesh.end().await;
    assert_eq!((failing.hits(), a.hits()), (3, 0));
}
