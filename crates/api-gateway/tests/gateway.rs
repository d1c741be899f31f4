//! The whole gateway over real sockets: what it signs, what it relays, what it tells.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

mod support;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{any, get};
use serde_json::{Value, json};
use support::{Gateway, body, serve};

/// A pod of the user service in ctx2.
fn signed() -> Router {
    let headers = [
        ("x-service-cluster", "ctx2"),
        ("x-pod-name", "user-service-ctx2-a"),
        ("x-service-name", "user-service"),
    ];
    Router::new().fallback(any(async move || (headers, "[]")))
}

#[tokio::test]
async fn it_is_ready_without_redis_and_without_clusters() {
    let gateway = Gateway::start(&[]).await;
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/",
        "/ui/main.js",
        "/favicon.ico",
    ] {
        let response = gateway.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(
            response.headers()["x-service-name"],
            "api-gateway",
            "{path}"
        );
        assert_eq!(response.headers()["x-pod-name"], "gateway-1", "{path}");
    }
    let topology = gateway
        .until("/topology", |it| {
            it["clusters"]["ctx1"]["reason"] == "no kubeconfig"
        })
        .await;
    assert_eq!(topology["clusters"]["ctx1"]["state"], "unknown");
}

#[tokio::test]
async fn relayed_answers_keep_their_signature_and_get_none_of_the_gateways() {
    let user = serve(signed()).await;
    let unsigned = Router::new().fallback(any(async || {
        (StatusCode::SERVICE_UNAVAILABLE, [("server", "envoy")], "")
    }));
    let movie = serve(unsigned).await;
    let gateway =
        Gateway::start(&[("USER_SERVICE_URL", &user), ("MOVIE_SERVICE_URL", &movie)]).await;
    let answered = gateway.get("/users").await;
    assert_eq!(answered.headers()["x-service-cluster"], "ctx2");
    assert_eq!(answered.headers()["x-service-name"], "user-service");
    let refused = gateway.get("/movies/7").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    for name in [
        "x-service-cluster",
        "x-pod-name",
        "x-service-name",
        "x-content-type-options",
    ] {
        assert!(!refused.headers().contains_key(name), "{name}");
    }
    let history = gateway.json("/traffic-history").await;
    assert_eq!(history["userServiceHistory"], json!(["ctx2"]));
    assert_eq!(history["movieServiceHistory"], json!([null]));
    assert_eq!(
        history["shares"]["user"],
        json!({"ctx1": 0, "ctx2": 1, "n": 1})
    );
}

#[tokio::test]
async fn every_path_of_a_service_leads_there_and_no_other() {
    let echo = |name: &'static str| {
        Router::new().fallback(any(async move |request: Request<Body>| {
            format!("{name} {}", request.uri())
        }))
    };
    let urls = (
        serve(echo("u")).await,
        serve(echo("m")).await,
        serve(echo("b")).await,
    );
    let gateway = Gateway::start(&[
        ("USER_SERVICE_URL", &urls.0),
        ("MOVIE_SERVICE_URL", &urls.1),
        ("BOOKING_SERVICE_URL", &urls.2),
    ])
    .await;
    let rows = [
        ("/users", Some("u /users")),
        ("/users/", Some("u /users/")),
        ("/movies/1", Some("m /movies/1")),
        (
            "/bookings/user/1?limit=2",
            Some("b /bookings/user/1?limit=2"),
        ),
        ("/usersx", None),
        ("/ui/../users", None),
    ];
    for (path, expected) in rows {
        let response = gateway.get(path).await;
        let found = response.status() == StatusCode::OK;
        let text = String::from_utf8(body(response).await.to_vec()).unwrap();
        assert_eq!(found.then_some(&*text), expected, "{path}");
    }
}

#[tokio::test]
async fn a_large_upload_is_not_stopped_by_the_gateway() {
    let counting = async |body: Body| {
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        bytes.len().to_string()
    };
    let user = serve(Router::new().fallback(any(counting))).await;
    let gateway = Gateway::start(&[("USER_SERVICE_URL", &user)]).await;
    let size = 5 * 1024 * 1024;
    let request = Request::post("/users/")
        .body(Body::from(vec![7; size]))
        .unwrap();
    let response = gateway.send(request).await;
    assert_eq!(body(response).await, size.to_string());
}

