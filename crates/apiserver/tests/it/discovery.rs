//! What clients learn before they ask for objects, against the documents of a real server.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Answer, Server, request};

const ROWS: &str = include_str!("../data/discovery.json");
const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const V2_BETA: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// What the real server has and this one has not, status and scale with their kind; whatever else
/// is missing is a fault.
const NOT_SERVED: &[&str] = &[
    // Groups without a kind of the course.
    "admissionregistration.k8s.io",
    "apiregistration.k8s.io",
    "batch",
    "certificates.k8s.io",
    "extensions.istio.io",
    "flowcontrol.apiserver.k8s.io",
    "node.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    // Kinds the course does not use.
    "apps/v1/daemonsets",
    "apps/v1/statefulsets",
    "authentication.k8s.io/v1/tokenreviews",
    "v1/componentstatuses",
    "v1/podtemplates",
    "v1/replicationcontrollers",
    // A server of processes has no proxies, no debugging containers and no resizing in place.
    "v1/nodes/proxy",
    "v1/pods/ephemeralcontainers",
    "v1/pods/proxy",
    "v1/pods/resize",
    "v1/services/proxy",
];

/// What both have and this server describes in another way.
const OTHERWISE: &[&str] = &[
    // The kinds are fixed, so what defines them is only read.
    "apiextensions.k8s.io/v1/customresourcedefinitions",
    "apiextensions.k8s.io/v1/customresourcedefinitions/status",
    // Volumes are made and reclaimed with their claims.
    "v1/persistentvolumes",
    "v1/persistentvolumes/status",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    form: String,
    path: String,
    #[serde(default)]
    accept: String,
    content_type: String,
    #[serde(default)]
    cache_control: Option<String>,
    body: Value,
}

fn rows(form: &str) -> Vec<Row> {
    let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
    let rows: Vec<_> = rows.into_iter().filter(|row| row.form == form).collect();
    assert!(!rows.is_empty(), "{form}");
    rows
}

async fn get(server: &Server, path: &str, accept: &str) -> Answer {
    let request = request("GET", path).header("accept", accept);
    server.send(request, Body::empty()).await
}

/// Entries by name: `apps/v1/deployments`, `apps/v1/deployments/scale`; order apart.
fn aggregated(document: &Value) -> BTreeMap<String, Value> {
    let mut entries = BTreeMap::new();
    for group in document["items"].as_array().unwrap() {
        let name = group["metadata"]["name"].as_str().unwrap_or_default();
        for version in group["versions"].as_array().unwrap() {
            assert_eq!(version["freshness"], "Current");
            let version_name = version["version"].as_str().unwrap();
            for resource in version["resources"].as_array().unwrap() {
                let plural = resource["resource"].as_str().unwrap();
                let key = format!("{name}/{version_name}/{plural}");
                let mut resource = resource.clone();
                let parts = resource.as_object_mut().unwrap().remove("subresources");
                for part in parts.iter().flat_map(|it| it.as_array().unwrap()) {
                    let part_name = part["subresource"].as_str().unwrap();
                    entries.insert(format!("{key}/{part_name}"), part.clone());
                }
                entries.insert(key, resource);
            }
        }
    }
    entries
}

fn legacy(document: &Value) -> BTreeMap<String, Value> {
    let version = document["groupVersion"].as_str().unwrap_or_default();
    let resources = document["resources"].as_array();
    let groups = document["groups"].as_array();
    let entries = resources.into_iter().chain(groups).flatten();
    entries
        .map(|entry| {
            (
                format!("{version}/{}", entry["name"].as_str().unwrap()),
                entry.clone(),
            )
        })
        .collect()
}

/// Names of what only the real server has; everything that both have must be the same, but for
/// what is listed.
fn missing(real: BTreeMap<String, Value>, ours: &BTreeMap<String, Value>) -> Vec<String> {
    let mut missing = Vec::new();
    for (name, entry) in real {
        match ours.get(&name) {
            Some(found) if OTHERWISE.contains(&&*name) => assert_ne!(*found, entry, "{name}"),
            Some(found) => assert_eq!(*found, entry, "{name}"),
            None => missing.push(name.trim_start_matches('/').to_owned()),
        }
    }
    missing
}

#[tokio::test]
async fn the_documents_are_those_of_a_real_server() {
    let server = Server::new();
    let mut not_served = Vec::new();
    for row in rows("aggregated") {
        let answer = get(&server, &row.path, &row.accept).await;
        assert_eq!(answer.headers["content-type"], *row.content_type);
        assert_eq!(answer.headers["cache-control"], *row.cache_control.unwrap());
        assert_eq!(answer.headers["vary"], "Accept");
        not_served.extend(missing(aggregated(&row.body), &aggregated(&answer.json())));
    }
    for row in rows("legacy") {
        let answer = get(&server, &row.path, "application/json").await;
        assert_eq!(answer.headers["content-type"], *row.content_type);
        not_served.extend(missing(legacy(&row.body), &legacy(&answer.json())));
    }
    let whole = |name: &String| {
        !["/status", "/scale"]
            .iter()
            .any(|part| name.ends_with(part))
    };
    let not_served: BTreeSet<_> = not_served.into_iter().filter(whole).collect();
    let expected = NOT_SERVED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(not_served, expected);
}

