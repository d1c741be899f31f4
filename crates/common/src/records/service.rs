//! A service that is one collection: configuration, routes, upkeep, drain.

use std::sync::Arc;

use anyhow::Result;
use axum::middleware::from_fn_with_state;
use axum::{Json, Router, routing::get};
use utoipa::openapi::OpenApi;

use super::{Record, Store, document, record_routes};
use crate::chaos::{self, Chaos};
use crate::drain::Drain;
use crate::env::Env;
use crate::health::Health;
use crate::identity::Identity;
use crate::problem;
use crate::program::Seams;
use crate::redis::Redis;
use crate::server;

/// What a service adds to the four calls.
pub struct Extra<R> {
    /// More routes over the same store.
    pub routes: fn(Store<R>) -> Router,
    /// Their part of the API document.
    pub document: fn(OpenApi) -> OpenApi,
}

impl<R> Default for Extra<R> {
    fn default() -> Self {
        Self {
            routes: |_| Router::new(),
            document: |document| document,
        }
    }
}

/// Runs the service `name` until it is told to leave.
///
/// # Errors
/// When the configuration is unusable or the port is taken.
pub async fn run<R: Record>(
    name: &'static str,
    default_port: u16,
    extra: Extra<R>,
    env: Env,
    seams: Seams,
) -> Result<()> {
    let identity = Identity::from_env(name, &env);
    let drain = Drain::default();
    let health = Health::new(drain.clone());
    let redis = Redis::open(&env, seams.resolve).await?;
    let listener = match seams.listener {
        Some(listener) => listener,
        None => server::bind(&env, default_port).await?,
    };
    drain.on_signals();
    let chaos = chaos::is_enabled(&env)?.then(|| Chaos::new(&identity));
    if let Some(chaos) = &chaos {
        chaos.start(redis.clone(), drain.clone());
    }
    tokio::spawn(redis.clone().keep_watch(health.clone(), drain.clone()));
    let store = Store::<R>::new(redis);
    tokio::spawn(store.clone().tend(drain.clone()));
    tracing::info!(
        service = name, cluster = identity.cluster, pod = identity.pod,
        address = %listener.local_addr()?, redis = env.get_or("REDIS_URL", "redis:6379").rsplit('@').next(),
        "serving"
    );
    let app = router(name, store, extra, &identity, health, drain.clone(), chaos);
    server::serve(listener, app, drain).await
}

/// Everything the service answers, as one router.
pub(super) fn router<R: Record>(
    name: &'static str,
    store: Store<R>,
    extra: Extra<R>,
    identity: &Identity,
    health: Health,
    drain: Drain,
    chaos: Option<Chaos>,
) -> Router {
    let document = Arc::new((extra.document)(document::<R>(name)));
    let routes = record_routes(store.clone())
        .merge((extra.routes)(store))
        .route(
            "/openapi.json",
            get(async move || Json(document.as_ref().clone())),
        )
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method);
    let Some(chaos) = chaos else {
        return server::dress(routes, identity, health, drain, None);
    };
    let routes = routes.layer(from_fn_with_state(chaos.clone(), chaos::layer::afflict));
    server::dress(routes, identity, health, drain, Some(Box::new(chaos)))
}
