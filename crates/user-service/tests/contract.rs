//! The contract that all collections share, over HTTP and a real redis-server.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use testkit::redis_server::RedisServer;
use testkit::{service, wait};

const LIMIT: Duration = Duration::from_secs(10);

struct Theater {
    redis: RedisServer,
    url: String,
    client: Client,
}

impl Theater {
    async fn start() -> Option<Self> {
        let redis = RedisServer::start().await?;
        let url = service::start("user-service", user_service::run, redis.address()).await;
        let client = Client::builder().no_proxy().build().unwrap();
        let theater = Self { redis, url, client };
        wait::until("readiness", LIMIT, async || {
            theater.get("/readyz").await.status() == 200
        })
        .await;
        wait::until("sample data", LIMIT, async || {
            theater.list("/users/").await.len() == 3
        })
        .await;
        Some(theater)
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, None, "").await
    }

    async fn send(&self, method: Method, path: &str, kind: Option<&str>, body: &str) -> Response {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .body(body.to_owned());
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        request.send().await.unwrap()
    }

    async fn create(&self, body: &Value) -> Response {
        let body = body.to_string();
        self.send(Method::POST, "/users/", Some("application/json"), &body)
            .await
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        value(self.get(path).await)
            .await
            .as_array()
            .unwrap()
            .clone()
    }

    async fn redis(&self, arguments: &[&str]) -> redis::Value {
        let client = redis::Client::open(format!("redis://{}", self.redis.address())).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(arguments[0]);
        command.arg(&arguments[1..]);
        command.query_async(&mut connection).await.unwrap()
    }
}

