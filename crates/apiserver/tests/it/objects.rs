//! Create, read, change, delete.

use apiserver::resource::rows;
use apiserver::store::{Key, Part};
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, config_map, deployment, request};

const MAPS: &str = "/api/v1/namespaces/shop/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";

pub(crate) fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_object_lives_from_post_to_delete() {
    let server = Server::new();
    let created = server.post(MAPS, config_map("a")).await;
    assert_eq!(created.code, StatusCode::CREATED);
    assert_eq!(
        server.get(&format!("{MAPS}/a")).await.json(),
        created.json()
    );
    let mut object = created.json();
    object["data"]["b"] = "2".into();
    let replaced = server.put(&format!("{MAPS}/a"), object.clone()).await;
    assert_eq!(
        (replaced.code, &replaced.json()["data"]),
        (StatusCode::OK, &json!({"a": "1", "b": "2"}))
    );
    assert_eq!(
        server.put(&format!("{MAPS}/a"), object).await.code,
        StatusCode::CONFLICT
    );
    let deleted = server.delete(&format!("{MAPS}/a")).await.json();
    let details =
        json!({"name": "a", "kind": "configmaps", "uid": created.json()["metadata"]["uid"]});
    assert_eq!(
        deleted,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
    );
    assert_eq!(
        server.get(&format!("{MAPS}/a")).await.code,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn lists_are_selected_by_labels_fields_and_namespace() {
    let server = Server::new();
    server
        .post("/api/v1/namespaces", json!({"metadata": {"name": "other"}}))
        .await;
    for (namespace, name, node) in [
        ("shop", "a", "n1"),
        ("shop", "b", "n2"),
        ("other", "c", "n1"),
    ] {
        let pod = json!({"metadata": {"name": name, "labels": {"node": node}}, "spec": {"nodeName": node, "containers": [{"name": "c", "image": "none:1"}]}});
        server
            .post(&format!("/api/v1/namespaces/{namespace}/pods"), pod)
            .await;
    }
    for (path, expected) in [
        ("/api/v1/pods", vec!["c", "a", "b"]),
        ("/api/v1/namespaces/shop/pods?limit=500", vec!["a", "b"]),
        (
            "/api/v1/pods?&fieldSelector=spec.nodeName%3Dn1",
            vec!["c", "a"],
        ),
        (
            "/api/v1/namespaces/shop/pods?labelSelector=node%20in%20(n2)",
            vec!["b"],
        ),
        (
            "/api/v1/namespaces/shop/pods?labelSelector=node&fieldSelector=metadata.name!%3Da",
            vec!["b"],
        ),
        ("/api/v1/namespaces/none/pods", vec![]),
    ] {
        let list = server.get(path).await.json();
        assert_eq!(
            (names(&list), &list["kind"]),
            (expected, &json!("PodList")),
            "{path}"
        );
        assert_eq!(
            list["metadata"]["resourceVersion"],
            server.store.resource_version().to_string()
        );
    }
}

#[tokio::test]
async fn objects_are_answered_in_the_version_asked_for() {
    let server = Server::new();
    let path = |version: &str| {
        format!("/apis/networking.istio.io/{version}/namespaces/shop/virtualservices")
    };
    let object = json!({
        "apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
        "metadata": {"name": "v"}, "spec": {"hosts": ["x"]},
    });
    let created = server.post(&path("v1beta1"), object.clone()).await;
    assert_eq!(created.json()["apiVersion"], "networking.istio.io/v1beta1");
    let list = server.get(&path("v1")).await.json();
    assert_eq!(list["apiVersion"], "networking.istio.io/v1");
    assert_eq!(list["items"][0]["apiVersion"], "networking.istio.io/v1");
    let wrong = server.post(&path("v1"), object).await;
    assert_eq!(wrong.code, StatusCode::BAD_REQUEST);
    let test =
        json!([{"op": "test", "path": "/apiVersion", "value": "networking.istio.io/v1alpha3"}]);
    let patched = server
        .json_patch(&format!("{}/v", path("v1alpha3")), test)
        .await;
    assert_eq!(
        (patched.code, patched.json()["apiVersion"].clone()),
        (StatusCode::OK, json!("networking.istio.io/v1alpha3"))
    );
    assert_eq!(
        patched.json()["metadata"]["resourceVersion"],
        created.json()["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn patches_change_what_they_name_and_nothing_the_server_owns() {
    let server = Server::new();
    let before = server.post(DEPLOYMENTS, deployment("web", 1)).await.json();
    let path = format!("{DEPLOYMENTS}/web");
    let patch = json!({
        "metadata": {"annotations": {"x": "y"}, "creationTimestamp": null, "generation": 9},
        "spec": {"replicas": 2}, "status": {"replicas": 7},
    });
    let after = server.merge(&path, patch).await.json();
    assert_eq!(after["spec"]["replicas"], 2);
    assert_eq!(after["metadata"]["generation"], 2);
    assert_eq!(
        after["metadata"]["creationTimestamp"],
        before["metadata"]["creationTimestamp"]
    );
    assert_eq!(after["status"], json!({}));
    let empty = server.merge(&path, json!({})).await.json();
    assert_eq!(
        empty["metadata"]["resourceVersion"],
        after["metadata"]["resourceVersion"]
    );
    let moved = json!([{"op": "replace", "path": "/spec/replicas", "value": 3}]);
    assert_eq!(
        server.json_patch(&path, moved).await.json()["spec"]["replicas"],
        3
    );
}

#[tokio::test]
async fn a_patched_object_must_still_be_sound() {
    let server = Server::new();
    server.post(MAPS, config_map("a")).await;
    let answer = server
        .merge(
            &format!("{MAPS}/a"),
            json!({"metadata": {"labels": {"x": 5}}}),
        )
        .await;
    assert_eq!(answer.code, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer
            .message()
            .starts_with(r#" "" is invalid: patch: Invalid value: "{"#),
        "{}",
        answer.message()
    );
    let answer = server
        .json_patch(
            &format!("{MAPS}/a"),
            json!([{"op": "replace", "path": "", "value": 5}]),
        )
        .await;
    assert_eq!(answer.code.as_u16() / 100, 4);
    let uid = json!({"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}});
    let answer = server.merge(&format!("{MAPS}/a"), uid).await;
    assert!(
        answer.message().ends_with("field is immutable"),
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn status_and_main_are_written_apart() {
    let server = Server::new();
    let mut object = deployment("web", 1);
    object["status"] = json!({"replicas": 9});
    let created = server.post(DEPLOYMENTS, object).await.json();
    assert_eq!(created["status"], json!({}));
    let path = format!("{DEPLOYMENTS}/web");
    let both = json!({"spec": {"replicas": 5}, "status": {"replicas": 1}});
    let after = server.merge(&format!("{path}/status"), both).await.json();
    assert_eq!(
        (&after["spec"]["replicas"], &after["status"]["replicas"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(server.get(&format!("{path}/status")).await.json(), after);
    let replaced = server.put(&path, deployment("web", 4)).await.json();
    assert_eq!(
        (
            &replaced["spec"]["replicas"],
            &replaced["status"]["replicas"]
        ),
        (&json!(4), &json!(1))
    );
    assert_eq!(
        server.get(&format!("{MAPS}/a/status")).await.code,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn scale_is_a_view_of_the_replicas() {
    let server = Server::new();
    let created = server.post(DEPLOYMENTS, deployment("web", 2)).await.json();
    let path = format!("{DEPLOYMENTS}/web/scale");
    let scale = server.get(&path).await.json();
    let metadata = |member: &str| created["metadata"][member].clone();
    assert_eq!(
        scale,
        json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": {
                "name": "web", "namespace": "shop", "uid": metadata("uid"),
                "resourceVersion": metadata("resourceVersion"),
                "creationTimestamp": metadata("creationTimestamp"),
            },
            "spec": {"replicas": 2}, "status": {"replicas": 0, "selector": "app=d"},
        })
    );
    let patched = server
        .merge(&path, json!({"spec": {"replicas": 3}}))
        .await
        .json();
    assert_eq!(patched["spec"]["replicas"], 3);
    let mut stale = scale;
    stale["spec"]["replicas"] = 4.into();
    assert_eq!(
        server.put(&path, stale.clone()).await.code,
        StatusCode::CONFLICT
    );
    stale["metadata"]["resourceVersion"] = patched["metadata"]["resourceVersion"].clone();
    // As old clients send it: without a media type.
    let put = server.send(request("PUT", &path), stale.to_string()).await;
    assert_eq!(put.json()["spec"]["replicas"], 4);
    let wrong = server
        .merge(&path, json!({"spec": {"replicas": "x"}}))
        .await;
    assert_eq!(wrong.code, StatusCode::BAD_REQUEST);
    let stored = server.get(&format!("{DEPLOYMENTS}/web")).await.json();
    assert_eq!(
        (
            &stored["spec"]["replicas"],
            &stored["metadata"]["generation"]
        ),
        (&json!(4), &json!(3))
    );
}

#[tokio::test]
async fn a_dry_run_answers_as_if_and_keeps_nothing() {
    let server = Server::new();
    server.post(MAPS, config_map("a")).await;
    let version = server.store.resource_version();
    let path = format!("{MAPS}/a?dryRun=All");
    let created = server
        .post(&format!("{MAPS}?dryRun=All"), config_map("b"))
        .await;
    assert_eq!(
        (created.code, created.json()["metadata"]["name"].clone()),
        (StatusCode::CREATED, json!("b"))
    );
    assert_eq!(
        server
            .post(&format!("{MAPS}?dryRun=All"), config_map("a"))
            .await
            .code,
        StatusCode::CONFLICT
    );
    assert_eq!(
        server
            .merge(&path, json!({"data": {"a": "2"}}))
            .await
            .json()["data"]["a"],
        "2"
    );
    assert_eq!(
        server.put(&path, config_map("a")).await.code,
        StatusCode::OK
    );
    assert_eq!(server.delete(&path).await.code, StatusCode::OK);
    let body = json!({"dryRun": ["All"]});
    server
        .send_json("DELETE", &format!("{MAPS}/a"), "application/json", body)
        .await;
    assert_eq!(server.store.resource_version(), version);
}

#[tokio::test]
async fn bodies_may_be_yaml_and_need_no_media_type() {
    let server = Server::new();
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y1}\ndata:\n  a: \"1\"\n";
    let yaml = server
        .send(
            request("POST", MAPS).header("content-type", "application/yaml; charset=utf-8"),
            yaml,
        )
        .await;
    assert_eq!(
        (yaml.code, yaml.json()["data"]["a"].clone()),
        (StatusCode::CREATED, json!("1"))
    );
    let bare = server
        .send(request("POST", MAPS), config_map("bare").to_string())
        .await;
    assert_eq!(bare.code, StatusCode::CREATED);
    let nothing = server.send(request("POST", MAPS), "{").await;
    assert_eq!(nothing.code, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_largest_body_is_three_mebibytes() {
    let server = Server::new();
    let mut map = config_map("big");
    map["data"]["a"] = "x".repeat(3 << 20).into();
    let answer = server.post(MAPS, map.clone()).await;
    assert_eq!(answer.code, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        answer.message(),
        "Request entity too large: limit is 3145728"
    );
    map["data"]["a"] = "x".repeat(1 << 20).into();
    assert_eq!(server.post(MAPS, map).await.code, StatusCode::CREATED);
}

#[tokio::test]
async fn a_list_of_the_future_is_told_to_wait() {
    let server = Server::new();
    let future = server.store.resource_version() + 1_000;
    let answer = server
        .get(&format!("{MAPS}?resourceVersion={future}"))
        .await;
    assert_eq!(
        (answer.code, answer.headers["retry-after"].to_str().unwrap()),
        (StatusCode::GATEWAY_TIMEOUT, "1")
    );
    assert_eq!(
        answer.json()["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
    assert_eq!(
        server.get(&format!("{MAPS}?resourceVersion=0")).await.code,
        StatusCode::OK
    );
}

#[tokio::test]
async fn nulls_vanish_from_built_in_objects() {
    let server = Server::new();
    let map =
        json!({"metadata": {"name": "n", "creationTimestamp": null, "labels": null}, "data": null});
    let created = server.post(MAPS, map).await.json();
    assert!(created.get("data").is_none() && created["metadata"].get("labels").is_none());
    let generated = server
        .post(MAPS, json!({"metadata": {"generateName": "gen-"}}))
        .await
        .json();
    assert!(
        generated["metadata"]["name"]
            .as_str()
            .unwrap()
            .starts_with("gen-")
    );
}

#[tokio::test]
async fn controllers_and_clients_meet_in_one_store() {
    let server = Server::new();
    server.post(DEPLOYMENTS, deployment("web", 1)).await;
    let key = Key::new(&rows::DEPLOYMENTS, "shop", "web");
    let seen = |old: &Value| {
        let mut new = old.clone();
        new["status"] = json!({"observedGeneration": old["metadata"]["generation"]});
        Ok::<_, apiserver::store::Error>(new)
    };
    server.store.modify(&key, Part::Status, seen).unwrap();
    assert_eq!(
        server.get(&format!("{DEPLOYMENTS}/web")).await.json()["status"]["observedGeneration"],
        1
    );
}

#[tokio::test]
async fn a_cluster_keeps_the_namespaces_it_needs() {
    let server = Server::new();
    server
        .post(
            "/api/v1/namespaces",
            json!({"metadata": {"name": "default"}}),
        )
        .await;
    let answer = server.delete("/api/v1/namespaces/default").await;
    assert_eq!(answer.code, StatusCode::FORBIDDEN);
    assert_eq!(
        answer.message(),
        "namespaces \"default\" is forbidden: this namespace may not be deleted"
    );
}