#[tokio::test]
async fn an_answer_reaches_viewers_and_those_who_come_back() {
    let user = serve(signed()).await;
    let gateway = Gateway::start(&[("USER_SERVICE_URL", &user)]).await;
    let no_kubeconfig = |it: &Value| {
        let reason = |cluster: &str| it["clusters"][cluster]["reason"].clone();
        reason("ctx1") == "no kubeconfig" && reason("ctx2") == "no kubeconfig"
    };
    gateway.until("/topology", no_kubeconfig).await;
    let mut events = gateway.events(None).await;
    let (hello_id, name, hello) = events.next().await;
    assert_eq!(
        (&*name, &hello["services"]["user"]["total"]),
        ("hello", &json!(0))
    );
    assert!(hello_id.starts_with(hello["boot"].as_str().unwrap()));

    gateway.get("/users/").await;
    let (id, name, batch) = events.next().await;
    assert_eq!(name, "answers");
    let answer = &batch["answers"][0];
    assert_eq!(
        (&answer["service"], &answer["cluster"]),
        (&json!("user"), &json!("ctx2"))
    );
    assert_eq!(
        batch["totals"],
        json!({"user": 1, "movie": 0, "booking": 0})
    );

    let mut back = gateway.events(Some(&hello_id)).await;
    let (replayed, name, same) = back.next().await;
    assert_eq!((replayed, &*name, same), (id.clone(), "answers", batch));
    // The pod is known by its answer alone, in a cluster without an API.
    let pods = events.named("pods").await;
    assert_eq!(
        pods["clusters"]["ctx2"]["pods"][0]["name"],
        "user-service-ctx2-a"
    );
    let mut elsewhere = gateway.events(Some("another-7")).await;
    assert_eq!(elsewhere.next().await.1, "hello");
}

#[tokio::test]
async fn a_mounted_directory_overrides_single_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("style.css"), "body{}").unwrap();
    let gateway = Gateway::start(&[("UI_DIR", dir.path().to_str().unwrap())]).await;
    let response = gateway.get("/ui/style.css").await;
    assert_eq!(
        response.headers()["content-type"],
        "text/css; charset=utf-8"
    );
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert!(response.headers().contains_key("etag"));
    assert_eq!(body(response).await, "body{}");
    let above = gateway.get("/ui/..%2f..%2fetc%2fpasswd").await;
    assert_eq!(above.status(), StatusCode::NOT_FOUND);
    assert_eq!(above.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn what_does_not_exist_is_a_problem() {
    let gateway = Gateway::start(&[]).await;
    let missing = gateway.get("/nothing").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        missing.headers()["content-type"],
        "application/problem+json"
    );
    let posted = Request::post("/topology").body(Body::empty()).unwrap();
    assert_eq!(
        gateway.send(posted).await.status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn the_document_describes_what_is_served() {
    let user = serve(Router::new().route("/users/", get(async || "[]"))).await;
    let gateway = Gateway::start(&[("USER_SERVICE_URL", &user)]).await;
    let document = gateway.json("/openapi.json").await;
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for path in [
        "/traffic-weights",
        "/traffic-history",
        "/deployment-status",
        "/topology",
        "/users/",
    ] {
        assert!(paths.iter().any(|it| *it == path), "{path}");
        assert_eq!(gateway.get(path).await.status(), StatusCode::OK, "{path}");
    }
    // Every schema that is referred to is there.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"].get(name).is_some(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_unusable_configuration_is_refused_by_name() {
    let env = common::env::Env::from([("USER_SERVICE_URL", "ftp://x")]);
    let outcome = api_gateway::run(env, common::program::Seams::default()).await;
    let error = outcome
        .unwrap_err()
        .downcast::<common::env::ConfigError>()
        .unwrap();
    assert_eq!(error.variable, "USER_SERVICE_URL");
}

/// What an Envoy 1.40 answered.
fn sidecar() -> Router {
    let json = [("content-type", "application/json")];
    let clusters = async move || (json, include_str!("data/envoy-clusters.json"));
    let stats = async move || (json, include_str!("data/envoy-stats.json"));
    Router::new()
        .route("/clusters", get(clusters))
        .route("/stats", get(stats))
}

#[tokio::test]
async fn breakers_are_read_from_the_sidecar_and_without_one_they_are_unknown() {
    let admin = serve(sidecar()).await;
    for (url, state, hosts) in [(&*admin, "live", 2), ("http://127.0.0.1:1", "unknown", 0)] {
        let gateway = Gateway::start(&[("ENVOY_ADMIN_URL", url)]).await;
        let mut events = gateway.events(None).await;
        let mut breakers = events.named("hello").await["breakers"].take();
        while breakers["reason"] == "not read yet" {
            breakers = events.named("breaker").await["breakers"].take();
        }
        assert_eq!(breakers["state"], state, "{breakers}");
        let shown = &breakers["services"]["user"][1]["hosts"];
        assert_eq!(shown.as_array().map_or(0, Vec::len), hosts, "{breakers}");
        let reason = if hosts == 0 {
            json!("unreachable")
        } else {
            Value::Null
        };
        assert_eq!(breakers["reason"], reason);
    }
}
