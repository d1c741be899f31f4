//! A client of one connection.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mesh::cause::{self, Cause, cause};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Body, full, soon, talk};

pub(crate) struct Client {
    sender: SendRequest<Body>,
}

/// An answer read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn cause(&self) -> Cause {
        cause(&cause::Answer::new(
            self.status,
            &self.headers,
            Some(&self.body),
        ))
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        Self { sender }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(request(Method::GET, path, &[], "")).await
    }

    pub(crate) async fn get_with(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request(Method::GET, path, headers, "")).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Answer {
        self.send(request(Method::POST, path, &[], body)).await
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> Answer {
        self.converse(request, Duration::ZERO, "").await
    }

    /// As [`send`](Self::send); where the answer opens a tunnel, its body is what was heard there.
    pub(crate) async fn converse(
        &mut self,
        request: Request<Body>,
        silence: Duration,
        says: &str,
    ) -> Answer {
        let mut answer = self.begin(request).await;
        let upgrade = hyper::upgrade::on(&mut answer);
        let (parts, body) = answer.into_parts();
        let body = if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            talk(upgrade, silence, says).await
        } else {
            soon(whole(body)).await
        };
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// Sends a request and returns when the answer's headers are there.
    pub(crate) async fn begin(&mut self, request: Request<Body>) -> Response<Incoming> {
        soon(self.sender.ready()).await.unwrap();
        soon(self.sender.send_request(request)).await.unwrap()
    }
}

/// A body to its end, or to where it breaks off.
async fn whole(mut body: Incoming) -> String {
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    String::from_utf8(bytes).unwrap()
}

/// A request to `svc`.
pub(crate) fn request(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "svc:8080");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(full(body)).unwrap()
}

/// Sends bytes as they are and reads until the other side closes.
pub(crate) async fn exchange_raw(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// As [`exchange_raw`], for an answer that takes long by a paused clock.
pub(crate) async fn exchange_slowly(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let bytes = b"GET / HTTP/1.1\r\nhost: svc\r\nconnection: close\r\n\r\n";
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
