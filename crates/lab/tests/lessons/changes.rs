//! No change of rules, gateways or scale loses a request that is under way.

use std::time::Duration;

use lab::verify::client::Client;
use lab::verify::load::Load;
use serde_json::{Value, json};
use testkit::wait;

use crate::support::{Lab, Start};

const RULE: &str =
    "/apis/networking.istio.io/v1/namespaces/theater-msa/virtualservices/user-service-vs";
const POLICY: &str =
    "/apis/networking.istio.io/v1/namespaces/theater-msa/destinationrules/user-service-dr";
const EDGE: &str =
    "/apis/networking.istio.io/v1/namespaces/istio-system/virtualservices/theater-msa";
const GATEWAY: &str = "/apis/networking.istio.io/v1/namespaces/istio-system/gateways/cp-gateway";
const SERVICES: [&str; 3] = ["user-service", "movie-service", "booking-service"];
/// Every answer takes so long: at 50 requests a second each change finds about thirty under way, also
/// some that were sent before the change before it.
const SLOW: Duration = Duration::from_millis(600);
/// From one change to the next.
const PACE: Duration = Duration::from_millis(300);

/// One rule to these subsets, all alike; to none where there is none.
fn route(subsets: &[&str]) -> Value {
    let to = |subset: &&str| json!({"destination": {"host": "user-service", "subset": subset}, "weight": 50});
    let mut routes: Vec<_> = subsets.iter().map(to).collect();
    if routes.is_empty() {
        routes.push(json!({"destination": {"host": "user-service"}}));
    }
    json!({"spec": {"http": [{"timeout": "10s", "route": routes}]}})
}

fn subsets(names: &[&str]) -> Value {
    let subset = |name: &&str| json!({"name": name, "labels": {"cluster": name}});
    json!({"spec": {"subsets": names.iter().map(subset).collect::<Vec<_>>()}})
}

/// A policy that replaces the clusters of client and pods.
fn policy() -> Value {
    json!({"spec": {"trafficPolicy": {
        "connectionPool": {"tcp": {"maxConnections": 500}, "http": {"maxRequestsPerConnection": 2}},
        "outlierDetection": {"consecutive5xxErrors": 2},
        "loadBalancer": {"simple": "RANDOM"},
    }}})
}

/// Another rule at the ingress, for one host more.
fn edge() -> Value {
    let to = json!({"host": "api-gateway.theater-msa.svc.cluster.local", "port": {"number": 8080}});
    json!({"spec": {
        "hosts": ["theater.example.com", "other.example.com"],
        "http": [{"name": "other", "timeout": "20s", "route": [{"destination": to}]}],
    }})
}

/// Another server of the ingress.
fn gateway() -> Value {
    let port = json!({"number": 80, "name": "other", "protocol": "HTTP"});
    let hosts = ["theater.example.com", "other.example.com"];
    json!({"spec": {"servers": [{"port": port, "hosts": hosts}]}})
}

fn scale(cluster: &str, replicas: u32) -> (String, Value) {
    let path =
        format!("/apis/apps/v1/namespaces/theater-msa/deployments/user-service-{cluster}/scale");
    (path, json!({"spec": {"replicas": replicas}}))
}

/// Cluster, object, what is changed. What is taken away is not needed any more since the row before.
fn changes() -> Vec<(&'static str, String, Value)> {
    let row = |cluster, path: &str, patch| (cluster, path.to_owned(), patch);
    let scaled = |cluster, replicas| {
        let (path, patch) = scale(cluster, replicas);
        (cluster, path, patch)
    };
    vec![
        row("ctx1", RULE, route(&["ctx2"])),
        row("ctx1", POLICY, policy()),
        row("ctx2", POLICY, policy()),
        row("ctx1", RULE, route(&["ctx1"])),
        row("ctx2", POLICY, subsets(&["ctx1"])),
        row("ctx2", POLICY, subsets(&["ctx1", "ctx2"])),
        row("ctx1", RULE, route(&[])),
        row("ctx1", POLICY, subsets(&[])),
        row("ctx1", POLICY, subsets(&["ctx1", "ctx2"])),
        row("ctx1", RULE, route(&["ctx1", "ctx2"])),
        scaled("ctx1", 1),
        scaled("ctx2", 1),
        scaled("ctx2", 3),
        scaled("ctx1", 2),
        row("ctx1", EDGE, edge()),
        row("ctx1", GATEWAY, gateway()),
    ]
}

async fn patch(lab: &Lab, cluster: &str, path: &str, patch: &Value) {
    let answer = lab.merge_patch(cluster, path, patch).await;
    assert_eq!(answer.status(), 200, "{cluster} {path} {patch}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_of_rules_gateways_or_scale_loses_a_request() {
    let lab = Start::embedded().up().await;
    for service in SERVICES {
        lab.order(service, &json!({"delay_ms": SLOW.as_millis()}))
            .await;
    }
    let client = Client::of(&lab.url);
    wait::until("slow answers", Duration::from_secs(10), async || {
        let answer = client.get("/users/", None).await.unwrap();
        answer.is_sick && answer.took >= SLOW
    })
    .await;
    let load = Load::on(&client);
    let changes = changes();
    for (cluster, path, change) in &changes {
        tokio::time::sleep(PACE).await;
        patch(&lab, cluster, path, change).await;
    }
    tokio::time::sleep(PACE).await;
    let sent = load.end().await.unwrap();
    eprintln!("{} changes, none of {sent} requests lost", changes.len());
}
