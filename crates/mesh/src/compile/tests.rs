//! Compilations, against what istiod made of the same objects and against the rules one by one.

mod golden;
mod inbound;
mod locality;
mod network;
mod policy;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::*;
use crate::config::{Action, Config, Route, Serves, UnknownHost};
use crate::model::{DestinationRule, VirtualService};
use crate::registry::*;

fn endpoint(last: u8, cluster: &str, zone: &str) -> Endpoint {
    let network = if cluster == "ctx1" { 1 } else { 2 };
    Endpoint {
        address: SocketAddr::from(([10, network, 0, last], 8080)),
        labels: BTreeMap::from([
            ("cluster".into(), cluster.into()),
            ("app".into(), "svc".into()),
        ]),
        cluster: cluster.into(),
        locality: Locality {
            region: format!("region-{cluster}"),
            zone: format!("{cluster}-{zone}"),
            ..Locality::default()
        },
        node: format!("{cluster}-{zone}"),
        pod: format!("svc-{cluster}-{last}"),
    }
}

fn service(name: &str, namespace: &str, protocol: Protocol, endpoints: Vec<Endpoint>) -> Service {
    Service {
        name: name.into(),
        namespace: namespace.into(),
        cluster_ip: [10, 96, 0, 1].into(),
        created: None,
        ports: vec![ServicePort {
            port: 8080,
            protocol,
            endpoints,
        }],
    }
}

fn svc(protocol: Protocol) -> Service {
    service(
        "svc",
        "t",
        protocol,
        vec![endpoint(1, "ctx1", "z1"), endpoint(2, "ctx2", "z1")],
    )
}

fn client(namespace: &str, app: &str) -> Client {
    Client {
        cluster: "ctx1".into(),
        namespace: namespace.into(),
        labels: BTreeMap::from([("app".into(), app.into())]),
        ..Client::default()
    }
}

/// The sidecar of a client in namespace `t`; objects in order of age.
fn sidecar(services: &[Service], objects: &[Value], client: &Client) -> Config {
    let (rules, subsets) = parse(objects);
    let world = World {
        services,
        virtual_services: &rules,
        destination_rules: &subsets,
        network: &Network::Single,
    };
    compile_sidecar(&world, client)
}

/// Objects of both kinds, the first the oldest.
fn parse(objects: &[Value]) -> (Vec<VirtualService>, Vec<DestinationRule>) {
    let (mut rules, mut subsets) = (Vec::new(), Vec::new());
    for (index, object) in objects.iter().enumerate() {
        let mut object = object.clone();
        object["metadata"]["creationTimestamp"] = format!("2026-01-01T00:00:{index:02}Z").into();
        match object["kind"].as_str() {
            Some("VirtualService") => rules.push(VirtualService::parse(&object).unwrap()),
            _ => subsets.push(DestinationRule::parse(&object).unwrap()),
        }
    }
    (rules, subsets)
}

fn rule(http: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "svc", "namespace": "t"}, "spec": {"hosts": ["svc"], "http": http},
    })
}

fn routes(config: &Config) -> &[std::sync::Arc<Route>] {
    &config.routes["svc.t.svc.cluster.local:8080"].virtual_hosts[0].routes
}

/// The clusters of a forwarding route.
fn clusters(route: &Route) -> Vec<(&str, u64)> {
    match &route.action {
        Action::Forward(forward) => forward
            .destinations
            .iter()
            .map(|(to, weight)| (&*to.cluster, weight))
            .collect(),
        _ => Vec::new(),
    }
}

fn to(host: &str) -> Value {
    json!([{"destination": {"host": host}}])
}

