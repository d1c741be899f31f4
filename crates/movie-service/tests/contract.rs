//! What only movies have: a year, and a director where known.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use serde_json::{Value, json};
use testkit::redis_server::RedisServer;
use testkit::{service, wait};

#[tokio::test]
async fn the_director_is_optional_and_the_year_bounded() {
    let Some(redis) = RedisServer::start().await else {
        return;
    };
    let url = service::start("movie-service", movie_service::run, redis.address()).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let list = async || -> Vec<Value> {
        let answer = client.get(format!("{url}/movies/")).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    };
    wait::until("the three samples", Duration::from_secs(10), async || {
        list().await.len() == 3
    })
    .await;
    let rows = [
        (
            json!({"title": "올드보이", "genre": "스릴러", "year": 2003, "director": "박찬욱"}),
            201,
        ),
        (
            json!({"title": "올드보이", "genre": "스릴러", "year": 2003, "director": null}),
            201,
        ),
        (
            json!({"title": "올드보이", "genre": "스릴러", "year": 1887}),
            422,
        ),
        (
            json!({"title": "올드보이", "genre": "스릴러", "year": 2003.5}),
            422,
        ),
        (
            json!({"title": "올드보이", "genre": "스릴러", "year": "2003"}),
            422,
        ),
    ];
    for (body, expected) in rows {
        let request = client.post(format!("{url}/movies/")).body(body.to_string());
        let answer = request
            .header("content-type", "application/json")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), expected, "{body}");
    }
    let directors: Vec<Value> = list()
        .await
        .iter()
        .map(|it| it["director"].clone())
        .collect();
    assert_eq!(
        directors,
        [
            json!(null),
            json!(null),
            json!(null),
            json!("박찬욱"),
            json!(null)
        ]
    );
}
