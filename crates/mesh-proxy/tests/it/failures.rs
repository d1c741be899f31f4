//! Upstreams that are missing, refuse, or break off.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use mesh::cause::{By, Kind};
use mesh::registry::Protocol;
use mesh_proxy::{Dial, Role, Settings, Target};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::*;

fn local(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (status, body));
    assert_eq!(answer.header("server"), Some("envoy"));
    assert_eq!(answer.header("x-envoy-upstream-service-time"), None);
    assert_eq!(
        answer.header("content-length"),
        Some(body.len().to_string().as_str())
    );
    let text = (!body.is_empty()).then_some("text/plain");
    assert_eq!(answer.header("content-type"), text);
}

#[tokio::test]
async fn a_subset_that_is_not_defined_is_503_and_empty() {
    let a = Upstream::named("a").await;
    let mesh = Mesh::new(json!([{"route": to("nope")}]), &[a.address]).await;
    let answer = mesh.get("/").await;
    local(&answer, 503, "");
    assert_eq!(
        (answer.cause().kind, answer.cause().by),
        (Kind::Nc, Some(By::Client))
    );
}

#[tokio::test]
async fn a_missing_subset_fails_only_its_own_share() {
    let a = Upstream::named("a").await;
    let http = json!([{"route": [
        {"destination": {"host": "svc", "subset": "ctx1"}, "weight": 50},
        {"destination": {"host": "svc", "subset": "nope"}, "weight": 50},
    ]}]);
    let mesh = Mesh::new(http, &[a.address]).await;
    let mut client = mesh.client().await;
    let mut failed = 0;
    for _ in 0..1000 {
        failed += usize::from(client.get("/").await.status == 503);
    }
    assert!(band(1000, 0.5).contains(&failed), "{failed}");
    assert_eq!(a.hits(), 1000 - failed);
}

#[tokio::test]
async fn a_subset_without_pods_is_no_healthy_upstream() {
    let a = Upstream::named("a").await;
    let mesh = Mesh::new(json!([{"route": to("ctx2")}]), &[a.address]).await;
    let answer = mesh.get("/").await;
    local(&answer, 503, "no healthy upstream");
    assert_eq!(
        (answer.cause().kind, answer.cause().by),
        (Kind::Uh, Some(By::Client))
    );
}

#[tokio::test]
async fn no_matching_route_is_404_and_empty() {
    let a = Upstream::named("a").await;
    let http = json!([{"match": [{"uri": {"exact": "/only"}}], "route": to("ctx1")}]);
    let mesh = Mesh::new(http, &[a.address]).await;
    let answer = mesh.get("/x").await;
    local(&answer, 404, "");
    assert_eq!(answer.cause().kind, Kind::Nr);
    assert_eq!(mesh.get("/only?q").await.body, "a");
}

#[tokio::test]
async fn a_refused_connection_is_tried_three_times() {
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[refusing().await]).await;
    let began = Instant::now();
    let answer = mesh.get("/").await;
    // Two pauses of at most 25 and 75 ms.
    assert!(began.elapsed() < Duration::from_secs(2));
    let text = "upstream connect error or disconnect/reset before headers. \
                retried and the latest reset reason: remote connection failure";
    local(&answer, 503, text);
    assert_eq!((answer.body.len(), mesh.dials()), (121, 3));
    let cause = answer.cause();
    assert_eq!(
        (cause.kind, cause.by, cause.retried),
        (Kind::Uf, Some(By::Client), true)
    );
    let cluster = mesh.cluster("ctx1");
    let stats = &cluster.hosts[0].stats;
    assert_eq!(
        [
            stats.cx_connect_fail.get(),
            stats.rq_error.get(),
            stats.rq_active.get()
        ],
        [3, 3, 0]
    );
}

#[tokio::test]
async fn without_retries_a_refused_connection_is_tried_once() {
    let http = json!([{"route": to("ctx1"), "retries": {"attempts": 0}}]);
    let mesh = Mesh::new(http, &[refusing().await]).await;
    let answer = mesh.get("/").await;
    let text = "upstream connect error or disconnect/reset before headers. \
                reset reason: remote connection failure";
    local(&answer, 503, text);
    assert_eq!(
        (answer.body.len(), mesh.dials(), answer.cause().retried),
        (98, 1, false)
    );
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_not_retried() {
    let a = raw_upstream(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a]).await;
    let answer = mesh.get("/").await;
    let text = "upstream connect error or disconnect/reset before headers. \
                reset reason: connection termination";
    local(&answer, 503, text);
    assert_eq!(
        (answer.body.len(), mesh.dials(), answer.cause().kind),
        (95, 1, Kind::Uc)
    );
}

/// Connections that their peer has closed by the time they are up.
struct Dying(Arc<Wires>);

impl Dial for Dying {
    fn dial<'a>(&'a self, to: &'a Target) -> BoxFuture<'a, io::Result<TcpStream>> {
        Box::pin(async move {
            let stream = self.0.dial(to).await?;
            assert_eq!(stream.peek(&mut [0]).await?, 0);
            Ok(stream)
        })
    }
}

