//! Where requests go when pods stand in zones and regions: rows 98, 99 and 104 of the measured
//! facts, with both clusters.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Lab, Start};
use testkit::band::band;
use testkit::wait;

const LIMIT: Duration = Duration::from_secs(20);
const RULE: &str =
    "/apis/networking.istio.io/v1/namespaces/theater-msa/destinationrules/user-service-dr";
const ROUTES: &str =
    "/apis/networking.istio.io/v1/namespaces/theater-msa/virtualservices/user-service-vs";

/// Who answered: cluster, pod and status.
type Answer = (String, String, u16);

#[tokio::test]
async fn requests_keep_to_zones_and_regions_as_measured() {
    let lab = Start::embedded().up().await;
    a_zone_is_a_priority_where_outliers_are_watched(&lab).await;
    the_other_cluster_weighs_as_many_as_its_first_zone(&lab).await;
    past_the_balancer_requests_stay_in_their_cluster(&lab).await;
    a_sick_region_is_left_for_the_other(&lab).await;
}

/// Row 98.
async fn a_zone_is_a_priority_where_outliers_are_watched(lab: &Lab) {
    let own_zone = pods_of_gateways_zone(lab).await;
    assert_eq!(own_zone.len(), 1, "pods of ctx1 are spread over its zones");
    let watched = json!({"consecutive5xxErrors": 2, "interval": "10s", "baseEjectionTime": "30s", "maxEjectionPercent": 50});
    policy(lab, json!({"outlierDetection": watched})).await;
    wait::until("one zone to answer for ctx1", LIMIT, async || {
        by_pod(&ask(lab, 30).await, "ctx1")
            .into_keys()
            .eq(own_zone.clone())
    })
    .await;
    let answers = ask(lab, 300).await;
    let ctx1 = by_pod(&answers, "ctx1");
    assert_eq!(ctx1.keys().cloned().collect::<Vec<_>>(), own_zone);
    eprintln!("watched: {ctx1:?} of 300, own zone {own_zone:?}");
    assert!(band(300, 0.7).contains(&sum(&ctx1)), "{ctx1:?}");
    let everywhere = json!({"localityLbSetting": {"enabled": false}});
    policy(
        lab,
        json!({"outlierDetection": watched, "loadBalancer": everywhere}),
    )
    .await;
    wait::until("both zones to answer", LIMIT, async || {
        by_pod(&ask(lab, 30).await, "ctx1").len() == 2
    })
    .await;
    let ctx1 = by_pod(&ask(lab, 300).await, "ctx1");
    eprintln!("with localities off: {ctx1:?}");
    let both = band(sum(&ctx1), 0.5);
    assert!(ctx1.values().all(|share| both.contains(share)), "{ctx1:?}");
}

/// Row 99: the balancer's cycle is exact, so are the counts, but for where it begins.
async fn the_other_cluster_weighs_as_many_as_its_first_zone(lab: &Lab) {
    policy(lab, json!({"loadBalancer": {"simple": "ROUND_ROBIN"}})).await;
    route_anywhere(lab).await;
    let is_share = async |ctx1: u32, ctx2: u32| {
        let found = by_cluster(&ask(lab, ctx1 + ctx2).await);
        found.get("ctx1").is_some_and(|it| it.abs_diff(ctx1) <= 1)
            && found.get("ctx2").is_some_and(|it| it.abs_diff(ctx2) <= 1)
    };
    wait::until("two zones of ctx2 to weigh one", LIMIT, async || {
        is_share(80, 40).await
    })
    .await;
    move_node(lab, "ctx2-z1").await;
    wait::until("one zone of ctx2 to weigh two", LIMIT, async || {
        is_share(60, 60).await
    })
    .await;
    move_node(lab, "ctx2-z2").await;
}

/// What goes to the ClusterIP is led by the node, to any pod of the own cluster.
async fn past_the_balancer_requests_stay_in_their_cluster(lab: &Lab) {
    let past = json!({
        "loadBalancer": {"simple": "PASSTHROUGH"},
        "connectionPool": {"http": {"maxRequestsPerConnection": 1}},
    });
    policy(lab, past).await;
    wait::until("only ctx1 to answer", LIMIT, async || {
        by_cluster(&ask(lab, 20).await).keys().eq(["ctx1"])
    })
    .await;
    let answers = ask(lab, 60).await;
    assert_eq!(by_cluster(&answers), [("ctx1".to_owned(), 60)].into());
    assert!(answers.iter().all(|(.., status)| *status == 200));
    // Each connection's pod is drawn: of 60 all to one of two is less likely than 1e-17.
    assert_eq!(by_pod(&answers, "ctx1").len(), 2);
}

