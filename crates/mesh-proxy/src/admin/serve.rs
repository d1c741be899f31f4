//! The admin interface on a socket.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Admin, Page};
use crate::listen::{Tasks, accept};

/// An asker that says nothing for so long is let go.
const IDLE: Duration = Duration::from_secs(60);
const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

impl Admin {
    /// Serves the interface until `shutdown`.
    pub async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) {
        self.serve_with(listener, shutdown, Self::get).await;
    }

    /// Serves `/stats/prometheus` and nothing else until `shutdown` (Istio: port 15090).
    pub async fn serve_metrics(&self, listener: TcpListener, shutdown: CancellationToken) {
        let metrics = |admin: &Self, target: &str| match target.split('?').next() {
            Some("/stats/prometheus") => admin.get(target),
            _ => Page::text("").with(StatusCode::NOT_FOUND.as_u16()),
        };
        self.serve_with(listener, shutdown, metrics).await;
    }

    async fn serve_with(
        &self,
        listener: TcpListener,
        shutdown: CancellationToken,
        show: fn(&Self, &str) -> Page,
    ) {
        let stop = shutdown.clone();
        accept(listener, Tasks::default(), shutdown, |stream, _| {
            let (admin, stop) = (self.clone(), stop.clone());
            async move {
                let serving = connection(admin, show, stream);
                stop.run_until_cancelled(serving).await;
            }
        })
        .await;
    }
}

async fn connection(admin: Admin, show: fn(&Admin, &str) -> Page, stream: TcpStream) {
    let service = service_fn(|request: Request<Incoming>| {
        let target = request.uri().path_and_query();
        let page = show(&admin, target.map_or("/", |target| target.as_str()));
        async move { Ok::<_, Infallible>(response(page)) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = serving.await {
        tracing::debug!(%error, "connection to the admin interface ended");
    }
}

fn response(page: Page) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(page.body));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or_default();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, page.content_type),
        (CACHE_CONTROL, "no-cache, max-age=0"),
        (NOSNIFF, "nosniff"),
        (SERVER, "envoy"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
