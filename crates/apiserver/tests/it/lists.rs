//! Lists: their pages, their versions, and the forms a client can ask for.

use std::sync::Arc;

use apiserver::admission::AdmitAll;
use apiserver::store::RingLimits;
use axum::body::Body;
use http::StatusCode;
use http::header::ACCEPT;
use serde_json::{Value, json};

use super::support::{Answer, Server, config_map, request};

const MAPS: &str = "/api/v1/namespaces/shop/configmaps";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

fn names(answer: &Answer) -> Vec<String> {
    let list = answer.json();
    let items = list["items"].as_array().unwrap_or_else(|| panic!("{list}"));
    let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
    items.iter().map(name).collect()
}

fn token(answer: &Answer) -> String {
    answer.json()["metadata"]["continue"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn filled(names: &[&str], limits: RingLimits) -> Server {
    let server = Server::with(Arc::new(AdmitAll), limits);
    for name in names {
        server.post(MAPS, config_map(name)).await;
    }
    server
}

async fn accepting(server: &Server, accept: &str, path: &str) -> Answer {
    server
        .send(request("GET", path).header(ACCEPT, accept), Body::empty())
        .await
}

#[tokio::test]
async fn pages_are_of_the_version_of_the_first() {
    let server = filled(&["a", "b", "c", "d"], RingLimits::default()).await;
    let first = server.get(&format!("{MAPS}?limit=2")).await;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first.json()["metadata"]["remainingItemCount"], 2);
    server.delete(&format!("{MAPS}/c")).await;
    server.post(MAPS, config_map("cc")).await;
    server
        .merge(&format!("{MAPS}/d"), json!({"data": {"a": "2"}}))
        .await;
    let rest = server
        .get(&format!("{MAPS}?limit=2&continue={}", token(&first)))
        .await;
    assert_eq!(names(&rest), ["c", "d"]);
    let (first, rest) = (first.json(), rest.json());
    assert_eq!(rest["items"][1]["data"]["a"], "1");
    assert_eq!(
        rest["metadata"],
        json!({"resourceVersion": first["metadata"]["resourceVersion"]})
    );
}

#[tokio::test]
async fn a_page_of_a_forgotten_version_names_a_token_that_goes_on() {
    let limits = RingLimits {
        events: 4,
        ..RingLimits::default()
    };
    let server = filled(&["a", "b", "c"], limits).await;
    let first = server.get(&format!("{MAPS}?limit=1")).await;
    for number in 0..5 {
        server
            .merge(
                &format!("{MAPS}/b"),
                json!({"data": {"a": number.to_string()}}),
            )
            .await;
    }
    let gone = server
        .get(&format!("{MAPS}?continue={}", token(&first)))
        .await;
    assert_eq!(gone.code, StatusCode::GONE);
    assert_eq!(gone.json()["reason"], "Expired");
    assert!(
        gone.message()
            .starts_with("The provided continue parameter is too old")
    );
    let rest = server
        .get(&format!("{MAPS}?continue={}", token(&gone)))
        .await;
    assert_eq!(names(&rest), ["b", "c"]);
    assert_eq!(rest.json()["items"][0]["data"]["a"], "4");
}

#[tokio::test]
async fn a_version_is_meant_exactly_or_at_least() {
    let server = filled(&["a"], RingLimits::default()).await;
    let version = server.store.resource_version();
    server.post(MAPS, config_map("b")).await;
    let before = version - 100;
    for (query, expected) in [
        (
            format!("resourceVersion={version}&resourceVersionMatch=Exact"),
            vec!["a"],
        ),
        (format!("resourceVersion={version}&limit=5"), vec!["a"]),
        (format!("resourceVersion={version}"), vec!["a", "b"]),
        (
            format!("resourceVersion={version}&resourceVersionMatch=NotOlderThan&limit=1"),
            vec!["a"],
        ),
        ("resourceVersion=0&limit=1".to_owned(), vec!["a", "b"]),
        (format!("resourceVersion={before}"), vec!["a", "b"]),
    ] {
        assert_eq!(
            names(&server.get(&format!("{MAPS}?{query}")).await),
            expected,
            "{query}"
        );
    }
    let gone = format!("{MAPS}?resourceVersion={before}&resourceVersionMatch=Exact");
    let gone = server.get(&gone).await;
    assert_eq!(gone.code, StatusCode::GONE);
    assert_eq!(
        gone.message(),
        "The resourceVersion for the provided list is too old."
    );
    let next = server.store.resource_version() + 1;
    let future = format!("{MAPS}?resourceVersion={next}&resourceVersionMatch=Exact");
    assert_eq!(server.get(&future).await.code, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn a_table_has_the_pages_of_its_list() {
    let server = filled(&["a", "b"], RingLimits::default()).await;
    let first = accepting(&server, TABLE, &format!("{MAPS}?limit=1")).await;
    let table = first.json();
    assert_eq!(first.headers["content-type"], "application/json");
    assert_eq!(table["rows"][0]["cells"], json!(["a", 1, "0s"]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(table["metadata"]["remainingItemCount"], 1);
    let next = format!("{MAPS}?limit=1&continue={}", token(&first));
    let next = accepting(&server, TABLE, &next).await.json();
    assert_eq!(next["rows"][0]["cells"][0], "b");
    assert_eq!(next["metadata"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn one_object_and_the_answer_without_tables() {
    let server = filled(&["a"], RingLimits::default()).await;
    let path = format!("{MAPS}/a");
    let table = accepting(&server, TABLE, &format!("{path}?includeObject=Object"))
        .await
        .json();
    let whole = server.get(&path).await.json();
    assert_eq!(table["rows"][0]["object"], whole);
    assert_eq!(
        table["metadata"]["resourceVersion"],
        whole["metadata"]["resourceVersion"]
    );
    assert_eq!(accepting(&server, "*/*", &path).await.json(), whole);
    let refused = accepting(&server, "text/html", &path).await;
    assert_eq!(
        (refused.code, refused.json()["reason"].as_str()),
        (StatusCode::NOT_ACCEPTABLE, Some("NotAcceptable"))
    );
}

#[tokio::test]
async fn bare_metadata_of_a_list() {
    let server = filled(&["a"], RingLimits::default()).await;
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = accepting(&server, accept, MAPS).await.json();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
    assert_eq!(list["items"][0]["metadata"]["name"], "a");
    assert!(list["items"][0].get("data").is_none());
}
