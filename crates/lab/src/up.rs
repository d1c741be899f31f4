//! `theater-lab up`: from nothing to a dashboard, and back to nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use apiserver::Access;
use apiserver::resource::rows;
use apiserver::store::{RingLimits, Store, SystemSource};
use clap::Args;
use common::drain;
use common::env::Env;
use k8s_openapi::api::core::v1::Pod;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::admission::Rules;
use crate::controllers::{self, replicaset::is_ready};
use crate::events::Recorder;
use crate::explain::Documentation;
use crate::facts::{CLUSTERS, Facts};
use crate::kubelet::{Kubelet, Settings};
use crate::mesh::{Member, Mesh};
use crate::network::Addresses;
use crate::objects::Client;
use crate::state::{Leftovers, Ports, StateDir};
use crate::store::{Backend, Choice};
use crate::{fresh, kubeconfig, manifest, objects};

/// Pods that are not ready by then are reported as they are.
const READY_LIMIT: Duration = Duration::from_secs(30);

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
    /// End also when standard input is closed: for a program that starts a lab and may be killed.
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
        () = let_go(options.lifeline) => Ok(()),
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

/// Returns when whoever holds the other end of standard input has let go of it.
async fn let_go(lifeline: bool) {
    if !lifeline {
        return std::future::pending().await;
    }
    let reading = || std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    if let Ok(Err(error)) = tokio::task::spawn_blocking(reading).await {
        tracing::warn!(%error, "standard input cannot be read, which counts as closed");
    }
}

/// What runs for ever has ended: a lab with a part missing would only seem to work.
fn fallen(ended: Result<(), JoinError>) -> anyhow::Error {
    let how = ended.map_or_else(|error| error.to_string(), |()| "it returned".into());
    anyhow!(
        "a part of the lab ended, which is a defect ({how}); start it again, and report the lines above"
    )
}

/// A kubeconfig that a trainee copied stays true over a restart.
async fn bind_api(port: u16, ports: &Ports) -> Result<TcpListener> {
    match (port, ports.get("api")) {
        (0, last) if last != 0 => match bind(last, "--api-port").await {
            Ok(listener) => Ok(listener),
            Err(_) => bind(0, "--api-port").await,
        },
        (port, _) => bind(port, "--api-port").await,
    }
}

async fn bind(port: u16, flag: &str) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| {
        format!("port {port} of 127.0.0.1 is taken: end what uses it (another lab?), or choose another with {flag}")
    })
}

/// Everything that runs.
struct Lab {
    members: Vec<(Facts, Store, Arc<Addresses>)>,
    kubelets: Vec<Arc<Kubelet>>,
    mesh: Arc<Mesh>,
    ports: Arc<Mutex<Ports>>,
    backend: Backend,
}

impl Lab {
    fn assemble(
        options: &Options,
        env: &Env,
        state: &Arc<StateDir>,
        leftovers: Arc<Leftovers>,
        ports: Ports,
        shutdown: &CancellationToken,
    ) -> Result<Self> {
        let backend = options
            .redis
            .decide(env.get("PATH").map(std::ffi::OsStr::new));
        let members: Vec<_> = CLUSTERS
            .into_iter()
            .map(|facts| {
                let store = Store::new(Arc::new(SystemSource), RingLimits::default());
                (facts, store, Arc::new(Addresses::of_cluster(facts.number)))
            })
            .collect();
        let member = |(facts, store, addresses): &(Facts, Store, Arc<Addresses>)| Member {
            facts: *facts,
            store: store.clone(),
            addresses: Arc::clone(addresses),
        };
        let mesh = Mesh::new(
            members.iter().map(member).collect(),
            options.network == "single",
            shutdown.clone(),
        );
        let ports = Arc::new(Mutex::new(ports));
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let kubelet = |(facts, store, addresses): &(Facts, Store, Arc<Addresses>)| {
            Arc::new(Kubelet::new(Settings {
                facts: *facts,
                store: store.clone(),
                addresses: Arc::clone(addresses),
                mesh: Arc::clone(&mesh),
                state: Arc::clone(state),
                leftovers: Arc::clone(&leftovers),
                program: program.clone(),
                backend: backend.clone(),
                ports: Arc::clone(&ports),
                events: Recorder::new(store.clone()),
            }))
        };
        let lab = Self {
            kubelets: members.iter().map(kubelet).collect(),
            members,
            mesh,
            ports,
            backend,
        };
        lab.fill(options.empty)?;
        Ok(lab)
    }

