//! The theater's front door and its honest instruments.
//!
//! # Layout
//!
//! * [`config`], [`theater`]: what it is told, and the fixed points: three services, two clusters
//! * [`proxy`]: requests stream through to the services; each answer is measured once
//! * [`answers`]: what the last answers were; [`archive`] keeps them over a restart
//! * [`breakers`]: what the gateway's own sidecar says of ejected hosts and full pools
//! * [`clusters`]: both Kubernetes APIs, read by watch; [`rules`]: what the mesh is told to do
//! * [`events`]: the one place where state changes, and the stream that tells it to all viewers
//! * [`page`], [`reports`], [`openapi`], [`router`]: what a browser or a script asks for
//!
//! It never routes: weights and faults are shown, and obeyed by the mesh alone.

pub mod answers;
pub mod archive;
pub mod breakers;
pub mod clock;
pub mod clusters;
pub mod config;
pub mod events;
pub mod openapi;
pub mod page;
pub mod proxy;
pub mod reports;
pub mod router;
pub mod rules;
pub mod theater;

use std::sync::Arc;

use anyhow::Result;
use common::drain::Drain;
use common::env::Env;
use common::health::Health;
use common::identity::Identity;
use common::program::Seams;
use common::server;

use crate::archive::{Archive, Queue};
use crate::clusters::Reach;
use crate::config::Config;
use crate::events::{Hub, Viewers};
use crate::page::Assets;
use crate::proxy::Proxy;
use crate::router::Gateway;
use crate::theater::Cluster;

/// Name of the service, as in `X-Service-Name`.
pub const NAME: &str = "api-gateway";

/// Port where `PORT` names none.
const DEFAULT_PORT: u16 = 8080;

/// Runs the gateway until it is told to leave.
///
/// # Errors
/// When the configuration is unusable or the port is taken.
pub async fn run(env: Env, seams: Seams) -> Result<()> {
    let config = Config::from_env(&env)?;
    let identity = Identity::from_env(NAME, &env);
    let drain = Drain::default();
    let health = Health::without_store(drain.clone());
    let boot = clock::now();
    let (hub, queue) = (Hub::new(boot), Queue::new(boot));
    let resolve = Arc::clone(&seams.resolve);
    let archive = Archive::new(&env, resolve, health.clone(), queue.clone()).await?;
    let listener = match seams.listener {
        Some(listener) => listener,
        None => server::bind(&env, DEFAULT_PORT).await?,
    };
    drain.on_signals();
    tokio::spawn(hub.clone().tell_answers(drain.clone()));
    tokio::spawn(archive.clone().keep(hub.clone()));
    let reach = Reach {
        own: config.own,
        access: config.access,
        resolve: Arc::clone(&seams.resolve),
    };
    for cluster in Cluster::ALL {
        let following = clusters::follow(cluster, reach.clone(), hub.clone(), drain.clone());
        tokio::spawn(following);
    }
    let (admin, resolve) = (config.envoy_admin, Arc::clone(&seams.resolve));
    tokio::spawn(breakers::poll(admin, resolve, hub.clone(), drain.clone()));
    tracing::info!(
        service = NAME, cluster = identity.cluster, pod = identity.pod,
        address = %listener.local_addr()?, own = config.own.name(), ui_dir = ?config.ui_dir,
        user = config.upstreams.user.authority, movie = config.upstreams.movie.authority,
        booking = config.upstreams.booking.authority,
        "serving"
    );
    let gateway = Gateway {
        own: config.own,
        hub: hub.clone(),
        viewers: Viewers::default(),
        proxy: Proxy::new(config.upstreams, seams.resolve, hub, queue),
        assets: Assets {
            ui_dir: config.ui_dir,
        },
        drain: drain.clone(),
    };
    let app = server::dress(
        router::routes(gateway),
        &identity,
        health,
        drain.clone(),
        None,
    );
    server::serve(listener, app, drain).await?;
    archive.finish().await;
    Ok(())
}
