//! Rights and identity: who is asking, what they may, and what is refused.

use serde_json::{Value, json};

use crate::support::{Answer, Server, config_map, request};

const ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const MAPS: &str = "/api/v1/namespaces/shop/configmaps";

/// A server where `robot` of `shop` may read ConfigMaps.
async fn server() -> Server {
    let server = Server::new();
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop";
    let role = json!({
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}],
    });
    let binding = json!({
        "metadata": {"name": "robots"}, "roleRef": {"kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}],
    });
    assert_eq!(server.post(&format!("{rbac}/roles"), role).await.code, 201);
    assert_eq!(
        server
            .post(&format!("{rbac}/rolebindings"), binding)
            .await
            .code,
        201
    );
    server
}

async fn as_robot(server: &Server, method: &str, path: &str, body: Value) -> Answer {
    let request = request(method, path)
        .header("content-type", "application/json")
        .header("impersonate-user", "system:serviceaccount:shop:robot");
    server.send(request, body.to_string()).await
}

#[tokio::test]
async fn every_request_of_an_impersonated_user_is_checked_against_the_roles() {
    let server = server().await;
    assert_eq!(as_robot(&server, "GET", MAPS, Value::Null).await.code, 200);
    for (method, path) in [
        ("POST", MAPS),
        ("GET", "/api/v1/namespaces/default/configmaps"),
        ("GET", "/api/v1/configmaps"),
        ("GET", "/api/v1/namespaces/shop/configmaps?watch=true"),
        ("DELETE", "/api/v1/namespaces/shop/configmaps/a"),
        ("GET", "/apis"),
    ] {
        let answer = as_robot(&server, method, path, config_map("a")).await;
        assert_eq!(answer.code, 403, "{method} {path}");
        assert_eq!(answer.json()["reason"], "Forbidden");
    }
    assert_eq!(server.get(MAPS).await.json()["items"], json!([]));
}

#[tokio::test]
async fn questions_are_answered_and_never_stored() {
    let server = server().await;
    let before = server.store.resource_version();
    let ask = |verb: &str| json!({"spec": {"resourceAttributes": {"verb": verb, "resource": "configmaps", "namespace": "shop"}}});
    let mut about = ask("get");
    about["spec"]["user"] = json!("system:serviceaccount:shop:robot");
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let answer = server.post(path, about.clone()).await;
    assert_eq!(answer.code, 201, "{}", answer.text);
    assert_eq!(
        answer.json()["status"],
        json!({"allowed": true, "reason": "RBAC: allowed by RoleBinding \"robots/shop\" of Role \"reader\" to ServiceAccount \"robot/shop\""})
    );
    about["spec"]["resourceAttributes"]["verb"] = json!("delete");
    assert_eq!(
        server.post(path, about).await.json()["status"],
        json!({"allowed": false})
    );
    assert_eq!(
        server.post(ACCESS, ask("delete")).await.json()["status"]["allowed"],
        true
    );
    assert_eq!(server.store.resource_version(), before);
    assert_eq!(server.get(ACCESS).await.code, 405);
}

#[tokio::test]
async fn the_administrator_is_told_who_they_are() {
    let answer = Server::new()
        .post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            json!({}),
        )
        .await;
    assert_eq!(
        answer.json()["status"]["userInfo"],
        json!({"username": "admin", "uid": "admin", "groups": ["system:masters", "system:authenticated"]})
    );
}
