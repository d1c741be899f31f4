//! What crosses between the clusters, and what follows the other cluster's objects.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Lab, Start};
use testkit::redis_server::RedisServer;
use testkit::wait;

const LIMIT: Duration = Duration::from_secs(20);
const CANARY: Option<(&str, &str)> = Some(("x-canary", "true"));

async fn patch(lab: &Lab, cluster: &str, path: &str, patch: Value) {
    let answer = lab.merge_patch(cluster, path, &patch).await;
    assert_eq!(answer.status(), 200, "{cluster} {path}");
}

async fn scale(lab: &Lab, cluster: &str, namespace: &str, name: &str, replicas: u32) {
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale");
    patch(lab, cluster, &path, json!({"spec": {"replicas": replicas}})).await;
}

/// Status, text, and how long it took.
async fn canary(lab: &Lab, path: &str) -> (u16, String, Duration) {
    try_canary(lab, path).await.unwrap()
}

/// As [`canary`], where the connection may break before the end of the text.
async fn try_canary(lab: &Lab, path: &str) -> reqwest::Result<(u16, String, Duration)> {
    let asked = Instant::now();
    let request = lab
        .client
        .get(format!("{}{path}", lab.url))
        .header("x-canary", "true");
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await?, asked.elapsed()))
}

#[tokio::test]
async fn without_its_east_west_gateway_ctx2_is_refused_at_once_and_redis_with_it() {
    let lab = Start::embedded().up().await;
    scale(&lab, "ctx2", "istio-system", "istio-eastwestgateway", 0).await;
    wait::until("ctx2 to be unreachable", LIMIT, async || {
        canary(&lab, "/users/").await.0 == 503
    })
    .await;
    let (status, text, took) = canary(&lab, "/users/").await;
    eprintln!("refused after {took:?}: {text}");
    assert_eq!((status, text.len()), (503, 121), "{text}");
    assert!(took < Duration::from_secs(1));
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

#[tokio::test]
async fn a_subset_that_ctx2_does_not_name_has_no_door_there() {
    let lab = Start::embedded().up().await;
    let path =
        "/apis/networking.istio.io/v1/namespaces/theater-msa/destinationrules/user-service-dr";
    let url = format!("{}{path}", lab.api("ctx2"));
    assert_eq!(lab.client.delete(url).send().await.unwrap().status(), 200);
    // An answer that is on its way when the door closes may lose its end.
    wait::until("the door to close", LIMIT, async || {
        let answer = try_canary(&lab, "/users/").await;
        answer.is_ok_and(|(status, ..)| status == 503)
    })
    .await;
    for _ in 0..20 {
        let (status, text, _) = canary(&lab, "/users/").await;
        assert_eq!((status, text.len()), (503, 121), "{text}");
    }
    wait::until("the client's sidecar to say why", LIMIT, async || {
        let log = gateways_access_log(&lab).await;
        let refused = |line: &&str| {
            line.contains(
                "\"GET /users/ HTTP/1.1\" 503 URX,UF upstream_reset_before_response_started",
            )
        };
        log.lines().filter(refused).count() >= 20
    })
    .await;
    assert_eq!(
        canary(&lab, "/movies/").await.0,
        200,
        "other services keep theirs"
    );
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

/// Statuses and lengths of canaries asked all at once.
async fn crowd(lab: &Lab) -> Vec<(u16, usize)> {
    let all = (0..30).map(|_| canary(lab, "/users/"));
    let answers = futures_util::future::join_all(all).await;
    let told = |(status, text, _): (u16, String, Duration)| (status, text.len());
    answers.into_iter().map(told).collect()
}

#[tokio::test]
async fn the_limit_of_connections_that_ctx2_sets_bounds_its_east_west_gateway() {
    let lab = Start::embedded().up().await;
    let path =
        "/apis/networking.istio.io/v1/namespaces/theater-msa/destinationrules/user-service-dr";
    let limit = |connections: Value| json!({"spec": {"trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": connections}}}}});
    patch(&lab, "ctx2", path, limit(json!(1))).await;
    // To ctx1 it looks like a connection refused, not like its own limit.
    wait::until("somebody to find no place", LIMIT, async || {
        crowd(&lab).await.contains(&(503, 121))
    })
    .await;
    assert_eq!(canary(&lab, "/users/").await.0, 200, "one has a place");
    patch(&lab, "ctx2", path, limit(Value::Null)).await;
    wait::until("a place for everybody", LIMIT, async || {
        crowd(&lab).await.iter().all(|(status, _)| *status == 200)
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

#[tokio::test]
async fn a_store_that_runs_already_is_used() {
    let Some(redis) = RedisServer::start().await else {
        return;
    };
    let lab = Start::with(&["--redis", &format!("redis://{}", redis.address())])
        .up()
        .await;
    assert_eq!(
        lab.cluster_of("/users/", CANARY).await,
        (200, Some("ctx2".to_owned()))
    );
    let client = redis::Client::open(format!("redis://{}", redis.address())).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let name: String = redis::cmd("GET")
        .arg("user:1")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!(name.contains("홍길동"));
}

#[tokio::test]
async fn a_pod_without_a_node_and_one_without_an_image_say_why() {
    let lab = Start::embedded().up().await;
    let deployment = |name: &str, image: &str, cluster: &str| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"nodeSelector": {"cluster-name": cluster}, "containers": [{"name": name, "image": image}]},
                },
            },
        })
    };
    let rows = [
        (
            deployment("elsewhere", "user-service", "ctx9"),
            "/status/conditions/0/message",
            "0/2 nodes are available",
        ),
        (
            deployment("stranger", "nginx", "ctx1"),
            "/status/containerStatuses/0/state/waiting/reason",
            "ImagePullBackOff",
        ),
    ];
    for (object, pointer, said) in rows {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let url = format!(
            "{}/apis/apps/v1/namespaces/theater-msa/deployments",
            lab.api("ctx1")
        );
        let request = lab
            .client
            .post(url)
            .header("content-type", "application/json")
            .body(object.to_string());
        assert_eq!(request.send().await.unwrap().status(), 201, "{name}");
        wait::until(said, LIMIT, async || {
            let pods = lab
                .list("ctx1", "/api/v1/namespaces/theater-msa/pods")
                .await;
            let pod = pods
                .iter()
                .find(|pod| pod["metadata"]["labels"]["app"] == *name);
            let text = pod.and_then(|pod| pod.pointer(pointer)?.as_str());
            text.is_some_and(|text| text.contains(said))
        })
        .await;
    }
}