/// Row 104: the failures end when every pod of ctx1 is ejected.
async fn a_sick_region_is_left_for_the_other(lab: &Lab) {
    let watched = json!({"consecutive5xxErrors": 2, "interval": "10s", "baseEjectionTime": "30s", "maxEjectionPercent": 100});
    let failover =
        json!({"localityLbSetting": {"failoverPriority": ["topology.kubernetes.io/region"]}});
    policy(
        lab,
        json!({"outlierDetection": watched, "loadBalancer": failover}),
    )
    .await;
    wait::until("the own region to answer alone", LIMIT, async || {
        by_cluster(&ask(lab, 20).await)
            .into_iter()
            .eq([("ctx1".to_owned(), 20)])
    })
    .await;
    lab.order("user-service:ctx1", &json!({"status": 500}))
        .await;
    let failing = failures(lab).await;
    eprintln!("ctx1's failures were over after {failing:?}");
    // Measured: 1.2 s. The second pod's ejection reaches the balancer a second after the first one's.
    assert!(failing < Duration::from_secs(3), "{failing:?}");
}

/// From the first failure to the last one before ctx2 alone answers.
async fn failures(lab: &Lab) -> Duration {
    let mut failed: Option<(Instant, Instant)> = None;
    let mut fine = 0;
    wait::until(
        "ctx1 to fail, and ctx2 to answer alone",
        LIMIT,
        async || {
            let (cluster, _, status) = ask(lab, 1).await.remove(0);
            let now = Instant::now();
            if status == 500 {
                failed = Some((failed.map_or(now, |(first, _)| first), now));
            }
            let by_ctx2 = failed.is_some() && status == 200 && cluster == "ctx2";
            fine = if by_ctx2 { fine + 1 } else { 0 };
            fine == 40
        },
    )
    .await;
    failed.map_or(Duration::ZERO, |(first, last)| last - first)
}

/// Replaces the policy of ctx1's DestinationRule; its subsets stay.
async fn policy(lab: &Lab, policy: Value) {
    for policy in [Value::Null, policy] {
        let patch = json!({"spec": {"trafficPolicy": policy}});
        let answer = lab.merge_patch("ctx1", RULE, &patch).await;
        assert_eq!(answer.status(), 200, "{patch}");
    }
}

/// One rule to no subset.
async fn route_anywhere(lab: &Lab) {
    let route = json!([{"route": [{"destination": {"host": "user-service"}}]}]);
    let patch = json!({"spec": {"http": route}});
    let answer = lab.merge_patch("ctx1", ROUTES, &patch).await;
    assert_eq!(answer.status(), 200);
}

/// Says of ctx2's second node that it stands in this zone.
async fn move_node(lab: &Lab, zone: &str) {
    let patch = json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}});
    let answer = lab
        .merge_patch("ctx2", "/api/v1/nodes/ctx2-node-2", &patch)
        .await;
    assert_eq!(answer.status(), 200);
}

/// Answers to requests asked one after another.
async fn ask(lab: &Lab, count: u32) -> Vec<Answer> {
    let mut answers = Vec::new();
    for _ in 0..count {
        let answer = lab.get("/users/?limit=1").await;
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.map_or_else(String::new, |it| it.to_str().unwrap().to_owned())
        };
        let (cluster, pod) = (header("x-service-cluster"), header("x-pod-name"));
        answers.push((cluster, pod, answer.status().as_u16()));
    }
    answers
}

fn by_cluster(answers: &[Answer]) -> BTreeMap<String, u32> {
    count(answers.iter().map(|(cluster, ..)| cluster))
}

fn by_pod(answers: &[Answer], cluster: &str) -> BTreeMap<String, u32> {
    let of_cluster = answers.iter().filter(|(it, ..)| it == cluster);
    count(of_cluster.map(|(_, pod, _)| pod))
}

fn count<'a>(names: impl Iterator<Item = &'a String>) -> BTreeMap<String, u32> {
    names.fold(BTreeMap::new(), |mut counts, name| {
        *counts.entry(name.clone()).or_insert(0) += 1;
        counts
    })
}

fn sum(counts: &BTreeMap<String, u32>) -> u32 {
    counts.values().sum()
}

/// Names of ctx1's user pods that stand where the gateway's pod does.
async fn pods_of_gateways_zone(lab: &Lab) -> Vec<String> {
    let pods = lab
        .list("ctx1", "/api/v1/namespaces/theater-msa/pods")
        .await;
    let of = |app: &'static str| {
        let pods = pods.iter();
        pods.filter(move |pod| pod["metadata"]["labels"]["app"] == app)
    };
    // A cluster of the lab has one node in each zone.
    let gateways = of("api-gateway").next().expect("the gateway has a pod");
    let node = &gateways["spec"]["nodeName"];
    let there = of("user-service").filter(|pod| pod["spec"]["nodeName"] == *node);
    there
        .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}
