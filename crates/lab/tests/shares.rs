//! Which cluster answers, over the published port of a real lab.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use support::{Lab, Start};
use testkit::band::band;

/// Requests of a share; `theater-lab verify --full` asks 10,000 times.
const SAMPLE: u32 = 2_000;
/// Requests with a header.
const FEW: u32 = 200;

/// Answers by cluster; every one must be a 200.
async fn answers(
    lab: &Arc<Lab>,
    path: &'static str,
    header: Option<(&'static str, &'static str)>,
    count: u32,
) -> BTreeMap<String, u32> {
    let asking = stream::iter(0..count).map(|_| {
        let lab = Arc::clone(lab);
        tokio::spawn(async move { lab.cluster_of(path, header).await })
    });
    let mut found = BTreeMap::new();
    let mut asking = asking.buffer_unordered(16);
    while let Some(answer) = asking.next().await {
        let (status, cluster) = answer.unwrap();
        assert_eq!(status, 200, "{path}");
        *found
            .entry(cluster.expect("an answer is signed"))
            .or_insert(0) += 1;
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shares_follow_the_weights_and_canaries_go_to_ctx2() {
    let lab = Arc::new(Start::embedded().up().await);
    for (path, percent) in [("/users/", 70), ("/movies/", 30), ("/bookings/", 50)] {
        let expected = band(SAMPLE, f64::from(percent) / 100.0);
        let mut ctx1 = 0;
        // One repeat with a fresh sample: twice outside is a defect.
        for _ in 0..2 {
            ctx1 = answers(&lab, path, None, SAMPLE)
                .await
                .get("ctx1")
                .copied()
                .unwrap_or(0);
            eprintln!("{path}: {ctx1} of {SAMPLE} from ctx1, band {expected:?}");
            if expected.contains(&ctx1) {
                break;
            }
        }
        assert!(
            expected.contains(&ctx1),
            "{path}: {ctx1} is outside {expected:?}"
        );
        let canaries = answers(&lab, path, Some(("x-canary", "true")), FEW).await;
        assert_eq!(
            canaries,
            BTreeMap::from([("ctx2".to_owned(), FEW)]),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_foreign_host_is_404_at_the_edge_and_changes_nothing_at_the_gateway() {
    let lab = Start::embedded().up().await;
    let rows = [
        ("shop.example.com", 404),
        ("user-service", 404),
        ("theater.example.com", 200),
        ("localhost:1", 200),
    ];
    for (host, status) in rows {
        let request = lab
            .client
            .get(format!("{}/users/", lab.url))
            .header("host", host);
        assert_eq!(request.send().await.unwrap().status(), status, "{host}");
    }
    // The gateway's own address: what it calls upstream is its own choice, whatever Host it got.
    let gateway = gateway_address(&lab).await;
    for host in ["shop.example.com", "movie-service:8082"] {
        let request = lab
            .client
            .get(format!("http://{gateway}/users/"))
            .header("host", host);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{host}");
        assert_eq!(answer.headers()["x-service-name"], "user-service", "{host}");
    }
}

/// The real address of the gateway's process, from its own log.
async fn gateway_address(lab: &Lab) -> String {
    let pods = "/api/v1/namespaces/theater-msa/pods";
    let found = lab.list("ctx1", pods).await;
    let gateway = found
        .iter()
        .find(|pod| pod["metadata"]["labels"]["app"] == "api-gateway");
    let name = gateway.expect("there is a gateway")["metadata"]["name"]
        .as_str()
        .unwrap();
    let url = format!("{}{pods}/{name}/log?container=api-gateway", lab.api("ctx1"));
    let text = lab
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let address = text
        .split("address=")
        .nth(1)
        .expect("the log tells the address");
    address.split_whitespace().next().unwrap().to_owned()
}
