//! Whatever is written, and whatever is asked: nothing panics, nothing runs for ever.
//!
//! Objects are the lessons' and those that a real istiod was asked with, changed at random; from
//! them proxies are compiled, and requests with random parts are decided by them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod engine;
mod requests;

use corpus::{mutation, objects};
use mesh::compile::{GatewayServer, compile_gateway, compile_inbound, compile_sidecar, left_out};
use mesh::config::Config;
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{Client, Endpoint, Locality, Network, Protocol, Service, ServicePort, World};
use mesh::{obeyed, summary, validate};
use proptest::prelude::*;
use serde_json::Value;

/// The services that the corpus speaks of, one pod of each in each cluster.
fn services() -> Vec<Service> {
    let names = [
        ("svc", 8080),
        ("named", 8080),
        ("user-service", 8081),
        ("movie-service", 8082),
        ("booking-service", 8083),
    ];
    let protocols = [Protocol::Sniffed, Protocol::Http];
    let service = |(index, (name, port)): (usize, &(&str, u16))| Service {
        name: (*name).to_owned(),
        namespace: "t".to_owned(),
        cluster_ip: [10, 96, 0, index as u8].into(),
        created: None,
        ports: vec![ServicePort {
            port: *port,
            protocol: protocols[index % 2],
            endpoints: ["ctx1", "ctx2"]
                .map(|cluster| endpoint(index, *port, cluster))
                .into(),
        }],
    };
    names.iter().enumerate().map(service).collect()
}

fn endpoint(index: usize, port: u16, cluster: &str) -> Endpoint {
    let network = if cluster == "ctx1" { 1 } else { 2 };
    Endpoint {
        address: ([10, network, 0, index as u8], port).into(),
        labels: [("cluster".to_owned(), cluster.to_owned())].into(),
        cluster: cluster.to_owned(),
        locality: Locality {
            region: format!("region-{cluster}"),
            zone: format!("{cluster}-z1"),
            ..Locality::default()
        },
        node: String::new(),
        pod: String::new(),
    }
}

/// The configurations that every kind of proxy makes of some objects.
fn compiled(objects: &[Value]) -> Vec<Config> {
    let virtual_services: Vec<_> = parsed(objects, VirtualService::parse);
    let destination_rules: Vec<_> = parsed(objects, DestinationRule::parse);
    for rule in &virtual_services {
        left_out(rule);
        summary::summary(rule);
    }
    let (services, network) = (services(), Network::Single);
    let world = World {
        services: &services,
        virtual_services: &virtual_services,
        destination_rules: &destination_rules,
        network: &network,
    };
    let client = Client {
        cluster: "ctx1".into(),
        namespace: "t".into(),
        ..Client::default()
    };
    let hosts = ["*".to_owned()];
    let server = GatewayServer {
        gateway: "istio-system/cp-gateway",
        port: 80,
        hosts: &hosts,
    };
    let address = services[0].ports[0].endpoints[0].address;
    vec![
        compile_sidecar(&world, &client),
        compile_gateway(&world, &client, &server),
        compile_inbound(&world, &client, address),
    ]
}

fn parsed<T, E>(objects: &[Value], parse: impl Fn(&Value) -> Result<T, E>) -> Vec<T> {
    objects.iter().filter_map(|it| parse(it).ok()).collect()
}

#[test]
fn every_object_of_the_corpus_is_accepted_and_compiled_and_nothing_is_left_out() {
    let (mut rules, mut total) = (0, 0);
    for set in objects() {
        for object in set {
            assert!(validate::validate(object).is_ok(), "{object}");
            total += 1;
            rules += usize::from(object["kind"] == "VirtualService");
        }
        assert!(!compiled(set)[0].clusters.is_empty());
    }
    // Else the properties below would be about nothing.
    assert!(rules > 100 && total > 200, "{rules} of {total}");
}

proptest! {
    // A case compiles three proxies.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_becomes_of_an_object_it_is_judged_compiled_and_obeyed(
        set in 0..objects().len(),
        mutations in prop::collection::vec(mutation(), 0..4),
        requests in prop::collection::vec(requests::request(), 1..4),
    ) {
        let mut objects = objects()[set].clone();
        for mutation in &mutations {
            mutation.apply(&mut objects);
        }
        for object in &objects {
            let _ = validate::validate(object);
            let told = obeyed::warnings(object);
            prop_assert!(told.len() < 1_000);
        }
        for config in compiled(&objects) {
            for request in &requests {
                request.decide(&config);
            }
        }
    }
}
