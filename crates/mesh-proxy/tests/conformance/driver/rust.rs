//! The Rust proxy, over real sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mesh::compile::{compile_inbound, compile_sidecar};
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{Client, Endpoint, Locality, Network, Protocol, Service, World};
use mesh_proxy::{AccessLog, ClusterState, HostStats, Listen, Proxy, Role, Settings, TcpDial};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Cluster, Scene, Sidecar, cluster_name};
use crate::pods::Pod;
use crate::recording::{FQDN, NAMESPACE};
use crate::support::{Wires, cluster_ip, listener, service};

/// One sidecar a case, and one before each of its pods where the case says so.
pub(crate) struct Rust {
    proxy: Proxy,
    address: SocketAddr,
    inbound: BTreeMap<String, Proxy>,
    log: Arc<Lines>,
    _running: DropGuard,
}

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl AccessLog for Lines {
    fn line(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

/// Starts the sidecars of a case.
pub(crate) async fn start(scene: &Scene<'_>) -> Rust {
    let (wires, log) = (Arc::new(Wires::default()), Arc::new(Lines::default()));
    let stop = CancellationToken::new();
    let mut inbound = BTreeMap::new();
    for (name, pod) in &scene.pods {
        let mut real = pod.address;
        if scene.case.sidecars {
            let (proxy, before) = pod_side(name, pod, &stop).await;
            inbound.insert(name.clone(), proxy);
            real = before;
        }
        wires.connect(virtual_address(name), real);
    }
    let proxy = Proxy::new(Settings {
        access_log: Some(log.clone()),
        ..Settings::new(Role::Outbound, wires)
    });
    let listen = Listen {
        routes: format!("{FQDN}:8080").into(),
        address: Some(cluster_ip(8080)),
    };
    let address = serve(&proxy, listen, &stop).await;
    let rust = Rust {
        proxy,
        address,
        inbound,
        log,
        _running: stop.drop_guard(),
    };
    rust.apply(scene).await;
    rust
}

async fn pod_side(name: &str, pod: &Pod, stop: &CancellationToken) -> (Proxy, SocketAddr) {
    let settings = Settings::new(Role::Inbound, Arc::new(TcpDial));
    let app = pod.address;
    let proxy = Proxy::inbound(settings, move || Some(app), virtual_address(name));
    let listen = Listen {
        routes: Proxy::inbound_routes(8080),
        address: Some(virtual_address(name)),
    };
    let address = serve(&proxy, listen, stop).await;
    (proxy, address)
}

async fn serve(proxy: &Proxy, listen: Listen, stop: &CancellationToken) -> SocketAddr {
    let (listener, address) = listener().await;
    let (serving, stop) = (proxy.clone(), stop.clone());
    tokio::spawn(async move { serving.serve_http(listener, listen, stop).await });
    address
}

/// Pod `A` is 10.1.0.65.
fn virtual_address(name: &str) -> SocketAddr {
    SocketAddr::from(([10, 1, 0, name.as_bytes()[0]], 8080))
}

fn endpoint(name: &str, pod: &Pod) -> Endpoint {
    Endpoint {
        address: virtual_address(name),
        labels: BTreeMap::from([("cluster".to_owned(), pod.cluster.clone())]),
        cluster: "ctx1".to_owned(),
        locality: locality(pod.remote),
        node: "n1".to_owned(),
        pod: name.to_owned(),
    }
}

fn locality(remote: bool) -> Locality {
    let region = if remote { "elsewhere" } else { "here" };
    Locality {
        region: region.to_owned(),
        ..Locality::default()
    }
}

/// The pod that recordings were made for.
fn client() -> Client {
    Client {
        cluster: "ctx1".to_owned(),
        namespace: NAMESPACE.to_owned(),
        labels: BTreeMap::from([("app".to_owned(), "api".to_owned())]),
        locality: locality(false),
    }
}

impl Sidecar for Rust {
    fn address(&self) -> SocketAddr {
        self.address
    }

    async fn apply(&self, scene: &Scene<'_>) {
        let endpoints = scene.pods.iter().map(|(name, pod)| endpoint(name, pod));
        let services = [Service {
            namespace: NAMESPACE.to_owned(),
            ..service(Protocol::Sniffed, endpoints.collect())
        }];
        let objects = &scene.recording;
        let rules = objects.of_kind("VirtualService").map(VirtualService::parse);
        let policies = objects
            .of_kind("DestinationRule")
            .map(DestinationRule::parse);
        let (rules, policies): (Vec<_>, Vec<_>) = (
            rules.map(Result::unwrap).collect(),
            policies.map(Result::unwrap).collect(),
        );
        let world = World {
            services: &services,
            virtual_services: &rules,
            destination_rules: &policies,
            network: &Network::Single,
        };
        self.proxy
            .apply(Arc::new(compile_sidecar(&world, &client())));
        for (name, proxy) in &self.inbound {
            proxy.apply(Arc::new(compile_inbound(
                &world,
                &client(),
                virtual_address(name),
            )));
        }
    }

    async fn cluster(&self, scene: &Scene<'_>, subset: &str) -> Cluster {
        let name = cluster_name(subset, NAMESPACE);
        let clusters = self.proxy.clusters();
        let cluster = clusters.iter().find(|it| *it.config.name == *name);
        view(
            scene,
            cluster.unwrap_or_else(|| panic!("no cluster {name}")),
        )
    }

    fn log(&self) -> Vec<String> {
        self.log.0.lock().unwrap().clone()
    }
}

fn view(scene: &Scene<'_>, cluster: &ClusterState) -> Cluster {
    let name = |at: SocketAddr| {
        let mut names = scene.pods.keys();
        names
            .find(|name| virtual_address(name) == at)
            .unwrap()
            .clone()
    };
    let health = cluster.health();
    let hosts = cluster
        .hosts
        .iter()
        .map(|host| (name(host.target.address), &host.stats));
    let hosts: Vec<_> = hosts.collect();
    let away = hosts
        .iter()
        .zip(&health.ejected)
        .filter(|(_, ejected)| **ejected);
    let mut ejected: Vec<_> = away.map(|((name, _), _)| name.clone()).collect();
    ejected.sort();
    Cluster {
        ejected,
        hosts: hosts
            .iter()
            .map(|(name, stats)| (name.clone(), host_counters(stats)))
            .collect(),
        counters: counters(cluster),
        limits: limits(cluster),
    }
}

fn host_counters(stats: &HostStats) -> BTreeMap<String, u64> {
    let counters = [
        ("cx_connect_fail", &stats.cx_connect_fail),
        ("cx_total", &stats.cx_total),
        ("rq_error", &stats.rq_error),
        ("rq_success", &stats.rq_success),
        ("rq_timeout", &stats.rq_timeout),
        ("rq_total", &stats.rq_total),
    ];
    counters
        .map(|(name, count)| (name.to_owned(), count.get()))
        .into()
}

fn counters(cluster: &ClusterState) -> BTreeMap<String, u64> {
    let (stats, counts) = (&cluster.stats, cluster.health().counts);
    let active = cluster.health().ejected.iter().filter(|it| **it).count();
    let counters = [
        ("upstream_rq_retry", stats.upstream_rq_retry.get()),
        (
            "upstream_rq_pending_overflow",
            stats.upstream_rq_pending_overflow.get(),
        ),
        (
            "upstream_rq_active_overflow",
            stats.upstream_rq_active_overflow.get(),
        ),
        (
            "upstream_rq_retry_overflow",
            stats.upstream_rq_retry_overflow.get(),
        ),
        (
            "upstream_cx_none_healthy",
            stats.upstream_cx_none_healthy.get(),
        ),
        ("lb_healthy_panic", counts.panics),
        ("outlier_detection.ejections_active", active as u64),
        ("outlier_detection.ejections_overflow", counts.overflow),
        (
            "outlier_detection.ejections_enforced_total",
            counts.enforced.total(),
        ),
        (
            "outlier_detection.ejections_enforced_consecutive_5xx",
            counts.enforced.consecutive_5xx,
        ),
        (
            "outlier_detection.ejections_enforced_consecutive_gateway_failure",
            counts.enforced.gateway_failure,
        ),
    ];
    counters
        .map(|(name, count)| (name.to_owned(), count))
        .into()
}

fn limits(cluster: &ClusterState) -> BTreeMap<String, u64> {
    let limits = [
        ("max_connections", &cluster.limits.connections),
        ("max_pending_requests", &cluster.limits.pending),
        ("max_requests", &cluster.limits.requests),
        ("max_retries", &cluster.limits.retries),
    ];
    limits
        .map(|(name, limit)| (name.to_owned(), limit.most().into()))
        .into()
}