#[tokio::test]
async fn without_its_ingress_pod_the_published_port_answers_nobody() {
    let lab = Start::embedded().up().await;
    scale(&lab, "ctx1", "istio-system", "istio-ingressgateway", 0).await;
    // A new client: a connection under way may be finished.
    let refused = async || {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .get(format!("{}/users/", lab.url))
            .send()
            .await
            .is_err()
    };
    wait::until("the port to answer nobody", LIMIT, refused).await;
    scale(&lab, "ctx1", "istio-system", "istio-ingressgateway", 1).await;
    wait::until("the port to answer again", LIMIT, async || !refused().await).await;
}

#[tokio::test]
async fn what_has_not_its_kinds_shape_is_refused_and_nobody_stumbles() {
    let lab = Start::embedded().up().await;
    let deployment = "/apis/apps/v1/namespaces/theater-msa/deployments/user-service-ctx1";
    let rows = [
        (deployment, r#"{"spec":{"replicas":"x"}}"#),
        (deployment, r#"{"spec":{"replicas":-3}}"#),
        (deployment, r#"{"spec":{"strategy":"Recreate"}}"#),
        (deployment, r#"{"spec":{"template":{"spec":"x"}}}"#),
        (
            "/api/v1/namespaces/theater-msa/services/redis",
            r#"{"spec":"x"}"#,
        ),
        (
            "/api/v1/namespaces/theater-msa/services/redis",
            r#"{"spec":{"ports":["x"]}}"#,
        ),
        ("/api/v1/nodes/ctx1-node-1", r#"{"spec":"x"}"#),
    ];
    for (path, patch) in rows {
        let patch: Value = serde_json::from_str(patch).unwrap();
        let answer = lab.merge_patch("ctx1", path, &patch).await;
        assert_eq!(answer.status(), 422, "{path} {patch}");
    }
    assert_eq!(lab.cluster_of("/users/", CANARY).await.0, 200);
}

#[tokio::test]
async fn a_deleted_pod_with_a_finalizer_ends_once_and_stays_terminating() {
    let lab = Start::embedded().up().await;
    let pods = lab
        .list("ctx1", "/api/v1/namespaces/theater-msa/pods")
        .await;
    let pod = pods
        .iter()
        .find(|pod| pod["metadata"]["labels"]["app"] == "movie-service")
        .unwrap();
    let name = pod["metadata"]["name"].as_str().unwrap();
    let path = format!("/api/v1/namespaces/theater-msa/pods/{name}");
    patch(
        &lab,
        "ctx1",
        &path,
        json!({"metadata": {"finalizers": ["example.com/held"]}}),
    )
    .await;
    let url = format!("{}{path}", lab.api("ctx1"));
    assert!(
        lab.client
            .delete(&url)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let container = async || {
        let pod = lab
            .client
            .get(&url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let pod: Value = serde_json::from_slice(&pod).unwrap();
        pod["status"]["containerStatuses"][0].clone()
    };
    wait::until("its process to end", LIMIT, async || {
        !container().await["state"]["terminated"].is_null()
    })
    .await;
    wait::until("a replacement", LIMIT, async || {
        let pods = lab
            .list("ctx1", "/api/v1/namespaces/theater-msa/pods")
            .await;
        pods.iter()
            .filter(|pod| pod["metadata"]["labels"]["app"] == "movie-service")
            .count()
            == 3
    })
    .await;
    let held = container().await;
    assert!(
        !held["state"]["terminated"].is_null(),
        "it was not started again: {held}"
    );
    assert_eq!(held["restartCount"], 0);
    patch(
        &lab,
        "ctx1",
        &path,
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
    wait::until("the object to go", LIMIT, async || {
        lab.client.get(&url).send().await.unwrap().status() == 404
    })
    .await;
}
