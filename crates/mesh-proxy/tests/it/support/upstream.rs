//! Upstreams: a small HTTP server that remembers what reached it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::listener;

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// A body in memory.
pub(crate) fn full(text: &str) -> Body {
    Full::new(Bytes::from(text.to_owned())).boxed()
}

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Upstream {
    /// Answers 200 with its name.
    pub(crate) async fn named(name: &'static str) -> Self {
        Self::answering(move |_| Response::new(full(name))).await
    }

    /// Reads each request to its end and answers it; `n` counts from 0.
    pub(crate) async fn answering(
        answer: impl Fn(usize) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (log, answer) = (seen.clone(), Arc::new(answer));
        let upstream = Self::serving(move |request| {
            let (log, answer) = (log.clone(), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body
                    .collect()
                    .await
                    .map(|body| body.to_bytes())
                    .unwrap_or_default();
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(Seen {
                        path: parts.uri.to_string(),
                        headers: parts.headers,
                        body: String::from_utf8_lossy(&body).into_owned(),
                    });
                    log.len() - 1
                };
                answer(number)
            }
        });
        let mut upstream = upstream.await;
        upstream.seen = seen;
        upstream
    }

    /// Serves requests as they come.
    pub(crate) async fn serving<F>(
        serve: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let (listener, address) = listener().await;
        let connections: Arc<AtomicUsize> = Arc::default();
        let tasks: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let (count, handles) = (connections.clone(), tasks.clone());
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let task = tokio::spawn(connection(stream, serve.clone()));
                handles.lock().unwrap().push(task.abort_handle());
            }
        });
        tasks.lock().unwrap().push(accepting.abort_handle());
        Self {
            address,
            connections,
            seen: Arc::default(),
            tasks,
        }
    }

    /// Requests so far, complete ones.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn hits(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Closes every open connection, and accepts new ones.
    pub(crate) fn close_connections(&self) {
        self.tasks
            .lock()
            .unwrap()
            .drain(1..)
            .for_each(|task| task.abort());
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.tasks
            .lock()
            .unwrap()
            .iter()
            .for_each(AbortHandle::abort);
    }
}

async fn connection<F>(stream: TcpStream, serve: impl Fn(Request<Incoming>) -> F)
where
    F: Future<Output = Response<Body>>,
{
    let service = service_fn(|request| {
        let answer = serve(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    // A client that leaves is part of some tests.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

/// An upstream of bytes: gets each connection and its number.
pub(crate) async fn raw_upstream<F>(
    serve: impl Fn(TcpStream, usize) -> F + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, number));
        }
    });
    address
}
