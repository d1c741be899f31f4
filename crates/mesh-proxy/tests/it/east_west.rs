//! Two clusters: what crosses passes the other side's hop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesh::cause::Kind;
use mesh::compile::{compile_east_west, compile_sidecar};
use mesh::config::Config;
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{Client as Pod, Locality, Network, Protocol, World};
use mesh_proxy::{Hop, Listen, Proxy, Role, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::*;

/// A client in ctx1, one pod there, two pods in ctx2 behind its hop.
struct Two {
    hop: Hop,
    wires: Arc<Wires>,
    config: Arc<Config>,
    address: std::net::SocketAddr,
    /// The hop's own.
    door: std::net::SocketAddr,
    stop: CancellationToken,
}

fn gateway() -> std::net::SocketAddr {
    ([10, 2, 0, 250], 15443).into()
}

impl Two {
    async fn new(http: Value, there: &[Value], local: &Upstream, remote: [&Upstream; 2]) -> Self {
        let (wires, behind) = (Arc::new(Wires::default()), Arc::new(Wires::default()));
        let pods = vec![pod(0, "ctx1"), pod(1, "ctx2"), pod(2, "ctx2")];
        wires.connect(pods[0].address, local.address);
        behind.connect(pods[1].address, remote[0].address);
        behind.connect(pods[2].address, remote[1].address);
        let services = [service(Protocol::Sniffed, pods)];
        let network = Network::Multi {
            gateways: BTreeMap::from([("ctx2".into(), vec![gateway()])]),
        };
        let here = [DestinationRule::parse(&subsets("ROUND_ROBIN")).unwrap()];
        let there: Vec<_> = there
            .iter()
            .map(|rule| DestinationRule::parse(rule).unwrap())
            .collect();
        let rules = [VirtualService::parse(&rules(http)).unwrap()];
        let world = |destination_rules| World {
            services: &services,
            virtual_services: &rules,
            destination_rules,
            network: &network,
        };
        let client = Pod {
            cluster: "ctx1".into(),
            namespace: "t".into(),
            ..Pod::default()
        };
        let config = compile_sidecar(&world(&here), &client);
        let hop = Hop::new(behind, Some(7));
        hop.apply(&compile_east_west(
            &world(&there),
            "ctx2",
            &Locality::default(),
        ));
        let two = Self {
            hop,
            wires,
            config: Arc::new(config),
            address: gateway(),
            door: gateway(),
            stop: CancellationToken::new(),
        };
        two.serve().await
    }

    async fn serve(mut self) -> Self {
        let (hop_listener, hop_address) = listener().await;
        self.wires.connect(gateway(), hop_address);
        self.door = hop_address;
        let (hop, stop) = (self.hop.clone(), self.stop.clone());
        let sni = "outbound_.8080_.ctx2_.svc.t.svc.cluster.local".into();
        tokio::spawn(async move { hop.serve(hop_listener, sni, stop).await });
        self.address = self.client().await;
        self
    }

    /// One more client of the same cluster; where its sidecar listens.
    async fn client(&self) -> std::net::SocketAddr {
        let proxy = Proxy::new(Settings {
            seed: Some(7),
            ..Settings::new(Role::Outbound, self.wires.clone())
        });
        proxy.apply(self.config.clone());
        let (listener, address) = listener().await;
        let stop = self.stop.clone();
        let listen = Listen {
            routes: "svc.t.svc.cluster.local:8080".into(),
            address: None,
        };
        tokio::spawn(async move { proxy.serve_http(listener, listen, stop).await });
        address
    }
}

impl Drop for Two {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hop_balances_per_connection() {
    let (a, b, c) = (
        Upstream::named("a").await,
        Upstream::named("b").await,
        Upstream::named("c").await,
    );
    let two = Two::new(
        json!([{"route": to("ctx2")}]),
        &[subsets("ROUND_ROBIN")],
        &a,
        [&b, &c],
    )
    .await;
    // Serial requests share a connection, and so stay on one pod.
    let mut client = Client::connect(two.address).await;
    let first = client.get("/").await.body;
    for _ in 0..20 {
        assert_eq!(client.get("/").await.body, first);
    }
    assert_eq!((b.connections() + c.connections(), a.hits()), (1, 0));
    // A second connection goes to the other pod.
    (if first == "b" { &b } else { &c }).close_connections();
    let host = two
        .hop
        .clusters()
        .into_iter()
        .find(|cluster| cluster.config.hosts.len() == 2)
        .unwrap();
    until(|| {
        host.hosts
            .iter()
            .all(|host| host.stats.cx_active.get() == 0)
    })
    .await;
    soon(async { while client.get("/").await.body == first {} }).await;
}

/// The rule of ctx2 with a limit for its subset, which is not that of the host.
fn at_most(connections: u32) -> Value {
    let mut rule = subsets("ROUND_ROBIN");
    rule["spec"]["trafficPolicy"]["connectionPool"] = json!({"tcp": {"maxConnections": 100}});
    rule["spec"]["subsets"][1]["trafficPolicy"] =
        json!({"connectionPool": {"tcp": {"maxConnections": connections}}});
    rule
}

#[tokio::test]
async fn an_idle_connection_of_one_client_may_take_the_hops_last_place() {
    let (a, b, c) = (
        Upstream::named("a").await,
        Upstream::named("b").await,
        Upstream::named("c").await,
    );
    let http = json!([{"route": to("ctx2")}]);
    let two = Two::new(http, &[at_most(1)], &a, [&b, &c]).await;
    let mut first = Client::connect(two.address).await;
    assert_eq!(first.get("/").await.status, 200);
    let mut second = Client::connect(two.client().await).await;
    let answer = second.get("/").await;
    assert_eq!(
        (answer.status, answer.body.len(), answer.cause().kind),
        (503, 121, Kind::Uf)
    );
    let clusters = two.hop.clusters();
    let overflows = clusters
        .iter()
        .map(|cluster| cluster.stats.upstream_cx_overflow.get());
    assert_eq!(overflows.sum::<u64>(), 3, "each try is a connection");
    // The first client keeps its place until its connection ends.
    assert_eq!(first.get("/").await.status, 200);
    b.close_connections();
    c.close_connections();
    soon(async { while second.get("/").await.status != 200 {} }).await;
}

#[tokio::test]
async fn a_subset_that_the_other_side_does_not_name_fails_like_a_refused_connection() {
    let (a, b, c) = (
        Upstream::named("a").await,
        Upstream::named("b").await,
        Upstream::named("c").await,
    );
    let two = Two::new(json!([{"route": to("ctx2")}]), &[], &a, [&b, &c]).await;
    let answer = Client::connect(two.address).await.get("/").await;
    assert_eq!(
        (answer.status, answer.body.len(), answer.cause().kind),
        (503, 121, Kind::Uf)
    );
    assert_eq!(b.hits() + c.hits(), 0);
}

#[tokio::test]
async fn a_door_that_closes_lets_a_request_under_way_finish() {
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, held) = (begun.clone(), release.clone());
    let slow = Upstream::serving(move |_| {
        let (begins, held) = (begins.clone(), held.clone());
        async move {
            begins.notify_one();
            held.notified().await;
            hyper::Response::new(full("whole"))
        }
    })
    .await;
    let a = Upstream::named("a").await;
    let http = json!([{"route": to("ctx2")}]);
    let two = Two::new(http, &[subsets("RANDOM")], &a, [&slow, &slow]).await;
    let address = two.address;
    let under_way = tokio::spawn(async move { Client::connect(address).await.get("/").await });
    soon(begun.notified()).await;
    two.stop.cancel();
    soon(async { while TcpStream::connect(two.door).await.is_ok() {} }).await;
    release.notify_one();
    let answer = soon(under_way).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "whole"));
}

