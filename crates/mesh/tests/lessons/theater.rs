//! The theater as a lesson finds it: user-service with two pods in each cluster, ctx2's behind their
//! gateway.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::HeaderMap;
use mesh::compile::{compile_east_west, compile_sidecar};
use mesh::config::{Action, Cluster, Config, Forward, Route};
use mesh::engine::{Choice, Counts, Engine};
use mesh::matching::Request;
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{Client, Endpoint, Locality, Network, Protocol, Service, ServicePort, World};
use serde_json::Value;

const NAMESPACE: &str = "theater-msa";
const PORT: u16 = 8081;

/// What the gateway's sidecar obeys in a lesson.
pub(crate) struct Lesson {
    config: Config,
    /// What ctx2's east-west gateway obeys, in the first of its zones.
    doors: BTreeMap<Arc<str>, Arc<Cluster>>,
    /// The numbers of its `expect.yaml`.
    pub(crate) expect: BTreeMap<String, u64>,
}

/// Chance that can be replayed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// splitmix64.
    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }
}

impl Lesson {
    pub(crate) fn read(folder: &str) -> Self {
        Self::changed(folder, |_| {})
    }

    /// A lesson whose DestinationRules, in both clusters, are changed.
    pub(crate) fn changed(folder: &str, change: impl Fn(&mut Value)) -> Self {
        let rules = objects(folder, "virtualservices.yaml");
        let mut policies = objects(folder, "destinationrules.yaml");
        policies.iter_mut().for_each(change);
        let gateway: SocketAddr = ([203, 0, 113, 2], 15443).into();
        let network = Network::Multi {
            gateways: [("ctx2".to_owned(), vec![gateway])].into(),
        };
        let services = [user_service()];
        let virtual_services: Vec<_> = rules
            .iter()
            .map(|it| VirtualService::parse(it).unwrap())
            .collect();
        let destination_rules: Vec<_> = policies
            .iter()
            .map(|it| DestinationRule::parse(it).unwrap())
            .collect();
        let world = World {
            services: &services,
            virtual_services: &virtual_services,
            destination_rules: &destination_rules,
            network: &network,
        };
        let client = Client {
            cluster: "ctx1".into(),
            namespace: NAMESPACE.into(),
            labels: BTreeMap::new(),
            locality: locality("ctx1", 1),
        };
        Self {
            config: compile_sidecar(&world, &client),
            doors: compile_east_west(&world, "ctx2", &locality("ctx2", 1)),
            expect: expectations(&text(folder, "expect.yaml")),
        }
    }

    /// The rule for requests without a special header.
    pub(crate) fn route(&self) -> &Route {
        self.route_of(&HeaderMap::new())
    }

    /// The rule for requests with these headers.
    pub(crate) fn route_of(&self, headers: &HeaderMap) -> &Route {
        let table = self.config.routes.values().next().unwrap();
        let host = table.virtual_host("user-service:8081").unwrap();
        let request = Request {
            method: "GET",
            scheme: "http",
            authority: "user-service:8081",
            path: "/users/",
            query: "",
            headers,
        };
        let mut routes = host.routes.iter();
        routes.find(|it| it.matches.matches(&request)).unwrap()
    }

    pub(crate) fn forward(&self) -> &Forward {
        match &self.route().action {
            Action::Forward(forward) => forward,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn cluster(&self, subset: &str) -> &Cluster {
        let name = format!("outbound|{PORT}|{subset}|user-service.{NAMESPACE}.svc.cluster.local");
        &self.config.clusters[&*name]
    }

    pub(crate) fn engine(&self, subset: &str) -> Engine {
        start(self.cluster(subset))
    }

    /// The balancer of ctx2's east-west gateway for its own subset.
    pub(crate) fn door(&self) -> Engine {
        let sni = format!("outbound_.{PORT}_.ctx2_.user-service.{NAMESPACE}.svc.cluster.local");
        start(&self.doors[&*sni])
    }
}

fn start(cluster: &Cluster) -> Engine {
    Engine::new(
        &cluster.policy,
        &cluster.hosts,
        std::time::Duration::ZERO,
        7,
        Counts::default(),
    )
}

/// A choice of an idle proxy.
pub(crate) fn choice(
    dice: &mut Dice,
) -> Choice<impl Fn(usize) -> u32, impl FnMut() -> u64, impl Fn(usize) -> bool> {
    Choice {
        active: |_| 0,
        random: || dice.throw(),
        tried: |_| false,
        repicks: 0,
        hash: None,
        left: Vec::new(),
    }
}

/// A file of the repository.
pub(crate) fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

fn text(folder: &str, name: &str) -> String {
    file(&format!("practice/{folder}/{name}"))
}

fn objects(folder: &str, name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(folder, name)).unwrap()
}

/// The keys whose values are numbers.
fn expectations(text: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines
        .filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?)))
        .collect()
}

fn locality(cluster: &str, zone: u8) -> Locality {
    Locality {
        region: format!("region-{cluster}"),
        zone: format!("{cluster}-z{zone}"),
        ..Locality::default()
    }
}

fn user_service() -> Service {
    let pod = |cluster: &str, number: u8| Endpoint {
        address: ([10, if cluster == "ctx1" { 1 } else { 2 }, 0, number], PORT).into(),
        labels: [("cluster".to_owned(), cluster.to_owned())].into(),
        cluster: cluster.to_owned(),
        locality: locality(cluster, number),
        node: String::new(),
        pod: format!("user-service-{cluster}-{number}"),
    };
    Service {
        name: "user-service".into(),
        namespace: NAMESPACE.into(),
        cluster_ip: [10, 96, 0, 81].into(),
        created: None,
        ports: vec![ServicePort {
            port: PORT,
            protocol: Protocol::Sniffed,
            endpoints: vec![
                pod("ctx1", 1),
                pod("ctx1", 2),
                pod("ctx2", 1),
                pod("ctx2", 2),
            ],
        }],
    }
}
