//! A pod's place in the mesh: its sidecar's two sides, and its names.

mod inbound;
mod names;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use k8s_openapi::api::core::v1::Pod;
use mesh::compile::{compile_inbound, compile_sidecar};
use mesh::registry::{Client, Locality, Network, Protocol};
use mesh_proxy::{AccessLog, Page, Part, Proxy, Role, Settings};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::access::AccessSink;
use super::admin::{AdminPorts, METRICS_PORTS};
use super::world::Worlds;
use crate::network::Table;

/// A connected pod; dropping it closes its addresses and listeners.
pub struct Attachment {
    sidecar: Arc<Sidecar>,
    _closes: DropGuard,
}

/// Both sides of one pod's sidecar.
pub(super) struct Sidecar {
    client: Client,
    ip: Ipv4Addr,
    ports: Vec<(u16, Protocol)>,
    outbound: Proxy,
    /// The inbound side, a proxy a port.
    inbound: Mutex<Vec<(SocketAddr, Proxy)>>,
    table: Table,
    access: AccessSink,
    application: Arc<Mutex<Option<SocketAddr>>>,
    /// Its admin interface; none in a pod without a proxy.
    admin: OnceLock<AdminPorts>,
    /// Loopback listeners of the outbound side, made when a name is first asked for.
    listeners: Mutex<HashMap<SocketAddr, SocketAddr>>,
    closing: CancellationToken,
}

impl Attachment {
    pub(super) fn new(sidecar: Arc<Sidecar>) -> Self {
        let closes = sidecar.closing.clone().drop_guard();
        sidecar.open_inbound();
        Self {
            sidecar,
            _closes: closes,
        }
    }

    /// Where the application listens now; none: it does not run.
    pub fn set_application(&self, application: Option<SocketAddr>) {
        *self.sidecar.application() = application;
        for address in self.sidecar.addresses(Protocol::Tcp) {
            match application {
                Some(real) => self.sidecar.table.open(address, None, real),
                None => self.sidecar.table.close(address, None),
            }
        }
    }

    /// Asks whoever still holds a connection to the pod to leave it.
    pub fn drain(&self) {
        for (_, proxy) in self.sidecar.inbound().iter() {
            proxy.drain();
        }
    }

    /// Where the lines of the access log go from now on.
    pub fn set_access_log(&self, log: Arc<dyn AccessLog>) {
        self.sidecar.access.lead_to(log);
    }

    /// The real socket behind a port of the pod's proxy, for who is in the pod.
    pub fn proxy_listener(&self, port: u16) -> Option<SocketAddr> {
        self.sidecar.admin.get()?.listener(port)
    }

    /// What the admin interface of the pod's proxy answers to a path.
    pub fn ask_admin(&self, path: &str) -> Option<Page> {
        Some(self.sidecar.admin.get()?.admin().get(path))
    }

    /// The loopback address that stands for a service's name and port in this pod.
    pub fn resolve(&self, name: &str, port: u16) -> Option<SocketAddr> {
        self.sidecar.resolve(name, port)
    }

    /// Whether there is a service of this name, at whatever port.
    pub fn knows(&self, name: &str) -> bool {
        self.sidecar.knows(name)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let ports = self.sidecar.ports.iter().map(|(port, _)| *port);
        for port in ports.chain(METRICS_PORTS) {
            self.sidecar.table.close(self.sidecar.address(port), None);
        }
    }
}

