//! A gateway in this process, on a port of its own, and a client for it.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod kubernetes;

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use common::env::Env;
use common::program::Seams;
use futures_util::StreamExt;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyDataStream, BodyExt};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Longest wait for something that is due.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A running gateway; it ends with this handle.
pub(crate) struct Gateway {
    pub(crate) address: String,
    client: Client<HttpConnector, Body>,
    task: JoinHandle<()>,
}

/// The event stream of a gateway.
pub(crate) struct Events {
    body: BodyDataStream<Incoming>,
    text: String,
}

impl Gateway {
    /// Starts one; Redis is away unless `pairs` say otherwise.
    pub(crate) async fn start(pairs: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let defaults = [
            ("REDIS_URL", "127.0.0.1:1"),
            ("HOSTNAME", "gateway-1"),
            ("CLUSTER_NAME", "ctx1"),
        ];
        let env: Env = defaults
            .iter()
            .chain(pairs)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let seams = Seams {
            listener: Some(listener),
            ..Seams::default()
        };
        let task = tokio::spawn(async move {
            api_gateway::run(env, seams)
                .await
                .expect("the gateway runs");
        });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            address,
            client,
            task,
        }
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Response<Incoming> {
        let path = request.uri().path_and_query().unwrap().to_string();
        *request.uri_mut() = format!("http://{}{path}", self.address).parse().unwrap();
        let sent = tokio::time::timeout(SOON, self.client.request(request));
        sent.await.expect("an answer in time").unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Incoming> {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        serde_json::from_slice(&body(response).await).unwrap()
    }

    /// Asks until the answer is as expected.
    pub(crate) async fn until(&self, path: &str, expected: impl Fn(&Value) -> bool) -> Value {
        let what = format!("{path} to be as expected");
        testkit::wait::until_some(&what, SOON, async || {
            let answer = self.json(path).await;
            expected(&answer).then_some(answer)
        })
        .await
    }

    pub(crate) async fn events(&self, last: Option<&str>) -> Events {
        let mut request = Request::get("/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = BodyDataStream::new(response.into_body());
        Events {
            body,
            text: String::new(),
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Events {
    /// Id, name and payload of the next event; comments are passed over.
    pub(crate) async fn next(&mut self) -> (String, String, Value) {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(event) = parsed(&block) {
                    return event;
                }
            }
            let read = tokio::time::timeout(SOON, self.body.next()).await;
            let bytes: Bytes = read
                .expect("an event in time")
                .expect("an open stream")
                .unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// The payload of the next event of that name.
    pub(crate) async fn named(&mut self, name: &str) -> Value {
        loop {
            let (_, found, payload) = self.next().await;
            if found == name {
                return payload;
            }
        }
    }
}

fn parsed(block: &str) -> Option<(String, String, Value)> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let data = serde_json::from_str(field("data: ")?).unwrap();
    Some((
        field("id: ").unwrap_or_default().to_owned(),
        field("event: ")?.to_owned(),
        data,
    ))
}

pub(crate) async fn body(response: Response<Incoming>) -> Bytes {
    let reading = tokio::time::timeout(SOON, response.into_body().collect());
    reading.await.expect("a body in time").unwrap().to_bytes()
}

/// Serves `router` on a port of its own; its base URL.
pub(crate) async fn serve(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}
