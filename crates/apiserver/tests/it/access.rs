//! Who gets in, and what those who do not learn.

use axum::body::Body;
use http::{Request, StatusCode};

use crate::support::{SECRET, Server, request};

#[tokio::test]
async fn without_the_secret_there_is_nothing_to_see() {
    let server = Server::new();
    for path in [
        "/",
        "/ctx1/api",
        "/wrong/ctx1/api",
        "/a-secret-path-segmenT/ctx1/api",
        "/version",
        "/healthz",
    ] {
        let answer = server
            .send(Request::builder().uri(path), Body::empty())
            .await;
        assert_eq!(
            (answer.code, answer.text.as_str()),
            (StatusCode::NOT_FOUND, "404 page not found\n"),
            "{path}"
        );
    }
    let unknown = server
        .send(
            Request::builder().uri(format!("/{SECRET}/ctx9/api")),
            Body::empty(),
        )
        .await;
    assert_eq!(
        (unknown.code, unknown.text.as_str()),
        (StatusCode::NOT_FOUND, "404 page not found\n")
    );
    assert_eq!(server.get("/version").await.code, StatusCode::OK);
}

#[tokio::test]
async fn another_host_or_origin_is_refused_even_with_the_secret() {
    let server = Server::new();
    for (header, value) in [
        ("host", "rebound.example"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
    ] {
        let answer = server
            .send(request("GET", "/api").header(header, value), Body::empty())
            .await;
        assert_eq!(answer.code, StatusCode::FORBIDDEN, "{value}");
        assert_eq!(answer.json()["reason"], "Forbidden");
    }
}

#[tokio::test]
async fn no_answer_invites_other_origins() {
    let server = Server::new();
    let preflight = request("OPTIONS", "/api/v1/namespaces")
        .header("origin", "http://evil.example")
        .header("access-control-request-method", "DELETE");
    let answer = server.send(preflight, Body::empty()).await;
    assert_eq!(answer.code, StatusCode::FORBIDDEN);
    let plain = server.get("/api/v1/namespaces").await;
    for headers in [&answer.headers, &plain.headers] {
        assert!(
            headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control"))
        );
    }
}
