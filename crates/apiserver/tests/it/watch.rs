//! Watches: where they start, what they show, how they end.

use std::sync::Arc;
use std::time::Duration;

use apiserver::admission::AdmitAll;
use apiserver::store::RingLimits;
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{SECRET, Server, config_map, request};

const MAPS: &str = "/api/v1/namespaces/shop/configmaps";
const LIMIT: Duration = Duration::from_secs(20);

struct Lines {
    stream: BodyDataStream,
    rest: Vec<u8>,
}

impl Lines {
    async fn open(server: &Server, query: &str) -> Self {
        let response = server
            .open(
                request("GET", &format!("{MAPS}?watch=true&{query}")),
                Body::empty(),
            )
            .await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/json");
        Self {
            stream: response.into_body().into_data_stream(),
            rest: Vec::new(),
        }
    }

    /// The next event; none at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<_> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let chunk = tokio::time::timeout(LIMIT, self.stream.next())
                .await
                .expect("the watch says something");
            self.rest.extend_from_slice(&chunk?.unwrap());
        }
    }

    /// Type and name of the next event.
    async fn seen(&mut self) -> (String, String) {
        let event = self.next().await.expect("the watch goes on");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&event["type"]),
            text(&event["object"]["metadata"]["name"]),
        )
    }
}

fn event(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

async fn labelled(server: &Server, name: &str, label: &str) {
    let path = format!("{MAPS}/{name}");
    if server.get(&path).await.code == StatusCode::OK {
        server
            .merge(&path, json!({"metadata": {"labels": {"w": label}}}))
            .await;
    } else {
        server
            .post(
                MAPS,
                json!({"metadata": {"name": name, "labels": {"w": label}}}),
            )
            .await;
    }
}

#[tokio::test]
async fn a_streaming_list_ends_with_its_bookmark_and_goes_on_live() {
    let server = Server::new();
    for name in ["one", "two"] {
        labelled(&server, name, "1").await;
    }
    labelled(&server, "hidden", "2").await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=w%3D1";
    let mut lines = Lines::open(&server, query).await;
    assert_eq!(lines.seen().await, event("ADDED", "one"));
    assert_eq!(lines.seen().await, event("ADDED", "two"));
    let bookmark = json!({"type": "BOOKMARK", "object": {
        "kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {
            "resourceVersion": server.store.resource_version().to_string(),
            "annotations": {"k8s.io/initial-events-end": "true"},
        },
    }});
    assert_eq!(lines.next().await, Some(bookmark));
    labelled(&server, "three", "1").await;
    labelled(&server, "one", "2").await;
    labelled(&server, "one", "1").await;
    server
        .merge(&format!("{MAPS}/one"), json!({"data": {"a": "2"}}))
        .await;
    server
        .merge(&format!("{MAPS}/one"), json!({"data": {"a": "2"}}))
        .await;
    server.delete(&format!("{MAPS}/hidden")).await;
    server.delete(&format!("{MAPS}/three")).await;
    for expected in [
        event("ADDED", "three"),
        event("DELETED", "one"),
        event("ADDED", "one"),
        event("MODIFIED", "one"),
        event("DELETED", "three"),
    ] {
        assert_eq!(lines.seen().await, expected);
    }
}

#[tokio::test]
async fn a_watch_starts_with_what_is_there_or_after_a_version() {
    let server = Server::new();
    server.post(MAPS, config_map("a")).await;
    let version = server.store.resource_version();
    server.post(MAPS, config_map("b")).await;
    for query in [
        "",
        "resourceVersion=0",
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    ] {
        let mut lines = Lines::open(&server, query).await;
        assert_eq!(lines.seen().await, event("ADDED", "a"), "{query}");
        assert_eq!(lines.seen().await, event("ADDED", "b"), "{query}");
    }
    let mut lines = Lines::open(&server, &format!("resourceVersion={version}")).await;
    assert_eq!(lines.seen().await, event("ADDED", "b"));
    server.delete(&format!("{MAPS}/a")).await;
    let deleted = lines.next().await.unwrap();
    assert_eq!(deleted["type"], "DELETED");
    assert_eq!(deleted["object"]["data"]["a"], "1");
    assert_eq!(
        deleted["object"]["metadata"]["resourceVersion"],
        server.store.resource_version().to_string()
    );
}

