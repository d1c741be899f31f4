//! The inbound side: what other pods reach.

use std::sync::Arc;

use mesh::registry::Protocol;
use mesh_proxy::{Listen, Proxy, Role, Settings};

use super::super::loopback::loopback_listener;
use super::Sidecar;

impl Sidecar {
    /// The inbound side is up before the application is, as with `holdApplicationUntilProxyStarts`.
    pub(super) fn open_inbound(&self) {
        for address in self.addresses(Protocol::Http) {
            let application = Arc::clone(&self.application);
            let app = move || *application.lock().expect("no holder of this lock panics");
            let settings = Settings {
                access_log: Some(Arc::new(self.access.clone())),
                peers: Some(Arc::new(self.table.clone())),
                ..Settings::new(Role::Inbound, Arc::new(self.table.caller(None)))
            };
            let proxy = Proxy::inbound(settings, app, address);
            self.inbound().push((address, proxy.clone()));
            let listen = Listen {
                routes: Proxy::inbound_routes(address.port()),
                address: Some(address),
            };
            match loopback_listener() {
                Ok((listener, real)) => {
                    let closing = self.closing.clone();
                    tokio::spawn(async move { proxy.serve_http(listener, listen, closing).await });
                    self.table.open(address, None, real);
                }
                Err(error) => tracing::error!(%error, "loopback has no free port for a sidecar"),
            }
        }
    }
}
