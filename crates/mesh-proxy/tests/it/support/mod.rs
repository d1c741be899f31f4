//! A mesh of one client and some upstreams.

mod client;
pub(crate) mod tunnel;
mod upstream;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use mesh::compile::compile_sidecar;
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{
    Client as Pod, Endpoint, Locality, Network, Protocol, Service, ServicePort, World,
};
use mesh_proxy::{ClusterState, Dial, Listen, Proxy, Role, Settings, Target};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(crate) use client::{Answer, Client, exchange_raw, exchange_slowly, request};
pub(crate) use tunnel::{Tunnel, echoing, talk, tunnel};
pub(crate) use upstream::{Body, Upstream, full, raw_upstream};

/// No wait in these tests is longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Waits for something that must happen.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("it happens in time")
}

/// Waits until a condition holds.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let polled = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon(polled).await;
}

/// Virtual → real addresses, and how often each was dialled.
#[derive(Default)]
pub(crate) struct Wires {
    real: Mutex<HashMap<SocketAddr, SocketAddr>>,
    pub(crate) dials: AtomicUsize,
}

impl Wires {
    pub(crate) fn connect(&self, virtual_address: SocketAddr, real: SocketAddr) {
        self.real.lock().unwrap().insert(virtual_address, real);
    }
}

impl Dial for Wires {
    fn dial<'a>(&'a self, to: &'a Target) -> BoxFuture<'a, io::Result<TcpStream>> {
        Box::pin(async move {
            self.dials.fetch_add(1, Ordering::Relaxed);
            let real = self.real.lock().unwrap().get(&to.address).copied();
            match (real, &to.sni) {
                (Some(real), None) => TcpStream::connect(real).await,
                (Some(real), Some(_)) => mesh_proxy::connect_hop(real).await,
                (None, _) => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}

/// A client pod's sidecar before the service `svc` of namespace `t`, port 8080.
pub(crate) struct Mesh {
    pub(crate) proxy: Proxy,
    pub(crate) wires: Arc<Wires>,
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) pods: Vec<Endpoint>,
    pub(crate) protocol: Protocol,
    serving: JoinHandle<()>,
}

/// Pod `index` (0, 1, …) of cluster `ctx1` or `ctx2`, where its label says the same.
pub(crate) fn pod(index: usize, cluster: &str) -> Endpoint {
    let last = u8::try_from(index + 1).unwrap();
    Endpoint {
        address: SocketAddr::from(([10, 1, 0, last], 8080)),
        labels: BTreeMap::from([("cluster".to_owned(), cluster.to_owned())]),
        cluster: cluster.to_owned(),
        locality: Locality {
            region: format!("region-{cluster}"),
            zone: format!("{cluster}-z1"),
            ..Locality::default()
        },
        node: format!("{cluster}-n1"),
        pod: format!("svc-{index}"),
    }
}

/// A VirtualService `svc` with these http rules.
pub(crate) fn rules(http: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {"hosts": ["svc"], "http": http},
    })
}

/// The DestinationRule of the fixture, with a balancer.
pub(crate) fn subsets(simple: &str) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {
            "host": "svc",
            "trafficPolicy": {"loadBalancer": {"simple": simple}},
            "subsets": [
                {"name": "ctx1", "labels": {"cluster": "ctx1"}},
                {"name": "ctx2", "labels": {"cluster": "ctx2"}},
            ],
        },
    })
}

/// A route to a subset of `svc`.
pub(crate) fn to(subset: &str) -> Value {
    json!([{"destination": {"host": "svc", "subset": subset}}])
}

/// The fixture's weighted route.
pub(crate) fn weighted(ctx1: u32, ctx2: u32) -> Value {
    json!([
        {"destination": {"host": "svc", "subset": "ctx1"}, "weight": ctx1},
        {"destination": {"host": "svc", "subset": "ctx2"}, "weight": ctx2},
    ])
}

impl Mesh {
    /// Upstreams as pods: the first is in ctx1, the second in ctx2, and so on in turn.
    pub(crate) async fn new(http: Value, upstreams: &[SocketAddr]) -> Self {
        Self::start(
            Role::Outbound,
            Some(rules(http)),
            Some(subsets("ROUND_ROBIN")),
            upstreams,
        )
        .await
    }

