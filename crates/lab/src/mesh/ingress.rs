//! The published port: the lab's `cp-gateway`.

use std::net::SocketAddr;
use std::sync::Arc;

use mesh::compile::{GatewayServer, compile_gateway};
use mesh::config::Config;
use mesh::registry::{Client, Network};
use mesh_proxy::{Listen, Proxy, Role, Settings};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::access::AccessSink;
use super::world::{World, Worlds};
use crate::network::Table;

/// Cluster and Gateway that the published port belongs to.
const CLUSTER: &str = "ctx1";
const GATEWAY: &str = "istio-system/cp-gateway";
const PORT: u16 = 80;
/// The only deviation from a real gateway: loopback names mean the first published host.
const ALIASES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The gateway's proxy, and whether one of its pods is ready.
pub(super) struct Ingress {
    proxy: Proxy,
    up: watch::Sender<bool>,
    /// Whether connections are served by now.
    open: watch::Sender<bool>,
    access: AccessSink,
}

impl Ingress {
    pub(super) fn new(table: Table) -> Self {
        let access = AccessSink::default();
        let proxy = Proxy::new(Settings {
            access_log: Some(Arc::new(access.clone())),
            ..Settings::new(Role::Ingress, Arc::new(table.caller(None)))
        });
        Self {
            proxy,
            access,
            up: watch::Sender::new(false),
            open: watch::Sender::new(false),
        }
    }

    /// Its proxy.
    pub(super) fn proxy(&self) -> Proxy {
        self.proxy.clone()
    }

    /// Where its access log leads.
    pub(super) fn access(&self) -> AccessSink {
        self.access.clone()
    }

    /// Serves the published port; while no gateway pod is ready, connections are closed at once, as
    /// by a load balancer without a healthy target.
    pub(super) async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        let mut up = self.up.subscribe();
        while !shutdown.is_cancelled() {
            let Ok(doors) = listener.try_clone().and_then(TcpListener::from_std) else {
                tracing::error!(
                    "the published port cannot be served: is the limit of open files reached?"
                );
                return;
            };
            let open = *up.borrow_and_update();
            let closing = shutdown.child_token();
            tokio::select! {
                () = self.attend(doors, open, closing.clone()) => {}
                _ = up.wait_for(|now| *now != open) => closing.cancel(),
            }
        }
    }

    async fn attend(&self, doors: TcpListener, open: bool, closing: CancellationToken) {
        self.open.send_replace(open);
        let address: Option<SocketAddr> = doors.local_addr().ok();
        if open {
            let routes = server(&[]).table().into();
            self.proxy
                .clone()
                .serve_http(doors, Listen { routes, address }, closing)
                .await;
            return;
        }
        while !closing.is_cancelled() {
            let _closed_at_once = doors.accept().await;
        }
    }

    /// Resolves when connections are met as the gateway's pods say.
    pub(super) async fn settled(&self) {
        let wanted = *self.up.borrow();
        let _ = self.open.subscribe().wait_for(|open| *open == wanted).await;
    }

    pub(super) fn apply(&self, worlds: &Worlds, network: &Network) {
        let world = worlds.get(CLUSTER);
        let config = world.map(|world| compile(world, network));
        self.proxy.apply(Arc::new(config.unwrap_or_default()));
        let ready = world.is_some_and(|world| world.ingress.is_some());
        self.up
            .send_if_modified(|up| std::mem::replace(up, ready) != ready);
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
        locality: world.ingress.clone().unwrap_or_default(),
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