async fn value(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn user(name: &str) -> Value {
    json!({"name": name, "email": "a@example.com"})
}

#[tokio::test]
async fn create_read_delete_in_every_spelling_of_the_path() {
    let Some(theater) = Theater::start().await else {
        return;
    };
    for prefix in ["", "/users"] {
        for slash in ["", "/"] {
            let collection = match format!("{prefix}{slash}") {
                path if path.is_empty() => "/".to_owned(),
                path => path,
            };
            let body = user("장보고").to_string();
            let created = theater
                .send(
                    Method::POST,
                    &collection,
                    Some("application/json; charset=utf-8"),
                    &body,
                )
                .await;
            assert_eq!(created.status(), 201, "POST {collection}");
            let location = created.headers()[LOCATION].to_str().unwrap().to_owned();
            let created = value(created).await;
            let id = created["id"].as_str().unwrap();
            assert_eq!(location, format!("/users/{id}"));
            let one = format!("{prefix}/{id}{slash}");
            assert_eq!(value(theater.get(&one).await).await, created, "GET {one}");
            for expected in [204, 404] {
                let gone = theater.send(Method::DELETE, &one, None, "").await;
                assert_eq!(gone.status(), expected, "DELETE {one}");
            }
        }
    }
}

/// Method, path, media type, body; the status and a part of what is said.
type BadRow<B> = (
    Method,
    &'static str,
    Option<&'static str>,
    B,
    u16,
    &'static str,
);

fn bad_input() -> Vec<BadRow<String>> {
    let json = Some("application/json");
    let long = json!({"name": "x".repeat(10_000), "email": "a@example.com"}).to_string();
    let huge = json!({"name": "x".repeat(70_000), "email": "a@example.com"}).to_string();
    let rows: [BadRow<&str>; 22] = [
        (Method::POST, "/users/", json, "{\"name\":", 400, "no JSON"),
        (Method::POST, "/users/", json, "", 400, "no JSON"),
        (Method::POST, "/users/", json, "[]", 422, "no object"),
        (Method::POST, "/users/", json, "{}", 422, "(name, email)"),
        (
            Method::POST,
            "/users/",
            json,
            r#"{"name":"a","email":"b"}"#,
            422,
            "(email)",
        ),
        (
            Method::POST,
            "/users/",
            json,
            r#"{"name":"a","email":"a@b","id":"1"}"#,
            422,
            "(id)",
        ),
        (
            Method::POST,
            "/users/",
            json,
            r#"{"name":7,"email":"a@b"}"#,
            422,
            "(name)",
        ),
        (
            Method::POST,
            "/users/",
            json,
            r#"{"name":"a\u0000","email":"a@b"}"#,
            422,
            "(name)",
        ),
        (Method::POST, "/users/", json, &long, 422, "(name)"),
        (Method::POST, "/users/", json, &huge, 413, "65536 bytes"),
        (
            Method::POST,
            "/users/",
            Some("text/plain"),
            "{}",
            415,
            "text/plain",
        ),
        (Method::POST, "/users/", None, "{}", 415, "missing"),
        (Method::GET, "/users/nobody", None, "", 404, "\"nobody\""),
        (Method::DELETE, "/users/nobody", None, "", 404, "\"nobody\""),
        (Method::GET, "/users/?limit=0", None, "", 422, "(limit)"),
        (Method::GET, "/users/?limit=501", None, "", 422, "(limit)"),
        (Method::GET, "/users/?limit=many", None, "", 422, "(limit)"),
        (Method::GET, "/users/?page=2", None, "", 400, "page"),
        (Method::GET, "/users/%ff", None, "", 400, "path"),
        (Method::PUT, "/users/", json, "{}", 405, "PUT"),
        (Method::PATCH, "/users/1", json, "{}", 405, "PATCH"),
        (Method::GET, "/no/such/path", None, "", 404, "/no/such/path"),
    ];
    rows.map(|(method, path, kind, body, status, said)| {
        (method, path, kind, body.to_owned(), status, said)
    })
    .into()
}

#[tokio::test]
async fn bad_input_of_every_kind_gets_its_status_as_a_signed_problem() {
    let Some(theater) = Theater::start().await else {
        return;
    };
    for (method, path, kind, body, status, said) in bad_input() {
        let row = format!("{method} {path} {body:.60}");
        let answer = theater.send(method, path, kind, &body).await;
        assert_eq!(answer.status(), status, "{row}");
        let headers = answer.headers();
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json", "{row}");
        assert_eq!(headers["x-service-cluster"], "ctx1", "{row}");
        assert_eq!(headers["x-pod-name"], "user-service-ctx1-test", "{row}");
        assert_eq!(headers["x-service-name"], "user-service", "{row}");
        let problem = value(answer).await;
        assert_eq!(problem["status"], status, "{row}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{row}: {detail}");
    }
    assert_eq!(
        theater.list("/users/").await.len(),
        3,
        "nothing was created"
    );
}

#[tokio::test]
async fn names_are_text_whatever_they_hold() {
    let Some(theater) = Theater::start().await else {
        return;
    };
    for name in [
        "<script>alert(1)</script>",
        "홍길동 🎬",
        "a\"b\\c",
        "x'; DROP TABLE",
    ] {
        let created = theater.create(&user(name)).await;
        assert_eq!(created.status(), 201, "{name}");
        assert_eq!(created.headers()["x-content-type-options"], "nosniff");
        assert_eq!(value(created).await["name"], name);
    }
}

#[tokio::test]
async fn pages_follow_age_and_link_to_the_next_one() {
    let Some(theater) = Theater::start().await else {
        return;
    };
    for number in 0..4 {
        theater.create(&user(&format!("n{number}"))).await;
    }
    let mut names = Vec::new();
    let mut path = "/users/?limit=3".to_owned();
    loop {
        let page = theater.get(&path).await;
        let link = page
            .headers()
            .get(LINK)
            .map(|it| it.to_str().unwrap().to_owned());
        let items = value(page).await;
        names.extend(
            items
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["name"].as_str().unwrap().to_owned()),
        );
        let Some(link) = link else { break };
        let (target, rel) = link.split_once(">; ").unwrap();
        assert_eq!(rel, "rel=\"next\"");
        path = target.trim_start_matches('<').to_owned();
    }
    assert_eq!(
        names,
        ["홍길동", "이순신", "김유신", "n0", "n1", "n2", "n3"]
    );
}

