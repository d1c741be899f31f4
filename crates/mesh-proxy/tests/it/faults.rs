//! Injected delays and aborts.

use std::time::{Duration, Instant};

use mesh::cause::{By, Kind};
use serde_json::{Value, json};

use crate::support::*;

fn fault(fault: Value) -> Value {
    json!([{"fault": fault, "route": weighted(70, 30)}])
}

#[tokio::test]
async fn an_abort_is_envoys_byte_for_byte() {
    let a = Upstream::named("a").await;
    for (status, line) in [
        (503, "503 Service Unavailable"),
        (555, "555 Unknown"),
        (200, "200 OK"),
    ] {
        let abort = json!({"abort": {"httpStatus": status, "percentage": {"value": 100}}});
        let mesh = Mesh::new(fault(abort), &[a.address, a.address]).await;
        let bytes = "GET / HTTP/1.1\r\nhost: svc\r\nconnection: close\r\n\r\n";
        let answer = exchange_raw(mesh.address, bytes).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<&str> = head.split("\r\n").collect();
        assert_eq!(lines.remove(0), format!("HTTP/1.1 {line}"));
        lines.sort_unstable();
        assert_eq!(lines.remove(0), "connection: close");
        assert_eq!(
            lines[..2],
            ["content-length: 18", "content-type: text/plain"]
        );
        assert!(lines[2].starts_with("date: "), "{lines:?}");
        assert_eq!(lines[3..], ["server: envoy"]);
        assert_eq!(body, "fault filter abort");
    }
    assert_eq!(a.hits(), 0);
}

#[tokio::test]
async fn a_share_is_aborted_and_the_rest_keeps_its_weights() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let abort = json!({"abort": {"httpStatus": 500, "percentage": {"value": 30}}});
    let mesh = Mesh::new(fault(abort), &[a.address, b.address]).await;
    let mut client = mesh.client().await;
    let mut aborted = 0;
    for _ in 0..2000 {
        let answer = client.get("/").await;
        if answer.status == 500 {
            assert_eq!(
                (answer.cause().kind, answer.cause().by),
                (Kind::Fi, Some(By::Client))
            );
            aborted += 1;
        }
    }
    assert!(band(2000, 0.3).contains(&aborted), "{aborted}");
    assert_eq!(a.hits() + b.hits(), 2000 - aborted);
    let answered = u32::try_from(2000 - aborted).unwrap();
    assert!(
        band(answered, 0.7).contains(&a.hits()),
        "{} of {answered}",
        a.hits()
    );
}

#[tokio::test]
async fn a_delay_comes_before_the_request_and_then_the_abort() {
    let a = Upstream::named("a").await;
    let delay = json!({"fixedDelay": "300ms", "percentage": {"value": 100}});
    let abort = json!({"httpStatus": 418, "percentage": {"value": 100}});
    let rows = [
        (json!({"delay": delay}), 200, 1),
        (json!({"delay": delay, "abort": abort}), 418, 0),
    ];
    for (injected, status, hits) in rows {
        let mesh = Mesh::new(fault(injected), &[a.address, a.address]).await;
        let (before, began) = (a.hits(), Instant::now());
        let answer = mesh.get("/").await;
        assert!(began.elapsed() >= Duration::from_millis(300));
        assert_eq!((answer.status, a.hits() - before), (status, hits));
        // The delay is not the upstream's time.
        let service_time = answer.header("x-envoy-upstream-service-time");
        assert_eq!(service_time.is_some(), hits == 1);
        assert!(service_time.is_none_or(|time| time.parse::<u64>().unwrap() < 300));
    }
}

#[tokio::test]
async fn a_fault_without_percentage_never_acts() {
    let a = Upstream::named("a").await;
    let injected = json!({"abort": {"httpStatus": 500}, "delay": {"fixedDelay": "60s"}});
    let mesh = Mesh::new(fault(injected), &[a.address, a.address]).await;
    for _ in 0..20 {
        assert_eq!(mesh.get("/").await.status, 200);
    }
}

#[tokio::test]
async fn an_abort_wins_over_a_missing_subset_and_is_not_retried() {
    let a = Upstream::named("a").await;
    let http = json!([{
        "fault": {"abort": {"httpStatus": 555, "percentage": {"value": 100}}},
        "retries": {"attempts": 3, "retryOn": "5xx"},
        "route": to("nope"),
    }]);
    let mesh = Mesh::new(http, &[a.address]).await;
    assert_eq!(mesh.get("/").await.status, 555);
    assert_eq!((a.hits(), mesh.dials()), (0, 0));
}

#[tokio::test]
async fn a_rule_without_fault_has_none_although_another_has() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let http = json!([
        {"match": [{"headers": {"x-canary": {"exact": "true"}}}], "route": to("ctx2")},
        {"fault": {"abort": {"httpStatus": 500, "percentage": {"value": 100}}}, "route": to("ctx1")},
    ]);
    let mesh = Mesh::new(http, &[a.address, b.address]).await;
    let mut client = mesh.client().await;
    for _ in 0..50 {
        assert_eq!(
            client.get_with("/", &[("x-canary", "true")]).await.body,
            "b"
        );
        assert_eq!(client.get("/").await.status, 500);
    }
}