#[tokio::test]
async fn groups_and_versions_come_in_the_order_of_a_real_server() {
    let server = Server::new();
    let groups = rows("legacy").into_iter().find(|row| row.path == "/apis");
    let names = |document: &Value| -> Vec<Value> {
        let groups = document["groups"].as_array().unwrap().iter();
        groups.map(|group| group["name"].clone()).collect()
    };
    let mut ours = names(&server.get("/apis").await.json());
    // A real one has these of a server beside it, which the golden one did not run.
    ours.retain(|name| name != "metrics.k8s.io");
    let mut real = names(&groups.unwrap().body);
    real.retain(|name| ours.contains(name));
    assert!(real.len() > 12);
    assert_eq!(ours, real);
}

#[tokio::test]
async fn a_client_gets_the_form_that_it_names_first() {
    let server = Server::new();
    for (accept, answer_type, kind) in [
        (V2, V2, "APIGroupDiscoveryList"),
        (V2_BETA, V2_BETA, "APIGroupDiscoveryList"),
        (
            &format!("{V2_BETA},{V2},application/json"),
            V2_BETA,
            "APIGroupDiscoveryList",
        ),
        ("application/json", "application/json", "APIGroupList"),
        ("application/json, */*", "application/json", "APIGroupList"),
        (
            "text/html, application/json;as=Table;v=v1;g=meta.k8s.io, */*",
            "application/json",
            "APIGroupList",
        ),
    ] {
        let answer = get(&server, "/apis", accept).await;
        assert_eq!(answer.headers["content-type"], *answer_type, "{accept}");
        assert_eq!(answer.json()["kind"], kind, "{accept}");
    }
    let without = server.get("/apis").await;
    assert_eq!(without.json()["kind"], "APIGroupList");
    let old = get(&server, "/api", V2_BETA).await.json();
    assert_eq!(old["apiVersion"], "apidiscovery.k8s.io/v2beta1");
}

#[tokio::test]
async fn who_has_a_document_already_is_not_sent_it_again() {
    let server = Server::new();
    let index = server.get("/openapi/v3").await.json();
    let address = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str();
    for path in ["/apis", address.unwrap()] {
        let first = get(&server, path, V2).await;
        let again = request("GET", path).header("accept", V2);
        let again = again.header("if-none-match", first.headers["etag"].clone());
        let again = server.send(again, Body::empty()).await;
        assert_eq!(again.code, StatusCode::NOT_MODIFIED);
        assert_eq!(again.text, "");
    }
}

#[tokio::test]
async fn the_server_is_well_and_says_which_kubernetes_it_is() {
    let server = Server::new();
    for check in ["healthz", "livez", "readyz"] {
        assert_eq!(server.get(&format!("/{check}")).await.text, "ok");
        let verbose = server.get(&format!("/{check}?verbose")).await.text;
        assert!(
            verbose.ends_with(&format!("{check} check passed\n")),
            "{verbose}"
        );
    }
    let version = server.get("/version").await.json();
    assert_eq!(
        (&version["major"], &version["minor"]),
        (&json!("1"), &json!("35"))
    );
    assert_eq!(version["gitVersion"], "v1.35.4");
}

#[tokio::test]
async fn a_description_is_kept_for_ever_by_who_names_its_hash() {
    let server = Server::new();
    let index = server.get("/openapi/v3").await.json();
    let paths = index["paths"].as_object().unwrap();
    assert!(paths.contains_key("api/v1") && paths.contains_key("apis/networking.istio.io/v1"));
    for entry in paths.values() {
        let answer = server
            .get(entry["serverRelativeURL"].as_str().unwrap())
            .await;
        assert_eq!(answer.headers["cache-control"], "public, immutable");
        assert_eq!(answer.json()["openapi"], "3.0.0");
    }
    let plain = server.get("/openapi/v3/apis/apps/v1").await;
    assert_eq!(plain.headers["cache-control"], "no-cache, private");
}

#[tokio::test]
async fn the_older_description_says_nothing() {
    let server = Server::new();
    let protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    let answer = get(&server, "/openapi/v2", protobuf).await;
    assert_eq!(answer.code, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], protobuf);
    assert_eq!(answer.text, "");
    assert_eq!(server.get("/openapi/v2").await.json()["swagger"], "2.0");
}

#[tokio::test]
async fn documents_can_only_be_read() {
    for path in ["/version", "/openapi/v3", "/apis"] {
        let answer = Server::new().post(path, json!({})).await;
        assert_eq!(answer.code, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}