#[tokio::test]
async fn a_version_of_another_run_expires_inside_the_stream() {
    let server = Server::new();
    let start = server.store.resource_version() - 1;
    let mut lines = Lines::open(&server, "resourceVersion=1").await;
    assert_eq!(
        lines.next().await.unwrap(),
        json!({"type": "ERROR", "object": {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("too old resource version: 1 ({start})"), "reason": "Expired", "code": 410,
        }})
    );
    assert_eq!(lines.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_version_of_the_future_is_waited_for_in_silence() {
    let server = Server::new();
    let future = server.store.resource_version() + 2;
    let query = format!("resourceVersion={future}&allowWatchBookmarks=true&timeoutSeconds=3");
    let mut silent = Lines::open(&server, &query).await;
    assert_eq!(silent.next().await, None);

    let mut lines = Lines::open(&server, &format!("resourceVersion={future}")).await;
    for name in ["a", "b", "c"] {
        server.post(MAPS, config_map(name)).await;
    }
    assert_eq!(lines.seen().await, event("ADDED", "c"));
}

#[tokio::test]
async fn a_reader_slower_than_the_ring_is_told_to_list_again() {
    let limits = RingLimits {
        events: 10,
        ..RingLimits::default()
    };
    let server = Server::with(Arc::new(AdmitAll), limits);
    server.post(MAPS, config_map("a")).await;
    let mut lines = Lines::open(&server, "").await;
    assert_eq!(lines.seen().await, event("ADDED", "a"));
    for n in 0..30 {
        server
            .merge(&format!("{MAPS}/a"), json!({"data": {"a": n.to_string()}}))
            .await;
    }
    assert_eq!(lines.next().await.unwrap()["object"]["code"], 410);
    assert_eq!(lines.next().await, None);
}

#[tokio::test]
async fn wrong_options_are_refused_before_the_stream() {
    let server = Server::new();
    let get = async |query: &str| server.get(&format!("{MAPS}?watch=true&{query}")).await;
    let answer = get("sendInitialEvents=true").await;
    assert_eq!(answer.code, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        answer.message(),
        r#"ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"#
    );
    let answer = get("resourceVersion=abc").await;
    assert_eq!(answer.code, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        answer.message(),
        r#"resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax"#
    );
}

#[tokio::test]
async fn watch_on_one_object_is_ignored() {
    let server = Server::new();
    server.post(MAPS, config_map("a")).await;
    assert_eq!(
        server.get(&format!("{MAPS}/a?watch=true")).await.json()["kind"],
        "ConfigMap"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_at_its_time_limit() {
    let server = Server::new();
    for (query, least) in [
        ("timeoutSeconds=2", 2),
        ("", 30 * 60),
        ("timeoutSeconds=0", 30 * 60),
    ] {
        let begun = tokio::time::Instant::now();
        let mut lines = Lines::open(&server, query).await;
        let end = tokio::time::timeout(Duration::from_secs(3_600), lines.stream.next())
            .await
            .unwrap();
        assert!(end.is_none(), "{query}");
        assert_eq!(begun.elapsed().as_secs(), least, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_watch_is_kept_current_by_bookmarks() {
    let server = Server::new();
    let begun = tokio::time::Instant::now();
    let mut lines = Lines::open(&server, "allowWatchBookmarks=true&timeoutSeconds=150").await;
    server
        .post(
            "/api/v1/namespaces/shop/secrets",
            json!({"metadata": {"name": "s"}}),
        )
        .await;
    // Each minute, and two seconds before the end.
    for seconds in [60, 120, 148] {
        let chunk = tokio::time::timeout(Duration::from_secs(90), lines.stream.next())
            .await
            .unwrap();
        let line: Value = serde_json::from_slice(&chunk.unwrap().unwrap()).unwrap();
        let version = server.store.resource_version().to_string();
        let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"resourceVersion": version}});
        assert_eq!(line, json!({"type": "BOOKMARK", "object": object}));
        assert_eq!(begun.elapsed().as_secs(), seconds);
    }
    let end = tokio::time::timeout(Duration::from_secs(90), lines.stream.next())
        .await
        .unwrap();
    assert!(end.is_none());
}

#[tokio::test]
async fn over_a_socket_events_come_at_once_and_the_stream_ends_with_the_server() {
    let server = Server::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = server.shutdown.clone().cancelled_owned();
    let serving = axum::serve(listener, server.router.clone()).with_graceful_shutdown(shutdown);
    let serving = tokio::spawn(async move { serving.await });
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /{SECRET}/ctx1{MAPS}?&watch=true HTTP/1.1\r\nHost: {address}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(socket).lines();
    let mut next = async || {
        tokio::time::timeout(LIMIT, lines.next_line())
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(next().await.as_deref(), Some("HTTP/1.1 200 OK"));
    while next().await.is_some_and(|header| !header.is_empty()) {}
    for name in ["a", "b"] {
        server.post(MAPS, config_map(name)).await;
        // Each event is a chunk of its own: its length, the line, the end of the chunk.
        let length = next().await.unwrap();
        let line = next().await.unwrap();
        assert_eq!(usize::from_str_radix(&length, 16).unwrap(), line.len() + 1);
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["object"]["metadata"]["name"], name);
        assert_eq!(next().await.as_deref(), Some(""));
    }
    server.shutdown.cancel();
    assert_eq!(next().await.as_deref(), Some("0"));
    tokio::time::timeout(LIMIT, serving)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn bare_metadata_can_be_watched() {
    let server = Server::new();
    server.post(MAPS, config_map("a")).await;
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let request = request("GET", &format!("{MAPS}?watch=true")).header("accept", accept);
    let mut stream = server
        .open(request, Body::empty())
        .await
        .into_body()
        .into_data_stream();
    let line: Value = serde_json::from_slice(&stream.next().await.unwrap().unwrap()).unwrap();
    assert_eq!(line["object"]["kind"], "PartialObjectMetadata");
    assert!(line["object"].get("data").is_none());
}

#[tokio::test]
async fn an_old_path_watches_one_object() {
    let server = Server::new();
    for name in ["a", "b"] {
        server.post(MAPS, config_map(name)).await;
    }
    let path = "/api/v1/watch/namespaces/shop/configmaps/b";
    let open = async |query: &str| {
        let request = request("GET", &format!("{path}{query}"));
        server.open(request, Body::empty()).await
    };
    let mut stream = open("").await.into_body().into_data_stream();
    let line: Value = serde_json::from_slice(&stream.next().await.unwrap().unwrap()).unwrap();
    assert_eq!(line["object"]["metadata"]["name"], "b");
    let other = open("?fieldSelector=metadata.name%3Da").await;
    assert_eq!(other.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_watch_too_many_is_told_to_come_back_and_finds_room_later() {
    let server = Server::new();
    let open = async || {
        let request = request("GET", &format!("{MAPS}?watch=true"));
        server.open(request, Body::empty()).await
    };
    let mut watches = Vec::new();
    let refused = loop {
        let answer = open().await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        watches.push(answer);
        assert!(watches.len() <= 1_000, "watches are bounded");
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    watches.pop();
    assert_eq!(open().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn all_watchers_of_a_form_get_the_same_bytes() {
    const WATCHERS: usize = 50;
    let server = Server::new();
    let version = server.store.resource_version();
    for accept in [
        "application/json",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
    ] {
        let mut streams = Vec::new();
        for _ in 0..WATCHERS {
            let path = format!("{MAPS}?watch=true&resourceVersion={version}");
            let request = request("GET", &path).header("accept", accept);
            let response = server.open(request, Body::empty()).await;
            streams.push(response.into_body().into_data_stream());
        }
        server.post(MAPS, config_map("a")).await;
        let mut lines = Vec::new();
        for stream in &mut streams {
            lines.push(stream.next().await.unwrap().unwrap());
        }
        let first = lines[0].as_ptr();
        assert!(lines.iter().all(|line| line.as_ptr() == first), "{accept}");
    }
}
