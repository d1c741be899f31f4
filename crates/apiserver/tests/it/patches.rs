//! Patches whose result must be sound as a whole.

use http::StatusCode;
use serde_json::json;

use crate::support::{Server, deployment};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

#[tokio::test]
async fn a_strategy_changes_its_type_only_without_the_fields_of_the_other() {
    let server = Server::new();
    let object = deployment("a", 1);
    let path = format!("{DEPLOYMENTS}/a");
    let created = server.post(DEPLOYMENTS, object).await.json();
    assert_eq!(created["spec"]["strategy"]["type"], "RollingUpdate");

    let bare = json!({"spec": {"strategy": {"type": "Recreate"}}});
    let refused = server.send_json("PATCH", &path, STRATEGIC, bare).await;
    assert_eq!(refused.code, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        refused.message(),
        "Deployment.apps \"a\" is invalid: spec.strategy.rollingUpdate: Forbidden: \
         may not be specified when strategy `type` is 'Recreate'"
    );

    let retaining = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    let changed = server.send_json("PATCH", &path, STRATEGIC, retaining).await;
    assert_eq!(changed.code, StatusCode::OK);
    assert_eq!(
        changed.json()["spec"]["strategy"],
        json!({"type": "Recreate"})
    );
}
