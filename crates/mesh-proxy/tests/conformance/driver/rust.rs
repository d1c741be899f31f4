//! The Rust proxy, over real sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mesh::compile::{compile_inbound, compile_sidecar};
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{Client, Endpoint, Locality, Network, Protocol, Service, World};
use mesh_proxy::{
    AccessLog, Admin, Listen, Node, Part, Proxy, Role, Settings, StatsMatcher, TcpDial,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Scene, Sidecar};
use crate::pods::Pod;
use crate::recording::{FQDN, NAMESPACE};
use crate::support::{Wires, cluster_ip, listener, service};

/// One sidecar a case, and one before each of its pods where the case says so.
pub(crate) struct Rust {
    proxy: Proxy,
    admin: Admin,
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
        admin: admin(&proxy),
        proxy,
        address,
        inbound,
        log,
        _running: stop.drop_guard(),
    };
    rust.apply(scene).await;
    rust
}

/// An admin interface that keeps every statistic, as the one beside it.
fn admin(proxy: &Proxy) -> Admin {
    let proxy = proxy.clone();
    let everything = StatsMatcher {
        prefixes: vec![String::new()],
        ..StatsMatcher::default()
    };
    Admin::new(Node::default(), everything, move || {
        vec![Part::Proxy(proxy.clone())]
    })
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

    fn namespace(&self) -> &str {
        NAMESPACE
    }

    async fn admin(&self, path: &str) -> String {
        self.admin.get(path).body
    }

    fn address_of(&self, pod: &str) -> SocketAddr {
        virtual_address(pod)
    }

    fn log(&self) -> Vec<String> {
        self.log.0.lock().unwrap().clone()
    }
}
