//! The caller's say: defaults before the review, warnings with the answer, refusals instead of it.

use std::sync::Arc;

use apiserver::admission::{Admission, Operation, Review};
use apiserver::object;
use apiserver::resource::{Resource, rows};
use apiserver::status::Status;
use apiserver::store::{Key, RingLimits};
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, config_map, deployment};

/// Defaults a strategy, refuses more than three replicas, warns of old versions and of deletes.
struct Strict;

impl Admission for Strict {
    fn default_object(&self, resource: &'static Resource, object: &mut Value, old: Option<&Value>) {
        if *resource == rows::DEPLOYMENTS {
            let kept = old.map(|old| old["spec"]["strategy"].clone());
            let spec = object::member_mut(object, "spec");
            spec.entry("strategy")
                .or_insert(kept.unwrap_or(json!({"type": "RollingUpdate"})));
        }
        if *resource == rows::PODS && old.is_none() {
            object::member_mut(object, "status").insert("phase".into(), "Pending".into());
        }
    }

    fn admit(&self, review: &Review<'_>) -> Result<Vec<String>, Status> {
        if let Some(object) = review
            .object
            .filter(|_| *review.resource == rows::DEPLOYMENTS)
        {
            assert!(
                !object["spec"]["strategy"].is_null(),
                "defaults come before the review"
            );
            if object::replicas(object) > 3 {
                return Err(Status::denied("limits.example.com", "at most 3 replicas"));
            }
        }
        Ok(match review.operation {
            Operation::Delete => vec![format!("{} is deleted", review.name)],
            _ if review.version != review.resource.preferred_version() => {
                vec![r#"say "v1""#.into()]
            }
            _ => Vec::new(),
        })
    }
}

fn server() -> Server {
    Server::with(Arc::new(Strict), RingLimits::default())
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";

#[tokio::test]
async fn defaults_are_stored_and_client_status_is_not() {
    let server = server();
    let answer = server.post(DEPLOYMENTS, deployment("web", 1)).await;
    assert_eq!(answer.json()["spec"]["strategy"]["type"], "RollingUpdate");
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "none:1"}]}, "status": {"phase": "Running", "podIP": "1.2.3.4"}});
    let answer = server.post("/api/v1/namespaces/shop/pods", pod).await;
    assert_eq!(answer.json()["status"], json!({"phase": "Pending"}));
}

#[tokio::test]
async fn a_refusal_stores_nothing_whichever_way_the_write_came() {
    let server = server();
    let refused = server.post(DEPLOYMENTS, deployment("web", 9)).await;
    assert_eq!(refused.code, StatusCode::BAD_REQUEST);
    assert_eq!(
        refused.message(),
        "admission webhook \"limits.example.com\" denied the request: at most 3 replicas"
    );
    assert!(refused.json().get("reason").is_none());
    server.post(DEPLOYMENTS, deployment("web", 1)).await;
    let path = format!("{DEPLOYMENTS}/web");
    let nine = json!({"spec": {"replicas": 9}});
    assert_eq!(
        server.put(&path, deployment("web", 9)).await.code,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        server.merge(&path, nine.clone()).await.code,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        server.merge(&format!("{path}/scale"), nine).await.code,
        StatusCode::BAD_REQUEST
    );
    let stored = server
        .store
        .get(&Key::new(&rows::DEPLOYMENTS, "shop", "web"))
        .unwrap();
    assert_eq!(object::replicas(&stored), 1);
}

#[tokio::test]
async fn warnings_come_with_the_answer() {
    let server = server();
    let path = "/apis/networking.istio.io/v1beta1/namespaces/shop/gateways";
    let gateway = json!({"apiVersion": "networking.istio.io/v1beta1", "kind": "Gateway", "metadata": {"name": "g"}});
    let answer = server.post(path, gateway).await;
    assert_eq!(answer.code, StatusCode::CREATED);
    assert_eq!(answer.warnings(), [r#"299 - "say \"v1\"""#]);
    assert_eq!(
        server.delete(&format!("{path}/g")).await.warnings(),
        [r#"299 - "g is deleted""#]
    );
    assert!(
        server
            .post("/api/v1/namespaces/shop/configmaps", config_map("a"))
            .await
            .warnings()
            .is_empty()
    );
}

#[tokio::test]
async fn every_answer_about_a_kind_of_the_past_warns_of_it() {
    let server = Server::new();
    let all = "/api/v1/namespaces/shop/endpoints";
    let endpoints = json!({"metadata": {"name": "e"}});
    let warning =
        "299 - \"v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\"";
    for answer in [
        server.post(all, endpoints.clone()).await,
        server.get(all).await,
        server.get(&format!("{all}/missing")).await,
        server.put(&format!("{all}/e"), endpoints).await,
        server.delete(&format!("{all}/e")).await,
    ] {
        assert_eq!(answer.warnings(), [warning], "{}", answer.text);
    }
    let slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";
    assert!(server.get(slices).await.warnings().is_empty());
}
