//! The way to the three services: streamed, and measured on the way back.
//!
//! One client request is one upstream request is one lamp: no redirect is followed, nothing is
//! retried or unpacked, no cookie kept, no proxy variable read. (Only a request of which a kept
//! connection took no byte before it closed goes out on another one.) It never chooses a cluster and knows
//! no weight; that is the mesh's business. The path goes on byte for byte as it came, which a client
//! that normalizes URLs would not do.

mod headers;
mod peek;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use common::identity::Relayed;
use common::outbound::{Resolve, first};
use common::problem::Problem;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Method, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::answers::Answer;
use crate::archive::Queue;
use crate::clock;
use crate::config::Upstream;
use crate::events::Hub;
use crate::theater::{PerService, Service};

/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Longest wait for response headers. Istio: swallowed packets fail after three connects of 10 s.
const HEADERS_LIMIT: Duration = Duration::from_secs(60);
/// How long an unused connection is kept.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// Unused connections kept for each service.
const MOST_IDLE: usize = 256;

/// The upstream side of the gateway; a cheap handle.
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

struct Inner {
    client: Client<HttpConnector, Body>,
    resolve: Arc<dyn Resolve>,
    upstreams: PerService<Upstream>,
    hub: Hub,
    archive: Queue,
}

/// Why there is no answer to pass on.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0} does not resolve: {1}; is there a Service of that name?")]
    Unresolved(String, io::Error),
    #[error("the request target is no URI: {0}")]
    Target(#[from] http::Error),
    #[error("no answer: {}", chain(.0))]
    Exchange(#[from] hyper_util::client::legacy::Error),
    #[error("no answer within {} s", HEADERS_LIMIT.as_secs())]
    Timeout,
}

impl Proxy {
    /// A proxy that tells `hub` and `archive` about every answer.
    pub fn new(
        upstreams: PerService<Upstream>,
        resolve: Arc<dyn Resolve>,
        hub: Hub,
        archive: Queue,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_LIMIT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(MOST_IDLE)
            .build(connector);
        Self(Arc::new(Inner {
            client,
            resolve,
            upstreams,
            hub,
            archive,
        }))
    }

    /// Passes a request to `service` and its answer back.
    ///
    /// A client that leaves before the answer drops this future, and with it the upstream request:
    /// nobody saw an answer, so none is counted.
    pub async fn forward(&self, service: Service, request: Request) -> Response {
        let is_head = request.method() == Method::HEAD;
        let started = Instant::now();
        let outcome = match tokio::time::timeout(HEADERS_LIMIT, self.send(service, request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::Timeout),
        };
        let took = started.elapsed();
        match outcome {
            Ok(response) => self.relay(service, took, is_head, response).await,
            Err(failure) => self.explain(service, took, &failure),
        }
    }

    async fn send(
        &self,
        service: Service,
        request: Request,
    ) -> Result<http::Response<Incoming>, Failure> {
        let upstream = self.0.upstreams.get(service);
        let found = self.0.resolve.resolve(&upstream.host, upstream.port).await;
        // A Service has one address; who is behind it is the mesh's business.
        let dialled =
            first(found).map_err(|error| Failure::Unresolved(upstream.authority.clone(), error))?;
        let (mut parts, body) = request.into_parts();
        headers::end_to_end(&mut parts.headers);
        let host = HeaderValue::try_from(&upstream.authority).map_err(http::Error::from)?;
        headers::readdress(&mut parts.headers, &parts.uri, host);
        let path = parts.uri.path_and_query().cloned();
        parts.uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(dialled.to_string())
            .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
            .build()?;
        parts.version = http::Version::HTTP_11;
        let request = http::Request::from_parts(parts, body);
        Ok(self.0.client.request(request).await?)
    }

    /// Measures the answer and passes it on unchanged.
    async fn relay(
        &self,
        service: Service,
        took: Duration,
        is_head: bool,
        response: http::Response<Incoming>,
    ) -> Response {
        let now = clock::now();
        let (mut parts, body) = response.into_parts();
        // The answer to a HEAD has the length of a text, but never the text.
        let (body, text) = match !is_head && peek::may_be_of_a_proxy(&parts.headers) {
            true => peek::peek(body).await,
            false => (Body::new(body), None),
        };
        let text = text.as_deref();
        self.count(Answer::read(
            service,
            now,
            took,
            parts.status,
            &parts.headers,
            text,
        ));
        headers::end_to_end(&mut parts.headers);
        parts.extensions.insert(Relayed);
        Response::from_parts(parts, body)
    }

    /// Answers in the upstream's place. Without a sidecar nobody says why, so the cause is unknown.
    fn explain(&self, service: Service, took: Duration, failure: &Failure) -> Response {
        let url = format!("http://{}", self.0.upstreams.get(service).authority);
        if failure.is_of_the_client() {
            let detail = "the request body broke off; send it again";
            return Problem::new(StatusCode::BAD_REQUEST, detail).into_response();
        }
        tracing::warn!(service = service.name(), url, %failure, "no answer from upstream");
        let status = failure.status();
        self.count(Answer::from_nowhere(service, clock::now(), took, status));
        let name = service.name();
        let detail = format!("{name} at {url}: {failure}; see /deployment-status for its pods");
        Problem::new(status, detail).into_response()
    }

    fn count(&self, answer: Answer) {
        self.0.archive.push(&answer);
        self.0.hub.record(answer);
    }
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// Whether reading the client's body failed, of which the upstream knows nothing.
    fn is_of_the_client(&self) -> bool {
        let Self::Exchange(error) = self else {
            return false;
        };
        let hyper = error
            .source()
            .and_then(|cause| cause.downcast_ref::<hyper::Error>());
        hyper.is_some_and(hyper::Error::is_user)
    }
}

/// An error with its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

#[cfg(test)]
mod tests;