#[tokio::test]
async fn a_hop_that_swallows_is_left_by_the_routes_timeout() {
    let (a, b, c) = (
        Upstream::named("a").await,
        Upstream::named("b").await,
        Upstream::named("c").await,
    );
    let http = json!([{"route": to("ctx2"), "timeout": "500ms"}]);
    let two = Two::new(http, &[subsets("ROUND_ROBIN")], &a, [&b, &c]).await;
    two.hop.swallow(true);
    let mut client = Client::connect(two.address).await;
    assert_eq!(client.get("/").await.status, 504);
    two.hop.swallow(false);
    // Envoy: the connection is still coming up, and a request waits for it. With a second request
    // there is a second connection, for who has waited longest.
    let mut other = Client::connect(two.address).await;
    let (first, second) = tokio::join!(client.get("/"), other.get("/"));
    assert_eq!((first.status, second.status), (200, 200));
}

#[tokio::test(start_paused = true)]
async fn a_swallowed_connection_fails_after_three_connect_timeouts() {
    let (a, b, c) = (
        Upstream::named("a").await,
        Upstream::named("b").await,
        Upstream::named("c").await,
    );
    let two = Two::new(
        json!([{"route": to("ctx2")}]),
        &[subsets("RANDOM")],
        &a,
        [&b, &c],
    )
    .await;
    two.hop.swallow(true);
    let began = tokio::time::Instant::now();
    let address = two.address;
    let client = tokio::spawn(async move { crate::support::exchange_slowly(address).await });
    let answer = client.await.unwrap();
    let elapsed = began.elapsed();
    assert!(
        (Duration::from_secs(30)..Duration::from_secs(31)).contains(&elapsed),
        "{elapsed:?}"
    );
    assert!(
        answer.ends_with("retried and the latest reset reason: connection timeout"),
        "{answer}"
    );
    assert!(answer.contains("content-length: 114"), "{answer}");
}

#[tokio::test]
async fn a_tunnel_passes_the_hop() {
    let (a, echo) = (Upstream::named("a").await, echoing().await);
    let route = json!([{"route": to("ctx2")}]);
    let two = Two::new(route, &[subsets("ROUND_ROBIN")], &a, [&echo, &echo]).await;
    let mut tunnel = tunnel(two.address, "svc").await;
    tunnel.write_all(b"seat bye").await.unwrap();
    let mut heard = String::new();
    soon(tunnel.read_to_string(&mut heard)).await.unwrap();
    assert_eq!((heard.as_str(), a.hits()), ("SEAT BYE", 0));
}
