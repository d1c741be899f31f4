//! Between the clusters: rows 100, 101 and 105 of the measured facts, and what else crosses.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use testkit::wait;

use crate::support::{Lab, Start};
use crate::{LIMIT, patch, scale};

/// Clients at a time, and their requests, as measured.
const CLIENTS: usize = 30;
const CROWD: usize = 300;

/// As a request is slow that is under way while something changes.
const SLOW: Duration = Duration::from_secs(1);

/// Status, text, and how long it took.
async fn canary(lab: &Lab, path: &str) -> (u16, String, Duration) {
    let asked = Instant::now();
    let request = lab
        .client
        .get(format!("{}{path}", lab.url))
        .header("x-canary", "true");
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.text().await.unwrap(), asked.elapsed())
}

/// Row 105, its first half; the other one takes real time: `theater-lab verify --full`.
#[tokio::test]
async fn without_its_east_west_gateway_ctx2_is_refused_at_once_and_redis_with_it() {
    let lab = Start::embedded().up().await;
    scale(&lab, "ctx2", "istio-system", "istio-eastwestgateway", 0).await;
    wait::until("ctx2 to be unreachable", LIMIT, async || {
        canary(&lab, "/users/").await.0 == 503
    })
    .await;
    // Three tries with two pauses of 0.1 s together at most; other tests keep the machine busy.
    let mut refusals = 0;
    wait::until("a refusal within 0.1 s", LIMIT, async || {
        let (status, text, took) = canary(&lab, "/users/").await;
        assert_eq!((status, text.len()), (503, 121), "{text}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        refusals += 1;
        took < Duration::from_millis(100)
    })
    .await;
    the_sidecar_says(&lab, "503 URX,UF", refusals).await;
    // ctx1's own pods answer, but their store is in ctx2.
    patch(&lab, "ctx1", "/apis/networking.istio.io/v1/namespaces/theater-msa/virtualservices/user-service-vs", json!({
        "spec": {"http": [{"route": [{"destination": {"host": "user-service", "subset": "ctx1"}}]}]},
    }))
    .await;
    wait::until("ctx1 to miss its store", LIMIT, async || {
        lab.cluster_of("/users/", None).await == (503, Some("ctx1".to_owned()))
    })
    .await;
    scale(&lab, "ctx2", "istio-system", "istio-eastwestgateway", 1).await;
    wait::until("both to come back", LIMIT, async || {
        canary(&lab, "/movies/").await.0 == 200 && lab.cluster_of("/users/", None).await.0 == 200
    })
    .await;
}

/// Row 100.
#[tokio::test]
async fn a_subset_that_ctx2_does_not_name_has_no_door_there() {
    let lab = Start::embedded().up().await;
    let path =
        "/apis/networking.istio.io/v1/namespaces/theater-msa/destinationrules/user-service-dr";
    let url = format!("{}{path}", lab.api("ctx2"));
    let slow = "user-service:ctx2";
    lab.order(slow, &json!({"delay_ms": SLOW.as_millis()}))
        .await;
    wait::until("a slow answer", LIMIT, async || {
        canary(&lab, "/users/").await.2 >= SLOW
    })
    .await;
    let (whole, ()) = tokio::join!(canary(&lab, "/users/"), async {
        tokio::time::sleep(SLOW / 4).await;
        assert_eq!(lab.client.delete(url).send().await.unwrap().status(), 200);
    });
    assert_eq!(whole.0, 200, "it was under way when the door closed");
    lab.forget_order(slow).await;
    wait::until("the door to close", LIMIT, async || {
        canary(&lab, "/users/").await.0 == 503
    })
    .await;
    for _ in 0..20 {
        let (status, text, _) = canary(&lab, "/users/").await;
        assert_eq!((status, text.len()), (503, 121), "{text}");
    }
    the_sidecar_says(
        &lab,
        "503 URX,UF upstream_reset_before_response_started",
        20,
    )
    .await;
    assert_eq!(
        canary(&lab, "/movies/").await.0,
        200,
        "other services keep theirs"
    );
}

/// Waits until the sidecar of ctx1's gateway has noted this of so many requests for users.
async fn the_sidecar_says(lab: &Lab, what: &str, requests: usize) {
    let noted = format!("\"GET /users/ HTTP/1.1\" {what}");
    wait::until("the client's sidecar to say why", LIMIT, async || {
        let log = gateways_access_log(lab).await;
        log.lines().filter(|line| line.contains(&noted)).count() >= requests
    })
    .await;
}

/// What the sidecar of ctx1's gateway says of the requests it sent.
async fn gateways_access_log(lab: &Lab) -> String {
    let pods = "/api/v1/namespaces/theater-msa/pods";
    let gateways = format!("{pods}?labelSelector=app%3Dapi-gateway");
    let gateway = lab.list("ctx1", &gateways).await.remove(0);
    let name = gateway["metadata"]["name"].as_str().unwrap();
    let url = format!("{}{pods}/{name}/log?container=istio-proxy", lab.api("ctx1"));
    let answer = lab.client.get(url).send().await.unwrap();
    answer.text().await.unwrap()
}

/// How many of these canaries are refused, asked by thirty clients, each again when it has its
/// answer; nothing else goes wrong.
async fn refused(lab: &Lab, requests: usize) -> usize {
    let asking = (0..requests).map(|_| canary(lab, "/users/"));
    let mut answers = stream::iter(asking).buffer_unordered(CLIENTS);
    let mut refused = 0;
    while let Some((status, text, _)) = answers.next().await {
        // To ctx1 it looks like a connection refused, not like a limit of its own.
        let is_refused = (status, text.len()) == (503, 121);
        assert!(is_refused || status == 200, "{status} {text}");
        refused += usize::from(is_refused);
    }
    refused
}

/// Row 101: ten of thirty have a place; the others get one when they ask again, or not.
#[tokio::test]
async fn the_limit_of_connections_that_ctx2_sets_bounds_its_east_west_gateway() {
    let lab = Start::embedded().up().await;
    let path =
        "/apis/networking.istio.io/v1/namespaces/theater-msa/destinationrules/user-service-dr";
    let limit = |connections: Value| json!({"spec": {"trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": connections}}}}});
    patch(&lab, "ctx2", path, limit(json!(10))).await;
    wait::until("somebody to find no place", LIMIT, async || {
        refused(&lab, CLIENTS).await > 0
    })
    .await;
    // Measured: 96 of 300. The slower the answers, the longer the places are taken; at the most two
    // thirds of the clients have none.
    let about_a_third = CROWD / 10..=CROWD * 2 / 3;
    let mut found = refused(&lab, CROWD).await;
    if !about_a_third.contains(&found) {
        found = refused(&lab, CROWD).await;
    }
    eprintln!("{found} of {CROWD} were refused");
    assert!(about_a_third.contains(&found), "{found} of {CROWD}");
    the_sidecar_says(&lab, "503 URX,UF", found).await;
    let log = gateways_access_log(&lab).await;
    assert!(!log.contains("503 UO"), "no limit of ctx1");
    patch(&lab, "ctx2", path, limit(Value::Null)).await;
    wait::until("a place for everybody", LIMIT, async || {
        refused(&lab, CLIENTS).await == 0
    })
    .await;
}

