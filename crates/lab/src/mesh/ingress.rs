//! The published port: the lab's `cp-gateway`.

use std::net::SocketAddr;
use std::sync::Arc;

use mesh::compile::{GatewayServer, compile_gateway};
use mesh::config::Config;
use mesh::registry::{Client, Network};
use mesh_proxy::{Listen, Proxy, Role, Settings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::world::{World, Worlds};
use crate::network::Table;

/// Cluster and Gateway that the published port belongs to.
const CLUSTER: &str = "ctx1";
const GATEWAY: &str = "istio-system/cp-gateway";
const PORT: u16 = 80;
/// The only deviation from a real gateway: loopback names mean the first published host.
const ALIASES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The gateway's proxy.
pub(super) struct Ingress(Proxy);

impl Ingress {
    pub(super) fn new(table: Table) -> Self {
        Self(Proxy::new(Settings::new(Role::Ingress, Arc::new(table))))
    }

    pub(super) async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) {
        let address: Option<SocketAddr> = listener.local_addr().ok();
        let routes = server(&[]).table().into();
        self.0
            .clone()
            .serve_http(listener, Listen { routes, address }, shutdown)
            .await;
    }

    pub(super) fn apply(&self, worlds: &Worlds, network: &Network) {
        let config = worlds.get(CLUSTER).map(|world| compile(world, network));
        self.0.apply(Arc::new(config.unwrap_or_default()));
    }
}

fn server(hosts: &[String]) -> GatewayServer<'_> {
    GatewayServer {
        gateway: GATEWAY,
        port: PORT,
        hosts,
    }
}

fn compile(world: &World, network: &Network) -> Config {
    let Some(gateway) = world.gateways.get(GATEWAY) else {
        return Config::default();
    };
    let client = Client {
        cluster: CLUSTER.to_owned(),
        namespace: "istio-system".to_owned(),
        ..Client::default()
    };
    let mut config = compile_gateway(&world.view(network), &client, &server(&gateway.hosts));
    add_aliases(&mut config, world);
    config
}

fn add_aliases(config: &mut Config, world: &World) {
    let theater = world
        .virtual_services()
        .iter()
        .find(|it| it.id() == "istio-system/theater-msa");
    let Some(host) = theater.and_then(|it| it.spec.hosts.first()) else {
        return;
    };
    for table in config.routes.values_mut() {
        let table = Arc::make_mut(table);
        if let Some(index) = table.domains.find(host) {
            ALIASES
                .iter()
                .for_each(|alias| table.domains.claim(alias, index));
        }
    }
}
