//! Pods get their node by what a scheduler says of them.

use serde_json::{Value, json};

use crate::support::{Server, deployment};

const PODS: &str = "/api/v1/namespaces/shop/pods";
const BINDINGS: &str = "/api/v1/namespaces/shop/bindings";

fn binding(node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Binding",
        "metadata": {"name": "p", "annotations": {"who": "me"}},
        "target": {"kind": "Node", "name": node},
    })
}

async fn with_pod() -> Server {
    let server = Server::new();
    let mut pod = deployment("p", 0)["spec"]["template"].take();
    pod["metadata"]["name"] = json!("p");
    assert_eq!(server.post(PODS, pod).await.code, 201);
    server
}

#[tokio::test]
async fn a_pod_is_bound_once_whichever_path_it_is_told_by() {
    for path in [format!("{PODS}/p/binding"), BINDINGS.to_owned()] {
        let server = with_pod().await;
        let bound = server.post(&path, binding("n1")).await;
        assert_eq!(
            (bound.code.as_u16(), &bound.json()["status"]),
            (201, &json!("Success"))
        );
        let pod = server.get(&format!("{PODS}/p")).await.json();
        assert_eq!(pod["spec"]["nodeName"], "n1");
        assert_eq!(pod["metadata"]["annotations"], json!({"who": "me"}));

        let again = server.post(&path, binding("n2")).await;
        assert_eq!(again.code, 409);
        let expected = "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"n1\"";
        assert_eq!(again.message(), expected);
    }
}

#[tokio::test]
async fn a_binding_without_a_node_or_for_another_pod_binds_nothing() {
    let server = with_pod().await;
    let mut another = binding("n1");
    another["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    let mut of_a_pod = binding("n1");
    of_a_pod["target"]["kind"] = json!("Pod");
    for (binding, code) in [(binding(""), 500), (of_a_pod, 500), (another, 409)] {
        let refused = server.post(BINDINGS, binding.clone()).await;
        assert_eq!(refused.code.as_u16(), code, "{binding}: {}", refused.text);
    }
    let elsewhere = server
        .post(&format!("{PODS}/q/binding"), binding("n1"))
        .await;
    let message = "name in URL does not match name in Binding object";
    assert_eq!(
        (elsewhere.code.as_u16(), elsewhere.message().as_str()),
        (400, message)
    );
    let pod = server.get(&format!("{PODS}/p")).await.json();
    assert_eq!(pod["spec"].get("nodeName"), None);
}

#[tokio::test]
async fn a_binding_is_never_stored_and_can_be_tried() {
    let server = with_pod().await;
    let tried = server
        .post(&format!("{BINDINGS}?dryRun=All"), binding("n1"))
        .await;
    assert_eq!(tried.code, 201);
    let pod = server.get(&format!("{PODS}/p")).await.json();
    assert_eq!(pod["spec"].get("nodeName"), None);
    assert_eq!(server.get(BINDINGS).await.code, 405);
}
