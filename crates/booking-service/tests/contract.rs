//! What only bookings have: a count of seats, and one user's list.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use serde_json::{Value, json};
use testkit::redis_server::RedisServer;
use testkit::{service, wait};

const LIMIT: Duration = Duration::from_secs(10);

struct Bookings {
    redis: RedisServer,
    url: String,
    client: reqwest::Client,
}

impl Bookings {
    async fn start() -> Option<Self> {
        let redis = RedisServer::start().await?;
        let url = service::start("booking-service", booking_service::run, redis.address()).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let bookings = Self { redis, url, client };
        wait::until("readiness", LIMIT, async || {
            bookings.get("/readyz").await.0 == 200
        })
        .await;
        Some(bookings)
    }

    async fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let answer = self
            .client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        (
            answer.status().as_u16(),
            answer.bytes().await.unwrap().to_vec(),
        )
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        serde_json::from_slice(&self.get(path).await.1).unwrap()
    }

    async fn create(&self, body: Value) -> (u16, Value) {
        let request = self.client.post(format!("{}/bookings/", self.url));
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap(),
        )
    }
}

fn booking(user: &str, seats: i64) -> Value {
    json!({"userId": user, "movieId": "3", "seats": seats})
}

#[tokio::test]
async fn one_users_bookings_come_newest_first_and_forget_the_deleted() {
    let Some(bookings) = Bookings::start().await else {
        return;
    };
    let mut ids = Vec::new();
    for seats in 1..=3 {
        let (status, created) = bookings.create(booking("1", seats)).await;
        assert_eq!(status, 201);
        ids.push(created["id"].as_str().unwrap().to_owned());
    }
    bookings.create(booking("2", 4)).await;
    let url = format!("{}/{}", bookings.url, ids[1]);
    assert_eq!(
        bookings.client.delete(url).send().await.unwrap().status(),
        204
    );
    for path in [
        "/bookings/user/1",
        "/bookings/user/1/",
        "/user/1",
        "/user/1/",
    ] {
        let seats: Vec<Value> = bookings
            .list(path)
            .await
            .iter()
            .map(|it| it["seats"].clone())
            .collect();
        assert_eq!(seats, [3, 1], "{path}");
    }
    assert_eq!(bookings.list("/bookings/user/nobody").await.len(), 0);
    assert_eq!(bookings.list("/bookings/user/1?limit=1").await.len(), 1);
}

#[tokio::test]
async fn seats_are_one_to_twenty() {
    let Some(bookings) = Bookings::start().await else {
        return;
    };
    for (seats, expected) in [(0, 422), (1, 201), (20, 201), (21, 422), (-1, 422)] {
        assert_eq!(
            bookings.create(booking("1", seats)).await.0,
            expected,
            "{seats}"
        );
    }
    let labels = json!({"userId": "1", "movieId": "1", "seats": ["A1"]});
    assert_eq!(bookings.create(labels).await.0, 422);
}

#[tokio::test]
async fn data_of_the_original_shows_its_number_of_labels() {
    let Some(bookings) = Bookings::start().await else {
        return;
    };
    let client = redis::Client::open(format!("redis://{}", bookings.redis.address())).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let original =
        r#"{"id":"b1","userId":"7","movieId":"1","seats":["A1","A2"],"status":"confirmed"}"#;
    let _: () = redis::pipe()
        .cmd("SET")
        .arg("booking:b1")
        .arg(original)
        .cmd("LPUSH")
        .arg("user_bookings:7")
        .arg("b1")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(bookings.list("/bookings/user/7").await[0]["seats"], 2);
}
