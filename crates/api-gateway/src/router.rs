//! Everything the gateway answers, as one router.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{any, get};
use axum::{Json, Router};
use common::drain::Drain;
use common::extract::Path;
use common::problem::{self, Problem};

use crate::events::{self, Hub, Viewers};
use crate::openapi;
use crate::page::{self, Assets};
use crate::proxy::Proxy;
use crate::reports::{DeploymentStatus, Topology, TrafficHistory};
use crate::rules::Weights;
use crate::theater::{Cluster, Service};

/// What the handlers work with; a cheap handle.
#[derive(Clone)]
pub struct Gateway {
    /// The cluster the gateway lives in.
    pub own: Cluster,
    /// State and events.
    pub hub: Hub,
    /// Seats at the event stream.
    pub viewers: Viewers,
    /// The way to the services.
    pub proxy: Proxy,
    /// Static files.
    pub assets: Assets,
    /// Ends the event streams.
    pub drain: Drain,
}

/// The routes, without what every answer has.
pub fn routes(gateway: Gateway) -> Router {
    let document = Arc::new(openapi::document());
    let mut router = Router::new()
        .route("/", get(page::show))
        .route("/ui/{file}", get(asset))
        .route("/favicon.ico", get(favicon))
        .route(page::EVENTS, get(events))
        .route("/traffic-weights", get(traffic_weights))
        .route("/traffic-history", get(traffic_history))
        .route("/deployment-status", get(deployment_status))
        .route("/topology", get(topology))
        .route(
            "/openapi.json",
            get(async move || Json(document.as_ref().clone())),
        );
    for service in Service::ALL {
        let forward = async move |State(gateway): State<Gateway>, request: Request| {
            gateway.proxy.forward(service, request).await
        };
        let path = service.path();
        for spelling in [
            path.to_owned(),
            format!("{path}/"),
            format!("{path}/{{*rest}}"),
        ] {
            router = router.route(&spelling, any(forward));
        }
    }
    router
        .with_state(gateway)
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
}

async fn asset(
    State(gateway): State<Gateway>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    gateway.assets.serve(&file, &headers).await
}

async fn favicon(State(gateway): State<Gateway>, headers: HeaderMap) -> Result<Response, Problem> {
    gateway.assets.serve("favicon.svg", &headers).await
}

async fn events(State(gateway): State<Gateway>, headers: HeaderMap) -> Result<Response, Problem> {
    events::response(gateway.hub, &gateway.viewers, &headers, gateway.drain)
}

async fn traffic_weights(State(gateway): State<Gateway>) -> Json<Weights> {
    Json(Weights::from(&gateway.hub.rules()))
}

async fn traffic_history(State(gateway): State<Gateway>) -> Json<TrafficHistory> {
    Json(gateway.hub.answers().into())
}

async fn deployment_status(State(gateway): State<Gateway>) -> Json<DeploymentStatus> {
    Json(gateway.hub.clusters().into())
}

async fn topology(State(gateway): State<Gateway>) -> Json<Topology> {
    Json(Topology::new(gateway.own, gateway.hub.clusters()))
}
