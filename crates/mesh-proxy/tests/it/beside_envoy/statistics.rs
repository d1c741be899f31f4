//! What the admin interfaces show.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use testkit::wait;
use tokio::task::JoinHandle;

use super::*;

/// The same requests to either proxy; the statuses answered.
async fn requests(address: SocketAddr, get: impl AsyncFn(&str) -> String) -> Vec<u16> {
    let mut client = Client::connect(address).await;
    let mut statuses = Vec::new();
    for path in PATHS {
        if path == WHEN_EJECTED {
            until_ejected(&get).await;
        }
        statuses.push(client.get(path).await.status);
    }
    statuses
}

/// A request that the upstream holds, one that waits for its connection, and one that is refused.
async fn crowd(address: SocketAddr, get: impl AsyncFn(&str) -> String) -> Vec<JoinHandle<u16>> {
    let mut waiting = Vec::new();
    for gauge in ["upstream_rq_active", "upstream_rq_pending_active"] {
        let mut client = Client::connect(address).await;
        waiting.push(tokio::spawn(async move {
            client.get("/narrow/slow").await.status
        }));
        let target = format!("/stats?filter=narrow.*;.{gauge}$");
        wait::until(gauge, LIMIT, async || get(&target).await.ends_with(": 1\n")).await;
    }
    assert_eq!(
        Client::connect(address)
            .await
            .get("/narrow/slow")
            .await
            .status,
        503
    );
    waiting
}

/// A retry that the upstream holds, and another one that there is no room for.
async fn retries(address: SocketAddr, get: impl AsyncFn(&str) -> String) -> JoinHandle<u16> {
    let mut client = Client::connect(address).await;
    let held = tokio::spawn(async move { client.get("/budget/again").await.status });
    let counter = "/stats?filter=budget.*;.upstream_rq_retry$";
    wait::until("the retry", LIMIT, async || {
        get(counter).await.ends_with(": 1\n")
    })
    .await;
    let refused = Client::connect(address).await.get("/budget/503").await;
    assert_eq!(refused.status, 503);
    let counter = "/stats?filter=budget.*;.upstream_rq_retry_overflow$";
    assert!(get(counter).await.ends_with(": 1\n"));
    held
}

/// What an interface shows.
struct Shown {
    clusters: String,
    clusters_json: Value,
    stats: BTreeMap<String, String>,
    used: BTreeSet<String>,
    metrics: BTreeSet<String>,
}

async fn shown(get: impl AsyncFn(&str) -> String) -> Shown {
    let stats = |text: String| {
        let lines = text.lines().filter(|line| is_compared(line));
        lines
            .map(|line| line.rsplit_once(": ").unwrap_or((line, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    Shown {
        clusters: get("/clusters").await,
        clusters_json: serde_json::from_str(&get("/clusters?format=json").await).unwrap(),
        stats: stats(get("/stats").await),
        used: stats(get("/stats?usedonly").await).into_keys().collect(),
        metrics: get("/stats/prometheus")
            .await
            .lines()
            .map(str::to_owned)
            .collect(),
    }
}

/// The families of clusters and of the listener; an Envoy also counts for itself.
fn is_compared(line: &str) -> bool {
    [
        "cluster.outbound|",
        "cluster.PassthroughCluster;",
        "cluster.BlackHoleCluster;",
        "http.outbound_",
    ]
    .iter()
    .any(|family| line.starts_with(family))
}

/// The same in Prometheus' words.
fn is_of_service(line: &str) -> bool {
    ["outbound", "PassthroughCluster", "BlackHoleCluster"]
        .iter()
        .any(|name| line.contains(name))
}

/// Deviations of a static Envoy, which discovers nothing: what the sidecars show and it does not.
fn is_of_discovery(line: &str) -> bool {
    line.contains("::eds_service_name::") || line.contains("::added_via_api::")
}

/// By cluster: an Envoy has no order of clusters.
fn by_cluster(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut clusters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !is_of_discovery(line)) {
        let cluster = line.split("::").next().unwrap();
        clusters.entry(cluster).or_default().push(line);
    }
    clusters
}

fn statuses_of(json: &Value) -> BTreeMap<String, Value> {
    let statuses = json["cluster_statuses"].as_array().unwrap().iter().cloned();
    let named = statuses.map(|mut status| {
        for of_discovery in ["added_via_api", "eds_service_name"] {
            status.as_object_mut().unwrap().remove(of_discovery);
        }
        (status["name"].as_str().unwrap().to_owned(), status)
    });
    named.collect()
}

/// What differs, each with its place.
fn differences(ours: &Shown, theirs: &Shown) -> Vec<String> {
    let mut all = Vec::new();
    let mut same = |place: &str, ours: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
        let (ours, theirs) = (format!("{ours:?}"), format!("{theirs:?}"));
        if ours != theirs {
            all.push(format!("{place}\n  ours: {ours}\n  Envoy: {theirs}"));
        }
    };
    let (our_lines, their_lines) = (by_cluster(&ours.clusters), by_cluster(&theirs.clusters));
    for (name, lines) in &our_lines {
        for (number, line) in lines.iter().enumerate() {
            same(
                "/clusters",
                line,
                &their_lines[name].get(number).unwrap_or(&""),
            );
        }
    }
    let (our_json, their_json) = (
        statuses_of(&ours.clusters_json),
        statuses_of(&theirs.clusters_json),
    );
    for (name, status) in &our_json {
        same("/clusters?format=json", status, &their_json[name]);
    }
    for (name, value) in &ours.stats {
        same(
            &format!("/stats {name}"),
            &Some(value),
            &theirs.stats.get(name),
        );
        let used = |shown: &Shown| shown.used.contains(name);
        same(
            &format!("/stats?usedonly {name}"),
            &used(ours),
            &used(theirs),
        );
    }
    for line in ours.metrics.iter().filter(|line| is_of_service(line)) {
        same(
            "/stats/prometheus",
            &line,
            &theirs.metrics.get(line).unwrap_or(&String::new()),
        );
    }
    all
}

/// Both show the same, as soon as both have seen that clients have left.
pub(super) async fn compare(admin: &Admin, envoy: &Envoy) {
    let mut last = Vec::new();
    let same = async {
        loop {
            let ours = shown(async |path: &str| admin.get(path).body).await;
            let theirs = shown(async |path: &str| envoy.get(path).await).await;
            assert!(ours.stats.len() > 200, "{}", ours.stats.len());
            last = differences(&ours, &theirs);
            if last.is_empty() {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(3), same).await;
    assert!(in_time.is_ok(), "{}", last.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_same_requests_both_show_the_same() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let (admin, envoy) = (&stage.admin, &stage.envoy);
    let ours = requests(stage.ours, async |path: &str| admin.get(path).body).await;
    let theirs = requests(stage.theirs, async |path: &str| envoy.get(path).await).await;
    assert_eq!(ours, theirs);
    compare(admin, envoy).await;
    let mut waiting = crowd(stage.ours, async |path: &str| admin.get(path).body).await;
    waiting.extend(crowd(stage.theirs, async |path: &str| envoy.get(path).await).await);
    waiting.push(retries(stage.ours, async |path: &str| admin.get(path).body).await);
    waiting.push(retries(stage.theirs, async |path: &str| envoy.get(path).await).await);
    compare(admin, envoy).await;
    stage.gate.close();
    for request in waiting {
        assert_eq!(soon(request).await.unwrap(), 200);
    }
    compare(admin, envoy).await;
}