#[tokio::test]
async fn a_new_connection_that_dies_at_once_is_not_dialled_again() {
    let a = raw_upstream(|stream, _| async move { drop(stream) }).await;
    let settings = |wires| Settings::new(Role::Outbound, Arc::new(Dying(wires)));
    let rules = rules(json!([{"route": to("ctx1")}]));
    let subsets = subsets("ROUND_ROBIN");
    let mesh = Mesh::with(
        settings,
        Protocol::Sniffed,
        Some(rules),
        Some(subsets),
        &[a],
    )
    .await;
    let mut client = mesh.client().await;
    for number in 1..=10 {
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.cause().kind), (503, Kind::Uc));
        assert_eq!(mesh.dials(), number);
    }
    let stats = &mesh.cluster("ctx1").hosts[0].stats;
    assert_eq!((stats.rq_total.get(), stats.rq_error.get()), (10, 10));
}

#[tokio::test]
async fn a_reused_connection_closed_before_the_answer_is_not_retried_either() {
    let a = raw_upstream(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na")
            .await;
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a]).await;
    let mut client = mesh.client().await;
    assert_eq!(client.get("/").await.status, 200);
    let answer = client.get("/").await;
    assert_eq!(
        (answer.status, answer.cause().kind, mesh.dials()),
        (503, Kind::Uc, 1)
    );
    assert_eq!(client.get("/").await.status, 200);
}

/// What a client sends that leaves, or speaks no HTTP, before its body is complete; and its answer.
const BROKEN_BODIES: [(&str, &str, &str); 3] = [
    ("content-length: 10\r\n\r\nseat", "", ""),
    ("transfer-encoding: chunked\r\n\r\n4\r\nseat\r\n", "", ""),
    (
        "transfer-encoding: chunked\r\n\r\n4\r\nseat\r\nnone\r\n",
        "HTTP/1.1 400 Bad Request",
        "Bad Request",
    ),
];

#[tokio::test]
async fn a_body_that_breaks_off_is_nobodys_failure_but_the_clients() {
    let a = Upstream::named("a").await;
    // Kept to be sent again, and streamed.
    for rule in [
        json!([{"route": to("ctx1"), "retries": {"attempts": 2, "retryOn": "5xx"}}]),
        json!([{"route": to("ctx1"), "retries": {"attempts": 0}}]),
    ] {
        let mesh = Mesh::new(rule, &[a.address]).await;
        for (body, head, text) in BROKEN_BODIES {
            let mut stream = TcpStream::connect(mesh.address).await.unwrap();
            let request = format!("POST / HTTP/1.1\r\nhost: svc\r\n{body}");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            let _ = soon(stream.read_to_string(&mut answer)).await;
            assert_eq!(answer.lines().next().unwrap_or(""), head, "{body}");
            assert_eq!(answer.split("\r\n\r\n").nth(1).unwrap_or(""), text);
        }
        let cluster = mesh.cluster("ctx1");
        assert_eq!(cluster.stats.answers.total(), 0);
        assert_eq!(cluster.hosts[0].stats.rq_error.get(), 0);
    }
}

#[tokio::test]
async fn an_upstreams_own_503_passes_unchanged() {
    let a = Upstream::answering(|_| {
        hyper::Response::builder()
            .status(503)
            .header("server", "app")
            .header("date", "Thu, 01 Jan 1970 00:00:00 GMT")
            .header("x-pod-name", "a")
            .body(full("mine"))
            .unwrap()
    })
    .await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a.address]).await;
    let answer = mesh.get("/").await;
    assert_eq!(
        (answer.status, answer.body.as_str(), a.hits()),
        (503, "mine", 1)
    );
    assert_eq!(answer.header("server"), Some("envoy"));
    assert_eq!(answer.header("date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert_eq!(answer.header("x-pod-name"), Some("a"));
    assert!(answer.header("x-envoy-upstream-service-time").is_some());
    assert_eq!(answer.cause().kind, Kind::App);
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_502() {
    let a = raw_upstream(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"+PONG\r\n\r\n").await;
    })
    .await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a]).await;
    let answer = mesh.get("/").await;
    assert_eq!(answer.status, 502);
    assert!(
        answer.body.ends_with("reset reason: protocol error"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn requests_that_http_1_1_does_not_allow_are_refused() {
    let a = Upstream::named("a").await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a.address]).await;
    let rows = [
        (
            "GET / HTTP/1.0\r\nhost: svc\r\n\r\n",
            " 426 Upgrade Required",
            "Upgrade Required",
        ),
        (
            "GET / HTTP/1.1\r\nconnection: close\r\n\r\n",
            " 400 Bad Request",
            "",
        ),
        (
            "GET / HTTP/1.1\r\nhost: svc\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n",
            " 403 Forbidden",
            "",
        ),
        (
            "CONNECT svc:80 HTTP/1.1\r\nhost: svc\r\nconnection: close\r\n\r\n",
            " 404 Not Found",
            "",
        ),
    ];
    for (bytes, status, body) in rows {
        let answer = exchange_raw(mesh.address, bytes).await;
        let (head, got) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.lines().next().unwrap().ends_with(status), "{head}");
        assert_eq!(got, body);
    }
    assert_eq!(a.hits(), 0);
}
