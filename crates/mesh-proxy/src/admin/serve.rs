//! The admin interface on a socket.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue, SERVER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Admin, Page, access};
use crate::listen::{Tasks, accept};

/// An asker that says nothing for so long is let go.
const IDLE: Duration = Duration::from_secs(60);
const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

/// What a listener shows.
type Show = fn(&Admin, &Request<Incoming>) -> Page;

impl Admin {
    /// Serves the interface until `shutdown`.
    pub async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) {
        self.serve_with(listener, shutdown, Self::answer).await;
    }

    /// Serves `/stats/prometheus` and nothing else until `shutdown` (Istio: port 15090).
    pub async fn serve_metrics(&self, listener: TcpListener, shutdown: CancellationToken) {
        self.serve_with(listener, shutdown, Self::metrics).await;
    }

    /// The interface's answer.
    fn answer(&self, request: &Request<Incoming>) -> Page {
        let host = request.headers().get(HOST);
        let host = host.map(|host| host.to_str().unwrap_or_default());
        let stranger = host.and_then(|host| access::stranger(&self.0.node, host));
        stranger.unwrap_or_else(|| self.ask(request.method().as_str(), target(request)))
    }

    fn metrics(&self, request: &Request<Incoming>) -> Page {
        match request.uri().path() {
            "/stats/prometheus" => self.get(target(request)),
            _ => Page::text("").with(StatusCode::NOT_FOUND.as_u16()),
        }
    }

    async fn serve_with(&self, listener: TcpListener, shutdown: CancellationToken, show: Show) {
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

fn target(request: &Request<Incoming>) -> &str {
    let target = request.uri().path_and_query();
    target.map_or("/", |target| target.as_str())
}

async fn connection(admin: Admin, show: Show, stream: TcpStream) {
    let service = service_fn(|request: Request<Incoming>| {
        let page = show(&admin, &request);
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
