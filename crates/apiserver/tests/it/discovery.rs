//! What clients learn before they ask for objects.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::Server;

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let entries = list["resources"].as_array().unwrap();
    entries
        .iter()
        .find(|entry| entry["name"] == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

#[tokio::test]
async fn the_server_is_well_and_says_which_kubernetes_it_is() {
    let server = Server::new();
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(server.get(path).await.text, "ok");
    }
    let version = server.get("/version").await.json();
    assert_eq!(
        (&version["major"], &version["minor"]),
        (&json!("1"), &json!("35"))
    );
    assert!(
        version["gitVersion"]
            .as_str()
            .unwrap()
            .starts_with("v1.35.")
    );
}

#[tokio::test]
async fn groups_are_listed_with_their_preferred_version() {
    let server = Server::new();
    let core = server.get("/api").await.json();
    assert_eq!(
        (&core["kind"], &core["versions"]),
        (&json!("APIVersions"), &json!(["v1"]))
    );
    let istio = json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": "networking.istio.io",
        "versions": [
            {"groupVersion": "networking.istio.io/v1", "version": "v1"},
            {"groupVersion": "networking.istio.io/v1beta1", "version": "v1beta1"},
            {"groupVersion": "networking.istio.io/v1alpha3", "version": "v1alpha3"},
        ],
        "preferredVersion": {"groupVersion": "networking.istio.io/v1", "version": "v1"},
    });
    assert_eq!(server.get("/apis/networking.istio.io").await.json(), istio);
    let groups = server.get("/apis").await.json();
    let names: Vec<_> = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| &group["name"])
        .collect();
    assert_eq!(names[0], "apps");
    assert!(names.contains(&&json!("telemetry.istio.io")));
}

#[tokio::test]
async fn resources_are_described_as_by_a_real_server() {
    let server = Server::new();
    let apps = server.get("/apis/apps/v1").await.json();
    assert_eq!(
        (&apps["kind"], &apps["groupVersion"]),
        (&json!("APIResourceList"), &json!("apps/v1"))
    );
    let verbs = [
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ];
    assert_eq!(
        *named(&apps, "deployments"),
        json!({
            "name": "deployments", "singularName": "deployment", "namespaced": true, "kind": "Deployment",
            "verbs": verbs, "shortNames": ["deploy"], "categories": ["all"],
        })
    );
    assert_eq!(
        *named(&apps, "deployments/scale"),
        json!({
            "name": "deployments/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
            "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"],
        })
    );
    let core = server.get("/api/v1").await.json();
    assert!(
        !named(&core, "namespaces")["verbs"]
            .as_array()
            .unwrap()
            .contains(&json!("deletecollection"))
    );
    assert_eq!(named(&core, "nodes")["namespaced"], false);
    let older = server.get("/apis/networking.istio.io/v1beta1").await.json();
    assert_eq!(
        named(&older, "virtualservices")["shortNames"],
        json!(["vs"])
    );
    assert!(
        older["resources"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["name"] != "envoyfilters")
    );
}

#[tokio::test]
async fn documents_can_only_be_read() {
    let answer = Server::new().post("/version", json!({})).await;
    assert_eq!(answer.code, StatusCode::METHOD_NOT_ALLOWED);
}
