//! What defines the kinds of custom resources is there to be read.

use apimachinery::schema::crd;
use apiserver::resource::rows;
use http::StatusCode;
use serde_json::json;

use crate::support::{Answer, Server};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A server with one definition, and the path of it.
fn server() -> (Server, String) {
    let server = Server::new();
    let gateways = crd::definition(&rows::GATEWAYS).unwrap();
    let gateways = gateways.established("2026-11-21T06:11:24Z");
    let store = &server.store;
    let rows = &rows::CUSTOM_RESOURCE_DEFINITIONS;
    store.create(rows, "", gateways).unwrap();
    let path = format!("{DEFINITIONS}/{}", rows::GATEWAYS.qualified());
    (server, path)
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.code, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        answer.message(),
        "the server does not allow this method on the requested resource"
    );
}

#[tokio::test]
async fn a_definition_is_read_like_any_object() {
    let (server, path) = server();
    let read = server.get(&path).await.json();
    assert_eq!(read["spec"]["names"]["kind"], "Gateway");
    assert_eq!(server.get(&format!("{path}/status")).await.json(), read);
    let list = server.get(DEFINITIONS).await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn no_definition_is_written_or_deleted() {
    let (server, path) = server();
    let before = server.get(&path).await.json();
    let change = json!({"spec": {"names": {"shortNames": ["gate"]}}});
    assert_refused(&server.post(DEFINITIONS, before.clone()).await);
    for path in [&path, &format!("{path}/status")] {
        assert_refused(&server.put(path, before.clone()).await);
        assert_refused(&server.merge(path, change.clone()).await);
        assert_refused(&server.delete(path).await);
    }
    assert_refused(&server.delete(DEFINITIONS).await);
    assert_eq!(server.get(&path).await.json(), before);
}
