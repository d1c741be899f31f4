//! `/metrics`: Prometheus text about this process's requests and its store.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::health::Health;

/// Counters of one server; a cheap handle.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    health: Health,
}

/// Bounded on purpose: the route's pattern, never the path as sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

impl Metrics {
    /// Fresh counters; `health` tells whether the store is reachable, and `more` is asked at each
    /// scrape.
    pub fn new(health: Health, more: Option<Box<dyn Collector>>) -> Self {
        let requests = Family::default();
        // 1 ms to about 16 s, each bucket twice the one before.
        let durations = Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let mut registry = Registry::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from request to answer, body not included",
            durations.clone(),
        );
        if let Some(more) = more {
            registry.register_collector(more);
        }
        Self(Arc::new(Inner {
            registry,
            requests,
            durations,
            health,
        }))
    }

    fn text(&self) -> String {
        let mut store = Registry::default();
        let reachable = ConstGauge::new(i64::from(self.0.health.store_reachable()));
        store.register("redis_up", "1 while Redis answers", reachable);
        let mut text = String::new();
        prometheus_client::encoding::text::encode_registry(&mut text, &self.0.registry)
            .and_then(|()| prometheus_client::encoding::text::encode(&mut text, &store))
            .expect("writing to a string succeeds");
        text
    }
}

/// `/metrics`.
pub fn routes<S: Clone + Send + Sync + 'static>(metrics: Metrics) -> Router<S> {
    Router::new().route("/metrics", get(show).with_state(metrics))
}

async fn show(State(metrics): State<Metrics>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], metrics.text())
}

/// Middleware: counts every answer of the router below it.
pub async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_label(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |it| it.as_str().to_owned());
    let response = next.run(request).await;
    let labels = RequestLabels {
        method,
        route,
        status: response.status().as_u16(),
    };
    metrics.0.requests.get_or_create(&labels).inc();
    metrics.0.durations.observe(started.elapsed().as_secs_f64());
    response
}

fn method_label(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