#[tokio::test]
async fn without_its_pods_ctx2_has_no_healthy_upstream_and_a_virtual_service_there_changes_nothing()
{
    let lab = Start::embedded().up().await;
    // The gateway's sidecar is in ctx1: rules of ctx2 are none of its business.
    patch(&lab, "ctx2", "/apis/networking.istio.io/v1/namespaces/theater-msa/virtualservices/movie-service-vs", json!({
        "spec": {"http": [{"fault": {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}, "route": [{"destination": {"host": "movie-service"}}]}]},
    }))
    .await;
    scale(&lab, "ctx2", "theater-msa", "movie-service-ctx2", 0).await;
    wait::until("ctx2's movies to be gone", LIMIT, async || {
        canary(&lab, "/movies/").await.1 == "no healthy upstream"
    })
    .await;
    scale(&lab, "ctx2", "theater-msa", "movie-service-ctx2", 3).await;
    wait::until("three new pods to answer", LIMIT, async || {
        canary(&lab, "/movies/").await.0 == 200
    })
    .await;
}

#[tokio::test]
async fn in_a_single_network_serial_requests_reach_both_pods_of_ctx2() {
    let pods = async |lab: &Lab| {
        let mut pods = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let request = lab
                .client
                .get(format!("{}/users/", lab.url))
                .header("x-canary", "true");
            let answer = request.send().await.unwrap();
            pods.insert(answer.headers()["x-pod-name"].to_str().unwrap().to_owned());
        }
        pods.len()
    };
    let multi = Start::embedded().up().await;
    assert_eq!(
        pods(&multi).await,
        1,
        "behind the hop the pod is chosen per connection"
    );
    let single = Start::with(&["--redis", "embedded", "--network", "single"])
        .up()
        .await;
    assert_eq!(pods(&single).await, 2, "pods are seen one by one");
}
