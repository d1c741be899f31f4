//! Two proxies before the same upstreams, ours and a real Envoy that loads our own `/config_dump`:
//! after the same requests both show and log the same.

mod config;
mod hosts;
mod log;
mod others;
mod statistics;
mod warmup;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hyper::Response;
use mesh::compile::compile_sidecar;
use mesh::config::Config;
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{Client as Pod, Endpoint, Network, Protocol, World};
use mesh_proxy::{AccessLog, Admin, Listen, Proxy, Role, Settings, TcpDial};
use serde_json::Value;
use tempfile::TempDir;
use testkit::envoy::Envoy;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::admin::{admin_of, everything};
use crate::support::*;
use config::{FQDN, bootstrap, objects};

/// Both proxies.
struct Stage {
    ours: SocketAddr,
    theirs: SocketAddr,
    admin: Admin,
    envoy: Envoy,
    lines: Arc<Lines>,
    folder: TempDir,
    /// What holds slow answers; closed, it holds none.
    gate: Arc<Semaphore>,
    _upstream: Upstream,
    _stop: DropGuard,
}

/// Our access log.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl AccessLog for Lines {
    fn line(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Stage {
    /// None after a loud skip.
    async fn set() -> Option<Self> {
        let gate = Arc::new(Semaphore::new(0));
        let upstream = upstream(gate.clone()).await;
        let refusing = refusing().await;
        let endpoint = |cluster: &str, address| Endpoint {
            address,
            ..pod(0, cluster)
        };
        let pods = vec![
            endpoint("ctx1", upstream.address),
            endpoint("ctx2", refusing),
        ];
        let (stop, lines) = (CancellationToken::new(), Arc::new(Lines::default()));
        let config = compiled(&objects(), pods);
        let (ours, admin) = start(config, lines.clone(), stop.clone()).await;
        let dump = serde_json::from_str(&admin.get("/config_dump?include_eds").body).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let envoy = Envoy::start(bootstrap(&dump, &log_file(&folder))).await?;
        Some(Self {
            ours,
            theirs: envoy.listener("svc").await,
            admin,
            envoy,
            lines,
            folder,
            gate,
            _upstream: upstream,
            _stop: stop.drop_guard(),
        })
    }
}

fn log_file(folder: &TempDir) -> PathBuf {
    folder.path().join("access.log")
}

/// What the rules mean for a pod of ctx1.
fn compiled(objects: &(Value, Value), pods: Vec<Endpoint>) -> Config {
    compiled_as(Protocol::Sniffed, objects, pods)
}

/// The same where the port is known to speak a protocol.
fn compiled_as(
    protocol: Protocol,
    (rules, policy): &(Value, Value),
    pods: Vec<Endpoint>,
) -> Config {
    let services = [service(protocol, pods)];
    let world = World {
        services: &services,
        virtual_services: &[VirtualService::parse(rules).unwrap()],
        destination_rules: &[DestinationRule::parse(policy).unwrap()],
        network: &Network::Single,
    };
    let pod = Pod {
        cluster: "ctx1".into(),
        namespace: "t".into(),
        ..Pod::default()
    };
    compile_sidecar(&world, &pod)
}

/// Our proxy before real addresses: where it listens, and its admin interface.
async fn start(config: Config, lines: Arc<Lines>, stop: CancellationToken) -> (SocketAddr, Admin) {
    let proxy = proxy(config, lines);
    let listen = Listen {
        routes: format!("{FQDN}:8080").into(),
        address: Some(cluster_ip(8080)),
    };
    let address = serve(&proxy, listen, stop).await;
    (address, admin_of(&proxy, everything()))
}

fn proxy(config: Config, lines: Arc<Lines>) -> Proxy {
    let proxy = Proxy::new(Settings {
        access_log: Some(lines),
        ..Settings::new(Role::Outbound, Arc::new(TcpDial))
    });
    proxy.apply(Arc::new(config));
    proxy
}

/// Where a proxy listens for HTTP.
async fn serve(proxy: &Proxy, listen: Listen, stop: CancellationToken) -> SocketAddr {
    let (listener, address) = listener().await;
    let proxy = proxy.clone();
    tokio::spawn(async move { proxy.serve_http(listener, listen, stop).await });
    address
}

/// Answers the status that the path ends with; `slow` is answered when the gate is open, and so is
/// `again` when it is tried again.
async fn upstream(gate: Arc<Semaphore>) -> Upstream {
    Upstream::serving(move |request| {
        let gate = gate.clone();
        async move {
            let last = request
                .uri()
                .path()
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            let attempt = request.headers().get("x-envoy-attempt-count");
            let first = attempt.is_some_and(|attempt| attempt == "1");
            if last == "slow" || (last == "again" && !first) {
                // Closed, it is open for good.
                let _ = gate.acquire().await;
            } else if last == "again" {
                return Response::builder().status(503).body(full("")).unwrap();
            }
            let mut response = Response::new(full("answer"));
            *response.status_mut() = last.parse().unwrap_or_default();
            response
        }
    })
    .await
}

/// What each path is about; `N` at its end is the status that the upstream answers.
const PATHS: [&str; 19] = [
    "/all/200",
    "/all/404",
    "/all/503",
    "/abort/200",
    "/delay/200",
    "/retry/503",
    "/retry/200",
    "/limit/slow",
    "/ejecting/503",
    "/ejecting/500",
    "/ejecting/200",
    "/refusing/200",
    "/nobody/200",
    "/missing/200",
    "/mirrored/200",
    "/unheard/200",
    "/unknown",
    "/narrow/200",
    "/narrow/200",
];

/// Asked when the host of `/ejecting` is away.
const WHEN_EJECTED: &str = "/ejecting/200";

/// Envoy ejects on another thread than the one that answers: the next request may still get through.
async fn until_ejected(get: &impl AsyncFn(&str) -> String) {
    testkit::wait::until("the host to be ejected", LIMIT, async || {
        let active = get("/stats?filter=ejecting.*ejections_active$").await;
        active.trim_end().ends_with(": 1")
    })
    .await;
}