    pub(crate) async fn start(
        role: Role,
        rules: Option<Value>,
        subsets: Option<Value>,
        upstreams: &[SocketAddr],
    ) -> Self {
        let settings = |wires: Arc<Wires>| Settings {
            seed: Some(7),
            ..Settings::new(role, wires)
        };
        Self::with(settings, Protocol::Sniffed, rules, subsets, upstreams).await
    }

    pub(crate) async fn with(
        settings: impl FnOnce(Arc<Wires>) -> Settings,
        protocol: Protocol,
        rules: Option<Value>,
        subsets: Option<Value>,
        upstreams: &[SocketAddr],
    ) -> Self {
        let wires = Arc::new(Wires::default());
        let cluster = |index: usize| {
            if index.is_multiple_of(2) {
                "ctx1"
            } else {
                "ctx2"
            }
        };
        let pods: Vec<_> = (0..upstreams.len())
            .map(|index| pod(index, cluster(index)))
            .collect();
        for (pod, real) in pods.iter().zip(upstreams) {
            wires.connect(pod.address, *real);
        }
        let proxy = Proxy::new(settings(wires.clone()));
        let (listener, address) = listener().await;
        let stop = CancellationToken::new();
        let routes = match protocol {
            Protocol::Sniffed => "svc.t.svc.cluster.local:8080",
            _ => "8080",
        };
        let listen = Listen {
            routes: routes.into(),
            address: Some(cluster_ip(8080)),
        };
        let (serving, stopped) = (proxy.clone(), stop.clone());
        let serving = async move { serving.serve_http(listener, listen, stopped).await };
        let mesh = Self {
            proxy,
            wires,
            address,
            stop,
            pods,
            protocol,
            serving: tokio::spawn(serving),
        };
        mesh.apply(rules.as_slice(), subsets.as_slice());
        mesh
    }

    /// Compiles and applies rules.
    pub(crate) fn apply(&self, rules: &[Value], subsets: &[Value]) {
        let services = [service(self.protocol, self.pods.clone())];
        let virtual_services: Vec<_> = rules
            .iter()
            .map(|rule| VirtualService::parse(rule).unwrap())
            .collect();
        let destination_rules: Vec<_> = subsets
            .iter()
            .map(|rule| DestinationRule::parse(rule).unwrap())
            .collect();
        let world = World {
            services: &services,
            virtual_services: &virtual_services,
            destination_rules: &destination_rules,
            network: &Network::Single,
        };
        let client = Pod {
            cluster: "ctx1".into(),
            namespace: "t".into(),
            ..Pod::default()
        };
        let config = compile_sidecar(&world, &client);
        assert_eq!(config.problems, Vec::<String>::new());
        self.proxy.apply(Arc::new(config));
    }

    /// The cluster of a subset of `svc`, at work.
    pub(crate) fn cluster(&self, subset: &str) -> Arc<ClusterState> {
        let name = format!("outbound|8080|{subset}|svc.t.svc.cluster.local");
        let clusters = self.proxy.clusters();
        clusters
            .into_iter()
            .find(|cluster| *cluster.config.name == *name)
            .unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client().await.get(path).await
    }

    /// Ends the listener with everything that it has begun, copies for mirrors too.
    pub(crate) async fn end(&mut self) {
        self.stop.cancel();
        soon(&mut self.serving).await.unwrap();
    }

    pub(crate) fn dials(&self) -> usize {
        self.wires.dials.load(Ordering::Relaxed)
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn cluster_ip(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 96, 0, 7)), port)
}

pub(crate) fn service(protocol: Protocol, endpoints: Vec<Endpoint>) -> Service {
    Service {
        name: "svc".into(),
        namespace: "t".into(),
        cluster_ip: cluster_ip(0).ip(),
        created: None,
        ports: vec![ServicePort {
            port: 8080,
            protocol,
            endpoints,
        }],
    }
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address that refuses connections.
pub(crate) async fn refusing() -> SocketAddr {
    listener().await.1
}

/// The exact band that a share keeps with a probability of 1 − 1e-6, for counts of these tests.
pub(crate) fn band(n: u32, p: f64) -> std::ops::RangeInclusive<usize> {
    let (low, high) = testkit::band::band(n, p).into_inner();
    low as usize..=high as usize
}
