//! Decisions per second on one core: `cargo bench -p mesh --features engine`.
//!
//! One decision is what a sidecar decides about one request: virtual host, route among 50 rules,
//! fault draw, weighted cluster, retry policy, host. Nothing here fails; figures are for reading.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot measure must stop"
)]
#![allow(missing_docs, reason = "a program, not an interface")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use mesh::compile::compile_sidecar;
use mesh::config::{Action, Config};
use mesh::engine::{Choice, Counts, Engine, Report};
use mesh::matching::Request;
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{Client, Endpoint, Locality, Network, Protocol, Service, ServicePort, World};
use mesh::retry::Outcome;
use serde_json::{Value, json};

const RULES: usize = 50;
const PODS: u8 = 4;
const SAMPLES: usize = 7;
const SAMPLE: u64 = 500_000;

fn main() {
    let config = config();
    let routes = config.routes.values().next().unwrap();
    assert_eq!(routes.virtual_hosts[0].routes.len(), RULES);
    for (name, rule) in [("first", 0), ("middle", RULES / 2), ("last", RULES - 1)] {
        let mut proxy = Proxy::new(&config);
        let mut samples: Vec<f64> = (0..SAMPLES).map(|_| proxy.sample(rule)).collect();
        samples.sort_by(f64::total_cmp);
        let median = samples[SAMPLES / 2];
        println!("{name:6} of {RULES} rules: {median:>10.0} decisions per second and core");
    }
}

/// What one proxy keeps between decisions.
struct Proxy<'a> {
    config: &'a Config,
    engines: HashMap<Arc<str>, Engine>,
    random: u64,
    now: Duration,
}

impl<'a> Proxy<'a> {
    fn new(config: &'a Config) -> Self {
        let engine = |cluster: &mesh::config::Cluster| {
            Engine::new(
                &cluster.policy,
                &cluster.hosts,
                Duration::ZERO,
                7,
                Counts::default(),
            )
        };
        let engines = config.clusters.iter();
        Self {
            config,
            engines: engines
                .map(|(name, it)| (name.clone(), engine(it)))
                .collect(),
            random: 7,
            now: Duration::ZERO,
        }
    }

    /// Decisions per second for requests that `rule` takes.
    fn sample(&mut self, rule: usize) -> f64 {
        let mut headers = HeaderMap::new();
        headers.insert("x-user", HeaderValue::from_static("kim"));
        headers.insert("user-agent", HeaderValue::from_static("Mozilla/5.0"));
        let path = format!("/rule-{rule}/users/17");
        let request = Request {
            method: "GET",
            scheme: "http",
            authority: "svc:8080",
            path: &path,
            query: "limit=10",
            headers: &headers,
        };
        let began = Instant::now();
        for _ in 0..SAMPLE {
            black_box(self.decide(black_box(&request)));
        }
        SAMPLE as f64 / began.elapsed().as_secs_f64()
    }

    fn decide(&mut self, request: &Request<'_>) -> Option<usize> {
        self.now += Duration::from_micros(1);
        let table = self.config.routes.get("svc.t.svc.cluster.local:8080")?;
        let host = table.virtual_host(request.authority)?;
        let route = host.routes.iter().find(|it| it.matches.matches(request))?;
        let Action::Forward(forward) = &route.action else {
            return None;
        };
        let draw = next(&mut self.random);
        let destination = forward.destinations.pick(draw);
        let injected = route
            .fault
            .draw(next(&mut self.random), next(&mut self.random));
        if injected.abort.is_some() {
            return None;
        }
        let engine = self.engines.get_mut(&destination.cluster)?;
        let random = &mut self.random;
        let choice = Choice {
            active: |host: usize| host as u32,
            random: || next(random),
            tried: |_| false,
            repicks: forward.retry.as_ref().map_or(0, |policy| policy.repicks),
            hash: None,
            left: Vec::new(),
        };
        let host = engine.pick(self.now, choice)?;
        engine.report(host, Report::Answer { status: 200 }, self.now);
        let answered = Outcome::Response {
            status: 200,
            grpc_status: None,
        };
        let again = forward
            .retry
            .as_ref()
            .is_some_and(|policy| policy.on.retry(answered));
        (!again).then_some(host)
    }
}

/// xorshift: chance that costs next to nothing, so that the decisions are what is measured.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn config() -> Config {
    let rule = |index: usize| {
        json!({
            "name": format!("rule-{index}"),
            "match": [{"uri": {"prefix": format!("/rule-{index}/")}, "headers": {"x-user": {"exact": "kim"}}}],
            "fault": {"abort": {"httpStatus": 500, "percentage": {"value": 1}}},
            "retries": {"attempts": 2, "retryOn": "5xx,reset"},
            "route": [
                {"destination": {"host": "svc", "subset": "ctx1"}, "weight": 70},
                {"destination": {"host": "svc", "subset": "ctx2"}, "weight": 30},
            ],
        })
    };
    let subset = |name: &str| json!({"name": name, "labels": {"cluster": name}});
    let rules = object(
        "VirtualService",
        json!({"hosts": ["svc"], "http": (0..RULES).map(rule).collect::<Vec<_>>()}),
    );
    let policy = json!({"outlierDetection": {"consecutive5xxErrors": 2}});
    let subsets = object(
        "DestinationRule",
        json!({"host": "svc", "trafficPolicy": policy, "subsets": [subset("ctx1"), subset("ctx2")]}),
    );
    let (services, network) = ([service()], Network::Single);
    let world = World {
        services: &services,
        virtual_services: &[VirtualService::parse(&rules).unwrap()],
        destination_rules: &[DestinationRule::parse(&subsets).unwrap()],
        network: &network,
    };
    let client = Client {
        cluster: "ctx1".into(),
        namespace: "t".into(),
        ..Client::default()
    };
    compile_sidecar(&world, &client)
}

fn object(kind: &str, spec: Value) -> Value {
    let metadata = json!({"name": "svc", "namespace": "t"});
    json!({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec})
}

fn service() -> Service {
    let pod = |number: u8| {
        let cluster = if number.is_multiple_of(2) {
            "ctx1"
        } else {
            "ctx2"
        };
        Endpoint {
            address: ([10, 1, 0, number], 8080).into(),
            labels: [("cluster".to_owned(), cluster.to_owned())].into(),
            cluster: cluster.to_owned(),
            locality: Locality::default(),
            node: String::new(),
            pod: String::new(),
        }
    };
    Service {
        name: "svc".into(),
        namespace: "t".into(),
        cluster_ip: [10, 96, 0, 1].into(),
        created: None,
        ports: vec![ServicePort {
            port: 8080,
            protocol: Protocol::Sniffed,
            endpoints: (0..PODS).map(pod).collect(),
        }],
    }
}