#[test]
fn a_declared_port_is_shared_and_its_hosts_are_told_apart() {
    let other = service("other", "u", Protocol::Http, vec![]);
    let tcp = service("redis", "t", Protocol::Tcp, vec![]);
    let services = [
        svc(Protocol::Http),
        other,
        tcp,
        service("plain", "t", Protocol::Sniffed, vec![]),
    ];
    let config = sidecar(&services, &[], &client("t", "api"));
    let table = &config.routes["8080"];
    let host = |authority: &str| {
        table
            .virtual_host(authority)
            .map(|host| host.name.to_string())
    };
    for authority in [
        "svc",
        "svc.t",
        "SVC.t.svc:8080",
        "svc.t.svc.cluster.local",
        "svc.t.svc.cluster.local.",
    ] {
        assert_eq!(
            host(authority).as_deref(),
            Some("svc.t.svc.cluster.local:8080"),
            "{authority}"
        );
    }
    // The short name of another namespace's service means nothing here.
    assert_eq!(host("other"), None);
    assert_eq!(
        host("other.u").as_deref(),
        Some("other.u.svc.cluster.local:8080")
    );
    assert_eq!(
        host("plain").as_deref(),
        Some("plain.t.svc.cluster.local:8080")
    );
    assert_eq!(host("redis"), None);
    assert_eq!(table.unknown_host, UnknownHost::Passthrough);
    let serves = |fqdn: &str| config.listener(fqdn, 8080).unwrap().serves.clone();
    assert_eq!(
        serves("svc.t.svc.cluster.local"),
        Serves::Http("8080".into())
    );
    assert_eq!(
        serves("plain.t.svc.cluster.local"),
        Serves::Http("plain.t.svc.cluster.local:8080".into())
    );
    assert_eq!(
        serves("redis.t.svc.cluster.local"),
        Serves::Tcp("outbound|8080||redis.t.svc.cluster.local".into())
    );
}

#[test]
fn a_sniffed_port_takes_any_host() {
    let config = sidecar(&[svc(Protocol::Sniffed)], &[], &client("t", "api"));
    let table = &config.routes["svc.t.svc.cluster.local:8080"];
    assert!(table.virtual_host("anything.example").is_some());
    let route = &routes(&config)[0];
    assert_eq!(
        (&*route.name, clusters(route)),
        (
            "default",
            vec![("outbound|8080||svc.t.svc.cluster.local", 1)]
        )
    );
}

