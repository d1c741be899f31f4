//! What crosses between the clusters, and what follows the other cluster's objects.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "clusters/crossing.rs"]
mod crossing;
mod support;

use std::time::Duration;

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
    let pod = movie_pods(&lab).await.remove(0);
    let name = pod["metadata"]["name"].as_str().unwrap();
    let path = format!("/api/v1/namespaces/theater-msa/pods/{name}");
    let finalizers = |held: Value| json!({"metadata": {"finalizers": held}});
    let hold = finalizers(json!(["example.com/held"]));
    patch(&lab, "ctx1", &path, hold).await;
    let url = format!("{}{path}", lab.api("ctx1"));
    let deleted = lab.client.delete(&url).send().await.unwrap();
    assert!(deleted.status().is_success());
    wait::until("its process to end", LIMIT, async || {
        !container(&lab, &url).await["state"]["terminated"].is_null()
    })
    .await;
    wait::until("a replacement", LIMIT, async || {
        movie_pods(&lab).await.len() == 3
    })
    .await;
    let held = container(&lab, &url).await;
    assert!(
        !held["state"]["terminated"].is_null(),
        "it was not started again: {held}"
    );
    assert_eq!(held["restartCount"], 0);
    patch(&lab, "ctx1", &path, finalizers(Value::Null)).await;
    wait::until("the object to go", LIMIT, async || {
        lab.client.get(&url).send().await.unwrap().status() == 404
    })
    .await;
}

/// ctx1's pods of movies, those that end included.
async fn movie_pods(lab: &Lab) -> Vec<Value> {
    let path = "/api/v1/namespaces/theater-msa/pods?labelSelector=app%3Dmovie-service";
    lab.list("ctx1", path).await
}

/// The state of a pod's container.
async fn container(lab: &Lab, url: &str) -> Value {
    let answer = lab.client.get(url).send().await.unwrap();
    let pod: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    pod["status"]["containerStatuses"][0].clone()
}