impl Sidecar {
    pub(super) fn new(
        cluster: &str,
        pod: &Pod,
        ip: Ipv4Addr,
        locality: Locality,
        table: Table,
        access: AccessSink,
    ) -> Self {
        let dial = table.caller(Some(IpAddr::V4(ip)));
        let settings = Settings::new(Role::Outbound, Arc::new(dial));
        Self {
            client: Client {
                cluster: cluster.to_owned(),
                namespace: pod.metadata.namespace.clone().unwrap_or_default(),
                labels: pod.metadata.labels.clone().unwrap_or_default(),
                locality,
            },
            ip,
            ports: container_ports(pod),
            outbound: Proxy::new(Settings {
                pod_ip: Some(IpAddr::V4(ip)),
                access_log: Some(Arc::new(access.clone())),
                ..settings
            }),
            inbound: Mutex::default(),
            table,
            access,
            application: Arc::default(),
            admin: OnceLock::new(),
            listeners: Mutex::default(),
            closing: CancellationToken::new(),
        }
    }

    fn inbound(&self) -> MutexGuard<'_, Vec<(SocketAddr, Proxy)>> {
        self.inbound.lock().expect("no holder of this lock panics")
    }

    pub(super) fn leave_gateways(&self) {
        self.outbound.leave_gateways();
    }

    /// Obeys the rules of its own cluster from now on.
    pub(super) fn apply(&self, worlds: &Worlds, network: &Network) {
        if let Some(world) = worlds.get(&self.client.cluster) {
            let config = compile_sidecar(&world.view(network), &self.client);
            if config.problems != self.outbound.config().problems {
                for problem in &config.problems {
                    tracing::warn!(
                        namespace = self.client.namespace,
                        problem,
                        "a rule cannot be obeyed"
                    );
                }
            }
            self.outbound.apply(Arc::new(config));
            for (address, proxy) in self.inbound().iter() {
                let config = compile_inbound(&world.view(network), &self.client, *address);
                proxy.apply(Arc::new(config));
            }
        }
    }

    /// Opens the admin interface: of the pod's own sides, or of the gateway that the pod is.
    pub(super) fn open_admin(self: &Arc<Self>, pod: &Pod, gateway: Option<Part>) {
        let sidecar = Arc::downgrade(self);
        let parts = move || match &gateway {
            Some(gateway) => vec![gateway.clone()],
            None => sidecar.upgrade().map_or_else(Vec::new, |it| it.parts()),
        };
        let Some(admin) = AdminPorts::of(pod, self.ip, parts, self.closing.clone()) else {
            return;
        };
        for port in METRICS_PORTS {
            if let Some(real) = admin.listener(port) {
                self.table.open(self.address(port), None, real);
            }
        }
        // Set once, when the pod is attached.
        let _ = self.admin.set(admin);
    }

    fn parts(&self) -> Vec<Part> {
        let inbound = self.inbound();
        let inbound = inbound.iter().map(|(_, proxy)| Part::Proxy(proxy.clone()));
        [Part::Proxy(self.outbound.clone())]
            .into_iter()
            .chain(inbound)
            .collect()
    }

    fn addresses(&self, protocol: Protocol) -> impl Iterator<Item = SocketAddr> + '_ {
        let wanted = move |(_, found): &&(u16, Protocol)| {
            (*found == Protocol::Tcp) == (protocol == Protocol::Tcp)
        };
        self.ports
            .iter()
            .filter(wanted)
            .map(|(port, _)| self.address(*port))
    }

    fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::from((self.ip, port))
    }

    fn application(&self) -> MutexGuard<'_, Option<SocketAddr>> {
        self.application
            .lock()
            .expect("no holder of this lock panics")
    }
}

/// Ports of the application's container, with their protocol by name.
fn container_ports(pod: &Pod) -> Vec<(u16, Protocol)> {
    let containers = pod
        .spec
        .as_ref()
        .map(|spec| spec.containers.as_slice())
        .unwrap_or_default();
    let ports = containers
        .first()
        .and_then(|container| container.ports.as_deref())
        .unwrap_or_default();
    let read = |port: &k8s_openapi::api::core::v1::ContainerPort| {
        let number = u16::try_from(port.container_port).ok()?;
        Some((number, Protocol::of(None, port.name.as_deref())))
    };
    ports.iter().filter_map(read).collect()
}
