//! The outbound side: where a name leads in a pod.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mesh::config::{Config, Listener, Serves};
use mesh_proxy::Listen;

use super::super::admin::METRICS_PORTS;
use super::super::loopback::loopback_listener;
use super::Sidecar;

impl Sidecar {
    /// The listener of a name and port.
    pub(super) fn resolve(&self, name: &str, port: u16) -> Option<SocketAddr> {
        let config = self.outbound.config();
        let found = self
            .search_path(name)
            .iter()
            .find_map(|fqdn| config.listener(fqdn, port));
        let by_ip = || listener_of_ip(&config, name, port);
        match found.or_else(by_ip) {
            Some(listener) => self.outbound_listener(listener),
            None => self.metrics_of(name, port),
        }
    }

    /// Whether any listener has the name.
    pub(super) fn knows(&self, name: &str) -> bool {
        let config = self.outbound.config();
        let names = self.search_path(name);
        let mut listeners = config.listeners.iter();
        listeners.any(|it| names.iter().any(|fqdn| **fqdn == *it.host))
    }

    /// Kubernetes' search path: the pod's namespace, then the cluster, then the name as it is.
    fn search_path(&self, name: &str) -> [String; 4] {
        let name = name.trim_end_matches('.');
        [
            format!("{name}.{}.svc.cluster.local", self.client.namespace),
            format!("{name}.svc.cluster.local"),
            format!("{name}.cluster.local"),
            name.to_owned(),
        ]
    }

    /// The metrics of a pod by its address.
    fn metrics_of(&self, name: &str, port: u16) -> Option<SocketAddr> {
        let ip: IpAddr = name.parse().ok()?;
        let known = METRICS_PORTS.contains(&port);
        known.then(|| self.table.find(SocketAddr::new(ip, port), None))?
    }

    fn outbound_listener(&self, wanted: &Listener) -> Option<SocketAddr> {
        let address = SocketAddr::new(wanted.ip, wanted.port);
        let mut listeners = self
            .listeners
            .lock()
            .expect("no holder of this lock panics");
        if let Some(real) = listeners.get(&address) {
            return Some(*real);
        }
        let (listener, real) = loopback_listener()
            .inspect_err(|error| tracing::error!(%error, "loopback has no free port for a sidecar"))
            .ok()?;
        let (proxy, closing) = (self.outbound.clone(), self.closing.clone());
        match &wanted.serves {
            Serves::Http(routes) => {
                let listen = Listen {
                    routes: Arc::clone(routes),
                    address: Some(address),
                };
                tokio::spawn(async move { proxy.serve_http(listener, listen, closing).await });
            }
            Serves::Tcp(cluster) => {
                let cluster = Arc::clone(cluster);
                tokio::spawn(async move { proxy.serve_tcp(listener, cluster, closing).await });
            }
        }
        listeners.insert(address, real);
        Some(real)
    }
}

fn listener_of_ip<'a>(config: &'a Config, name: &str, port: u16) -> Option<&'a Listener> {
    let ip: IpAddr = name.parse().ok()?;
    config
        .listeners
        .iter()
        .find(|listener| listener.ip == ip && listener.port == port)
}
