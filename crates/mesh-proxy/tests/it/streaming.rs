//! Bodies pass as they come; a client that leaves is followed.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response};
use mesh_proxy::Role;
use serde_json::json;
use tokio::sync::{Notify, mpsc};

use crate::support::*;

async fn next(body: &mut Incoming) -> Option<Bytes> {
    let frame = soon(body.frame()).await?;
    frame.unwrap().into_data().ok()
}

fn streamed() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
    let (mut channel, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        while let Some(bytes) = receiver.recv().await {
            if channel.send(Frame::data(bytes)).await.is_err() {
                return;
            }
        }
    });
    (sender, body.boxed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_arrives_before_the_upstream_ends() {
    let release = Arc::new(Notify::new());
    let held = release.clone();
    let a = Upstream::serving(move |_| {
        let held = held.clone();
        async move {
            let (events, body) = streamed();
            tokio::spawn(async move {
                events.send("data: 1\n\n".into()).await.unwrap();
                held.notified().await;
                events.send("data: 2\n\n".into()).await.unwrap();
            });
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(body)
                .unwrap()
        }
    })
    .await;
    for role in [Role::Outbound, Role::Ingress] {
        let mesh = Mesh::start(role, None, None, &[a.address]).await;
        let mut client = mesh.client().await;
        let mut body = client
            .begin(request(Method::GET, "/", &[], ""))
            .await
            .into_body();
        assert_eq!(next(&mut body).await, Some("data: 1\n\n".into()));
        release.notify_one();
        assert_eq!(next(&mut body).await, Some("data: 2\n\n".into()));
        assert_eq!(next(&mut body).await, None);
    }
}

#[tokio::test]
async fn an_upload_is_answered_while_it_goes_on() {
    let echo = |request: Request<Incoming>| async move {
        let body = request
            .into_body()
            .map_err(|_| -> Infallible { unreachable!("upload breaks") });
        Response::new(body.boxed())
    };
    let a = Upstream::serving(echo).await;
    let mesh = Mesh::start(Role::Outbound, None, None, &[a.address]).await;
    let mut client = mesh.client().await;
    let (upload, body) = streamed();
    let mut request = request(Method::POST, "/", &[], "").map(|_| body);
    request.headers_mut().remove("content-length");
    upload.send("one".into()).await.unwrap();
    let mut answer = client.begin(request).await.into_body();
    assert_eq!(next(&mut answer).await, Some("one".into()));
    upload.send("two".into()).await.unwrap();
    assert_eq!(next(&mut answer).await, Some("two".into()));
    drop(upload);
    assert_eq!(next(&mut answer).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_mebibytes_are_streamed_up_and_the_connection_is_kept() {
    const SIZE: usize = 10 * 1024 * 1024;
    let count = |request: Request<Incoming>| async move {
        let mut body = request.into_body();
        let mut size = 0;
        while let Some(Ok(frame)) = body.frame().await {
            size += frame.data_ref().map_or(0, Bytes::len);
        }
        Response::new(full(&size.to_string()))
    };
    let a = Upstream::serving(count).await;
    // With a policy that keeps small bodies: this one is too large to be kept.
    let http = json!([{"route": to("ctx1"), "retries": {"attempts": 2, "retryOn": "5xx"}}]);
    let mesh = Mesh::new(http, &[a.address]).await;
    let mut client = mesh.client().await;
    for _ in 0..3 {
        let body = Full::new(Bytes::from(vec![7; SIZE])).boxed();
        let upload = request(Method::POST, "/", &[], "").map(|_| body);
        assert_eq!(client.send(upload).await.body, SIZE.to_string());
    }
    assert_eq!(a.connections(), 1);
}

/// Counts itself down when dropped.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_ends_the_request_upstream() {
    let waiting: Arc<AtomicUsize> = Arc::default();
    let count = waiting.clone();
    let a = Upstream::serving(move |_| {
        let count = count.clone();
        async move {
            count.fetch_add(1, Ordering::Relaxed);
            let _waiting = Waiting(count);
            std::future::pending().await
        }
    })
    .await;
    let mesh = Mesh::start(Role::Outbound, None, None, &[a.address]).await;
    let address = mesh.address;
    let client = tokio::spawn(async move {
        let mut client = Client::connect(address).await;
        client.get("/").await
    });
    until(|| waiting.load(Ordering::Relaxed) == 1).await;
    client.abort();
    until(|| waiting.load(Ordering::Relaxed) == 0).await;
    let cluster = mesh.cluster("");
    let stats = &cluster.hosts[0].stats;
    until(|| stats.rq_active.get() == 0 && stats.cx_active.get() == 0).await;
}

#[tokio::test]
async fn a_client_that_leaves_amid_an_answer_ends_it_upstream() {
    let open: Arc<AtomicUsize> = Arc::default();
    let count = open.clone();
    let a = Upstream::serving(move |_| {
        let count = count.clone();
        async move {
            let (events, body) = streamed();
            tokio::spawn(async move {
                count.fetch_add(1, Ordering::Relaxed);
                let _open = Waiting(count);
                while events.send("data\n\n".into()).await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            });
            Response::new(body)
        }
    })
    .await;
    let mesh = Mesh::start(Role::Outbound, None, None, &[a.address]).await;
    let mut client = mesh.client().await;
    let mut body = client
        .begin(request(Method::GET, "/", &[], ""))
        .await
        .into_body();
    assert!(next(&mut body).await.is_some());
    drop((client, body));
    until(|| open.load(Ordering::Relaxed) == 0).await;
}

#[tokio::test]
async fn a_head_request_has_headers_alone() {
    let a = Upstream::named("abc").await;
    let mesh = Mesh::start(Role::Outbound, None, None, &[a.address]).await;
    let mut client = mesh.client().await;
    for _ in 0..3 {
        let answer = client.send(request(Method::HEAD, "/", &[], "")).await;
        assert_eq!(
            (answer.header("content-length"), answer.body.as_str()),
            (Some("3"), "")
        );
    }
    assert_eq!(a.connections(), 1);
}