#[tokio::test]
async fn samples_are_written_once_and_never_come_back() {
    let Some(theater) = Theater::start().await else {
        return;
    };
    theater.send(Method::DELETE, "/users/2", None, "").await;
    let second = service::start("user-service", user_service::run, theater.redis.address()).await;
    wait::until("the second pod to be ready", LIMIT, async || {
        let answer = theater.client.get(format!("{second}/readyz")).send().await;
        answer.is_ok_and(|it| it.status() == 200)
    })
    .await;
    // Upkeep ends with the indexing lock, so once that key exists seeding is over.
    theater.redis(&["DEL", "indexing:user"]).await;
    let third = service::start("user-service", user_service::run, theater.redis.address()).await;
    wait::until("the third pod's upkeep", LIMIT, async || {
        theater.redis(&["EXISTS", "indexing:user"]).await == redis::Value::Int(1)
    })
    .await;
    drop(third);
    let ids: Vec<Value> = theater
        .list("/users/")
        .await
        .iter()
        .map(|it| it["id"].clone())
        .collect();
    assert_eq!(ids, ["1", "3"]);
}

#[tokio::test]
async fn objects_put_there_by_other_means_are_listed_after_the_next_start() {
    let Some(theater) = Theater::start().await else {
        return;
    };
    let foreign = r#"{"name":"신사임당","email":"s@example.com","extra":true}"#;
    theater.redis(&["SET", "user:9", foreign]).await;
    theater.redis(&["SET", "user:10", "no json"]).await;
    assert_eq!(value(theater.get("/users/9").await).await["id"], "9");
    assert_eq!(theater.get("/users/10").await.status(), 500);
    theater.redis(&["DEL", "indexing:user"]).await;
    service::start("user-service", user_service::run, theater.redis.address()).await;
    wait::until("user 9 to be listed", LIMIT, async || {
        theater
            .list("/users/")
            .await
            .iter()
            .any(|it| it["id"] == "9")
    })
    .await;
}

#[tokio::test]
async fn without_redis_answers_are_503_and_readiness_stays() {
    let Some(mut theater) = Theater::start().await else {
        return;
    };
    theater.redis.kill().await;
    for (method, path) in [
        (Method::GET, "/users/"),
        (Method::GET, "/users/1"),
        (Method::POST, "/users/"),
    ] {
        let body = user("n").to_string();
        let answer = theater
            .send(method, path, Some("application/json"), &body)
            .await;
        assert_eq!(answer.status(), 503, "{path}");
        assert_eq!(answer.headers()[RETRY_AFTER], "1");
        assert_eq!(answer.headers()["x-service-cluster"], "ctx1");
    }
    assert_eq!(theater.get("/readyz").await.status(), 200);
    wait::until("the loss to show", LIMIT, async || {
        let report = theater.get("/readyz?verbose").await.text().await.unwrap();
        report.contains("[failed] redis reachable now")
    })
    .await;
    theater.redis.restart().await;
    wait::until("recovery without a restart", LIMIT, async || {
        theater.get("/users/").await.status() == 200
    })
    .await;
}

#[tokio::test]
async fn a_write_that_was_answered_is_in_redis_after_a_kill() {
    let Some(mut theater) = Theater::start().await else {
        return;
    };
    let created = value(theater.create(&user("n")).await).await;
    theater.redis.kill().await;
    theater.redis.restart().await;
    let path = format!("/users/{}", created["id"].as_str().unwrap());
    wait::until("redis to answer again", LIMIT, async || {
        theater.get(&path).await.status() == 200
    })
    .await;
}

#[tokio::test]
async fn the_api_document_and_the_metrics_speak_of_what_is_served() {
    let Some(theater) = Theater::start().await else {
        return;
    };
    let document = value(theater.get("/openapi.json").await).await;
    assert_eq!(document["openapi"], "3.1.0");
    for (path, method) in [
        ("/users/", "get"),
        ("/users/", "post"),
        ("/users/{id}", "get"),
        ("/users/{id}", "delete"),
    ] {
        assert!(
            document["paths"][path][method].is_object(),
            "{method} {path}"
        );
    }
    let metrics = theater.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("redis_up 1"), "{metrics}");
    assert!(metrics.contains(r#"http_requests_total{method="GET",route="/users/",status="200"}"#));
}
