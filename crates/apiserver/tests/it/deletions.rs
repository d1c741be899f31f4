//! What a DELETE answers, and when the object is gone.

use http::StatusCode;
use serde_json::json;

use crate::objects::names;
use crate::support::{Server, deployment};

const MAPS: &str = "/api/v1/namespaces/shop/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";

#[tokio::test]
async fn a_pod_is_answered_with_itself_and_a_namespace_with_its_end() {
    let server = Server::new();
    let pods = "/api/v1/namespaces/shop/pods";
    for (name, node) in [("p", json!(null)), ("q", json!("n1"))] {
        let pod = json!({"metadata": {"name": name}, "spec": {"nodeName": node, "terminationGracePeriodSeconds": 5, "containers": [{"name": "c", "image": "none:1"}]}});
        server.post(pods, pod).await;
    }
    let gone = server.delete(&format!("{pods}/p")).await.json();
    assert_eq!(
        (
            &gone["kind"],
            &gone["metadata"]["deletionGracePeriodSeconds"]
        ),
        (&json!("Pod"), &json!(0))
    );
    let ending = server.delete(&format!("{pods}/q")).await.json();
    assert_eq!(ending["metadata"]["deletionGracePeriodSeconds"], 5);
    assert_eq!(server.get(&format!("{pods}/q")).await.code, StatusCode::OK);
    server
        .delete(&format!("{pods}/q?gracePeriodSeconds=0"))
        .await;
    assert_eq!(
        server.get(&format!("{pods}/q")).await.code,
        StatusCode::NOT_FOUND
    );
    let namespace = server.delete("/api/v1/namespaces/shop").await.json();
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let mut free = namespace;
    free["spec"]["finalizers"] = json!([]);
    assert_eq!(
        server
            .put("/api/v1/namespaces/shop/finalize", free)
            .await
            .code,
        StatusCode::OK
    );
    assert_eq!(
        server.get("/api/v1/namespaces/shop").await.code,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let server = Server::new();
    for (name, label) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let map = json!({"metadata": {"name": name, "labels": {"l": label}}});
        server.post(MAPS, map).await;
    }
    let deleted = server
        .delete(&format!("{MAPS}?labelSelector=l%3Dx"))
        .await
        .json();
    assert_eq!(
        (&deleted["kind"], names(&deleted)),
        (&json!("ConfigMapList"), vec!["a", "b"])
    );
    assert_eq!(names(&server.get(MAPS).await.json()), ["c"]);
}

#[tokio::test]
async fn foreground_deletion_waits_for_its_finalizer() {
    let server = Server::new();
    server.post(DEPLOYMENTS, deployment("f", 0)).await;
    let options =
        json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"});
    let path = format!("{DEPLOYMENTS}/f");
    let answer = server
        .send_json("DELETE", &path, "application/json", options)
        .await
        .json();
    assert_eq!(
        answer["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    let more = json!({"metadata": {"finalizers": ["foregroundDeletion", "x/y"]}});
    let refused = server.merge(&path, more).await;
    assert!(
        refused.message().contains("no new finalizers can be added"),
        "{}",
        refused.message()
    );
    let freed = server
        .merge(&path, json!({"metadata": {"finalizers": null}}))
        .await;
    assert_eq!(freed.code, StatusCode::OK);
    assert_eq!(server.get(&path).await.code, StatusCode::NOT_FOUND);
}
