//! The ingress gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use mesh::compile::{GatewayServer, compile_gateway};
use mesh::model::VirtualService;
use mesh::registry::{Client as Pod, Network, Protocol, World};
use mesh_proxy::{Listen, Proxy, Role, Settings};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::*;

/// An ingress for `theater.example.com` before one pod; where it listens.
async fn ingress(upstream: &Upstream) -> (SocketAddr, DropGuard) {
    let rule = VirtualService::parse(&json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "theater-msa", "namespace": "istio-system"},
        "spec": {
            "hosts": ["theater.example.com"], "gateways": ["cp-gateway"],
            "http": [{"route": [{"destination": {
                "host": "svc.t.svc.cluster.local", "port": {"number": 8080},
            }}]}],
        },
    }))
    .unwrap();
    let wires = Arc::new(Wires::default());
    let pod = pod(0, "ctx1");
    wires.connect(pod.address, upstream.address);
    let world = World {
        services: &[service(Protocol::Http, vec![pod])],
        virtual_services: &[rule],
        destination_rules: &[],
        network: &Network::Single,
    };
    let client = Pod {
        namespace: "istio-system".into(),
        cluster: "ctx1".into(),
        ..Pod::default()
    };
    let hosts = ["*".to_owned()];
    let server = GatewayServer {
        gateway: "istio-system/cp-gateway",
        port: 80,
        hosts: &hosts,
    };
    let proxy = Proxy::new(Settings::new(Role::Ingress, wires));
    proxy.apply(Arc::new(compile_gateway(&world, &client, &server)));
    let (listener, address) = listener().await;
    let stop = CancellationToken::new();
    let listen = Listen {
        routes: server.table().into(),
        address: None,
    };
    let stopped = stop.clone();
    tokio::spawn(async move { proxy.serve_http(listener, listen, stopped).await });
    (address, stop.drop_guard())
}

#[tokio::test]
async fn the_edge_routes_by_host_and_tells_the_client() {
    let a = Upstream::named("a").await;
    let (address, _running) = ingress(&a).await;
    let mut client = Client::connect(address).await;
    for host in ["theater.example.com", "THEATER.example.com:8080"] {
        let answer = client.get_with("/users/", &[("host", host)]).await;
        assert_eq!(
            (answer.body.as_str(), answer.header("server")),
            ("a", Some("istio-envoy"))
        );
    }
    let seen = a.seen().remove(0).headers;
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen["host"], "theater.example.com");
    let answer = client.get_with("/", &[("host", "other.example.com")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (404, ""));
}

#[tokio::test]
async fn tunnels_pass_the_edge() {
    let echo = echoing().await;
    let (address, _running) = ingress(&echo).await;
    let mut tunnel = tunnel(address, "theater.example.com").await;
    tunnel.write_all(b"seat bye").await.unwrap();
    let mut heard = String::new();
    soon(tunnel.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "SEAT BYE");
}