    /// Cluster objects start fresh from the manifests at every start.
    fn fill(&self, empty: bool) -> Result<()> {
        for (facts, store, addresses) in &self.members {
            for definition in fresh::definitions() {
                store.create(&rows::CUSTOM_RESOURCE_DEFINITIONS, "", definition)?;
            }
            let rules = Rules::new(store.clone(), addresses);
            for object in fresh::objects(*facts, addresses)? {
                rules.create(object, None)?;
            }
            if !empty {
                for object in manifest::objects(facts.name)? {
                    rules.create(manifest::applied(object), Some(manifest::MANAGER))?;
                }
            }
        }
        Ok(())
    }

    fn api(&self) -> Vec<(String, apiserver::Cluster)> {
        let cluster = |kubelet: &Arc<Kubelet>| {
            let (store, addresses) = (kubelet.store.clone(), &kubelet.addresses);
            let cluster = apiserver::Cluster {
                admission: Arc::new(Rules::new(store.clone(), addresses)),
                kubelet: Arc::clone(kubelet) as _,
                store,
            };
            (kubelet.facts.name.to_owned(), cluster)
        };
        self.kubelets.iter().map(cluster).collect()
    }

    fn start(&self, published: TcpListener) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&self.mesh).run());
        let mesh = Arc::clone(&self.mesh);
        tasks.spawn(async move { mesh.serve_ingress(published).await });
        for kubelet in &self.kubelets {
            let (store, addresses) = (kubelet.store.clone(), &kubelet.addresses);
            let api = Client {
                store: store.clone(),
                admission: Arc::new(Rules::new(store.clone(), addresses)),
            };
            let measured = Arc::clone(kubelet) as _;
            tasks.spawn(controllers::run(api, measured, Recorder::new(store)));
            tasks.spawn(Arc::clone(kubelet).run());
        }
        tasks
    }

    /// Waits until every pod is ready, then prints what a trainee needs.
    async fn announce(&self, dashboard: SocketAddr, state: &StateDir, started: Instant) {
        // Ready pods get requests only once every proxy knows of them.
        let up = async {
            self.all_ready().await;
            self.mesh.settled().await;
        };
        let ready = tokio::time::timeout(READY_LIMIT, up).await.is_ok();
        let took = started.elapsed().as_secs_f64();
        let (there, all) = self.count();
        let said = if ready {
            "ready"
        } else {
            "still starting; kubectl get pods -A shows which"
        };
        say(&format!(
            "theater-lab: {there} of {all} pods {said} ({took:.2} s)"
        ));
        say(&format!("  dashboard   http://{dashboard}"));
        say(&format!(
            "  kubectl     export KUBECONFIG={}",
            state.path("kubeconfig").display()
        ));
        let port = self.ports.lock().map_or(0, |ports| ports.get("redis"));
        match (&self.backend, port) {
            (Backend::External(address), _) => say(&format!("  store       redis://{address}")),
            (_, 0) => say(&format!(
                "  store       {} (not deployed yet)",
                self.backend.name()
            )),
            (backend, port) => say(&format!(
                "  store       redis-cli -p {port} ({})",
                backend.name()
            )),
        }
    }

    async fn all_ready(&self) {
        let changes: Vec<_> = self
            .members
            .iter()
            .map(|(_, store, _)| store.subscribe(&[&rows::PODS, &rows::DEPLOYMENTS]))
            .collect();
        loop {
            let (ready, all) = self.count();
            if all > 0 && ready == all {
                return;
            }
            let any = changes
                .iter()
                .map(|subscription| Box::pin(subscription.changed()));
            futures_util::future::select_all(any).await;
        }
    }

    /// Ready pods, and how many the Deployments want.
    fn count(&self) -> (usize, usize) {
        let pods = |store: &Store| {
            objects::list::<Pod>(store, &rows::PODS)
                .iter()
                .filter(|pod| is_ready(pod))
                .count()
        };
        let wanted = |store: &Store| {
            let deployments = store.list(&rows::DEPLOYMENTS, None).items;
            deployments
                .iter()
                .map(|it| apiserver::object::replicas(it))
                .sum::<i64>()
        };
        let sum = self
            .members
            .iter()
            .map(|(_, store, _)| (pods(store), wanted(store)));
        sum.fold((0, 0), |(ready, all), (more, wanted)| {
            (ready + more, all + usize::try_from(wanted).unwrap_or(0))
        })
    }
}
