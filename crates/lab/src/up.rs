//! `theater-lab up`: from nothing to a dashboard, and back to nothing.

mod clusters;
mod greeting;
mod listen;
mod starter;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow};
use apiserver::Access;
use clap::Args;
use common::drain;
use common::env::Env;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::explain::Documentation;
use crate::facts::CLUSTERS;
use crate::kubeconfig;
use crate::state::{Leftovers, Ports, StateDir};
use crate::store::Choice;
use clusters::Lab;
use listen::{bind, bind_api};
use starter::let_go;

/// Flags of `up`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Port of the dashboard on 127.0.0.1; 0 = any free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port of the Kubernetes API on 127.0.0.1; 0 = the one of the last run, else any free one.
    #[arg(long, default_value_t = 16443)]
    api_port: u16,
    /// Where the kubeconfig, the volumes and the logs are.
    #[arg(long, default_value = ".theater")]
    state_dir: PathBuf,
    /// The store: auto, embedded, or redis://ADDRESS:PORT.
    #[arg(long, default_value = "auto")]
    redis: Choice,
    /// multi: clusters reach each other through east-west gateways; single: directly.
    #[arg(long, default_value = "multi", value_parser = ["multi", "single"])]
    network: String,
    /// Start with what a fresh cluster has; the theater is for you to deploy.
    #[arg(long)]
    empty: bool,
    /// End also when standard input is closed, and obey its lines (`starter`): for a program that
    /// starts a lab and may be killed.
    #[arg(long, hide = true)]
    lifeline: bool,
}

/// Runs the lab; returns when it has left nothing behind.
pub fn main(options: &Options) -> ExitCode {
    let env = Env::of_process();
    let quiet = Env::from([("RUST_LOG", env.get_or("RUST_LOG", "warn"))]);
    let outcome = common::telemetry::init(&quiet)
        .map_err(anyhow::Error::from)
        .and_then(|()| {
            raise_file_limit();
            let runtime = runtime()?;
            let outcome = runtime.block_on(run(options, &env));
            // Whatever is still busy with a client must not delay the end.
            runtime.shutdown_background();
            outcome
        });
    common::program::exit_code("theater-lab", outcome)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

/// Two clusters' sockets are in this process, and some systems allow 256 open files by default.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files; many viewers may exhaust it");
    }
}

/// Prints a line for the trainee; one who closed the pipe does not want it.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn run(options: &Options, env: &Env) -> Result<()> {
    let started = Instant::now();
    let state = Arc::new(StateDir::open(&options.state_dir)?);
    let leftovers = Arc::new(Leftovers::end_and_begin(&state)?);
    let published = bind(options.port, "--port").await?;
    let mut ports = Ports::load(&state);
    let api = bind_api(options.api_port, &ports).await?;
    ports.set(&state, "api", api.local_addr()?.port())?;
    let secret = state.secret()?;
    let names = CLUSTERS.map(|facts| facts.name);
    state.write_private(
        "kubeconfig",
        &kubeconfig::text(api.local_addr()?.port(), &secret, &names),
    )?;

    let shutdown = CancellationToken::new();
    let lab = Lab::assemble(options, env, &state, leftovers, ports, &shutdown)?;
    let access = Access::new(secret)?;
    let words = Box::new(Documentation);
    let router =
        apiserver::router(lab.api(), access, words, shutdown.clone()).layer(CatchPanicLayer::new());
    let dashboard = published.local_addr()?;
    state.note_holder(dashboard)?;
    let mut tasks = lab.start(published);
    let stop = shutdown.clone();
    tasks.spawn(async move {
        let serving = axum::serve(api, router).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::error!(%error, "the API ended");
        }
    });
    let outcome = tokio::select! {
        () = drain::terminated() => Ok(()),
        () = let_go(options.lifeline, Arc::clone(&lab.mesh)) => Ok(()),
        Some(ended) = tasks.join_next() => Err(fallen(ended)),
        never = async {
            lab.announce(dashboard, &state, started).await;
            std::future::pending().await
        } => never,
    };
    say("leaving …");
    shutdown.cancel();
    tasks.shutdown().await;
    state.forget_pods();
    outcome
}

/// What runs for ever has ended: a lab with a part missing would only seem to work.
fn fallen(ended: Result<(), JoinError>) -> anyhow::Error {
    let how = ended.map_or_else(|error| error.to_string(), |()| "it returned".into());
    anyhow!(
        "a part of the lab ended, which is a defect ({how}); start it again, and report the lines above"
    )
}