#[test]
fn generation_stops_at_the_first_route_that_takes_everything() {
    let http = json!([
        {"name": "a", "match": [{"uri": {"prefix": "/a"}}], "route": to("svc")},
        {"name": "b", "match": [{"port": 8080}, {"uri": {"prefix": "/c"}}], "route": to("svc")},
        {"name": "c", "route": to("svc")},
    ]);
    let config = sidecar(
        &[svc(Protocol::Sniffed)],
        &[rule(http)],
        &client("t", "api"),
    );
    let names: Vec<_> = routes(&config).iter().map(|route| &*route.name).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_destination_without_port_takes_the_services_only_one() {
    let mut two = svc(Protocol::Sniffed);
    two.name = "two".into();
    two.ports.push(ServicePort {
        port: 9090,
        protocol: Protocol::Sniffed,
        endpoints: vec![],
    });
    let mut one = svc(Protocol::Sniffed);
    one.name = "one".into();
    one.ports[0].port = 7070;
    let http = json!([
        {"match": [{"uri": {"prefix": "/1"}}], "route": to("one")},
        {"match": [{"uri": {"prefix": "/2"}}], "route": to("two")},
        {"match": [{"uri": {"prefix": "/3"}}], "route": to("nobody.example")},
        {"route": [{"destination": {"host": "two", "port": {"number": 9090}}}]},
    ]);
    let config = sidecar(
        &[svc(Protocol::Sniffed), one, two],
        &[rule(http)],
        &client("t", "api"),
    );
    let to: Vec<_> = routes(&config)
        .iter()
        .map(|route| clusters(route)[0].0)
        .collect();
    assert_eq!(
        to,
        [
            "outbound|7070||one.t.svc.cluster.local",
            "outbound|8080||two.t.svc.cluster.local",
            "outbound|8080||nobody.example",
            "outbound|9090||two.t.svc.cluster.local",
        ]
    );
}

#[test]
fn conditions_on_the_client_count_only_without_gateways() {
    let http = json!([
        {"name": "other", "match": [{"sourceLabels": {"app": "other"}}], "route": to("svc")},
        {"name": "ns", "match": [{"sourceNamespace": "u"}], "route": to("svc")},
        {"name": "gw", "match": [{"gateways": ["gw"]}], "route": to("svc")},
        {
            "name": "mesh",
            "match": [{"gateways": ["mesh"], "sourceLabels": {"app": "other"}, "uri": {"prefix": "/m"}}],
            "route": to("svc"),
        },
        {"name": "api", "match": [{"sourceLabels": {"app": "api"}, "sourceNamespace": "t"}], "route": to("svc")},
    ]);
    let config = sidecar(
        &[svc(Protocol::Sniffed)],
        &[rule(http)],
        &client("t", "api"),
    );
    let names: Vec<_> = routes(&config).iter().map(|route| &*route.name).collect();
    assert_eq!(names, ["mesh", "api"]);
}

#[test]
fn a_rule_that_cannot_be_obeyed_is_left_out_and_told() {
    let http = json!([
        {"match": [{"uri": {"regex": "("}}], "route": to("svc")},
        {"route": [
            {"destination": {"host": "svc"}, "weight": 0}, {"destination": {"host": "svc"}, "weight": 0},
        ]},
        {"name": "fine", "route": to("svc")},
    ]);
    let config = sidecar(
        &[svc(Protocol::Sniffed)],
        &[rule(http)],
        &client("t", "api"),
    );
    assert_eq!(&*routes(&config)[0].name, "fine");
    let [pattern, weights] = config.problems.as_slice() else {
        panic!("{:?}", config.problems)
    };
    assert!(
        pattern.starts_with("virtual service t/svc: http[0] is left out: \"uri\""),
        "{pattern}"
    );
    assert!(
        weights.ends_with("total destination weight = 0"),
        "{weights}"
    );
}

#[test]
fn equal_inputs_make_equal_configurations_and_a_new_rule_touches_no_cluster() {
    let services = [svc(Protocol::Sniffed)];
    let (one, two) = (
        rule(json!([{"route": to("svc")}])),
        rule(json!([{"name": "x", "route": to("svc")}])),
    );
    let compile =
        |rule: &Value| sidecar(&services, std::slice::from_ref(rule), &client("t", "api"));
    assert_eq!(compile(&one), compile(&one));
    assert_ne!(compile(&one).routes, compile(&two).routes);
    assert_eq!(compile(&one).clusters, compile(&two).clusters);
}

#[test]
fn a_gateway_serves_what_is_bound_to_it_for_the_hosts_it_accepts() {
    let bound = |name: &str, hosts: Value, gateways: Value, http: Value| {
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": name, "namespace": "istio-system"},
            "spec": {"hosts": hosts, "gateways": gateways, "http": http},
        })
    };
    let rest = json!([{"name": "rest", "route": to("svc.t.svc.cluster.local")}]);
    let path = json!([{"name": "path", "match": [{"uri": {"prefix": "/p"}}], "route": to("svc.t.svc.cluster.local")}]);
    let (rules, _) = parse(&[
        bound(
            "a",
            json!(["a.example.com"]),
            json!(["cp-gateway"]),
            rest.clone(),
        ),
        bound(
            "b",
            json!(["a.example.com"]),
            json!(["istio-system/cp-gateway"]),
            path,
        ),
        bound(
            "c",
            json!(["*"]),
            json!(["cp-gateway", "mesh"]),
            rest.clone(),
        ),
        bound(
            "d",
            json!(["d.other.org"]),
            json!(["cp-gateway"]),
            rest.clone(),
        ),
        bound("e", json!(["e.example.com"]), json!(["other"]), rest),
    ]);
    let world = World {
        services: &[svc(Protocol::Http)],
        virtual_services: &rules,
        destination_rules: &[],
        network: &Network::Single,
    };
    let hosts = ["*.example.com".to_owned()];
    let server = GatewayServer {
        gateway: "istio-system/cp-gateway",
        port: 80,
        hosts: &hosts,
    };
    let config = compile_gateway(&world, &client("istio-system", "gateway"), &server);
    let table = &config.routes["http.80"];
    let names = |host: &str| -> Option<Vec<String>> {
        let routes = &table.virtual_host(host)?.routes;
        Some(routes.iter().map(|route| route.name.to_string()).collect())
    };
    // Merged, with what takes everything at the end.
    assert_eq!(
        names("A.example.com:8080"),
        Some(vec!["path".into(), "rest".into()])
    );
    assert_eq!(
        names("e.example.com"),
        Some(vec!["rest".into()]),
        "by c, cut to the server's hosts"
    );
    assert_eq!(names("d.other.org"), None);
    assert_eq!(table.unknown_host, UnknownHost::NotFound);
    let route = &table.virtual_host("a.example.com").unwrap().routes[1];
    assert_eq!(
        clusters(route),
        [("outbound|8080||svc.t.svc.cluster.local", 1)]
    );
}
