//! The admin interface of a pod's sidecar or gateway, on the ports where Istio has it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use mesh_proxy::{Admin, Node, Part};
use tokio_util::sync::CancellationToken;

use super::loopback::loopback_listener;
use super::statistics;
use crate::injection::SIDECAR;

/// Everything, and only for who is in the pod.
const ADMIN_PORT: u16 = 15000;
/// `/stats/prometheus`, for everybody.
pub(super) const METRICS_PORTS: [u16; 2] = [15020, 15090];

/// The interface of one pod.
pub(super) struct AdminPorts {
    admin: Admin,
    /// Its listeners, made when they are first asked for.
    all: Mutex<Option<SocketAddr>>,
    metrics: Mutex<Option<SocketAddr>>,
    closing: CancellationToken,
}

impl AdminPorts {
    /// The interface of a pod's proxies; none for a pod without one.
    pub(super) fn of(
        pod: &Pod,
        ip: Ipv4Addr,
        parts: impl Fn() -> Vec<Part> + Send + Sync + 'static,
        closing: CancellationToken,
    ) -> Option<Self> {
        let spec = pod.spec.as_ref()?;
        let has_proxy = spec.containers.iter().any(|it| it.name == SIDECAR);
        let matcher = statistics::matcher(pod, &ip.to_string());
        has_proxy.then(|| Self {
            admin: Admin::new(node(pod, ip), matcher, parts),
            all: Mutex::default(),
            metrics: Mutex::default(),
            closing,
        })
    }

    /// The interface itself.
    pub(super) fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The real socket behind one of its ports, for who is in the pod.
    pub(super) fn listener(&self, port: u16) -> Option<SocketAddr> {
        let (listener, only_metrics) = match port {
            ADMIN_PORT => (&self.all, false),
            _ if METRICS_PORTS.contains(&port) => (&self.metrics, true),
            _ => return None,
        };
        let mut known = listener.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = self.open(only_metrics);
        }
        *known
    }

    fn open(&self, only_metrics: bool) -> Option<SocketAddr> {
        let (listener, real) = loopback_listener()
            .inspect_err(
                |error| tracing::error!(%error, "loopback has no free port for an admin interface"),
            )
            .ok()?;
        let (admin, closing) = (self.admin.clone(), self.closing.clone());
        tokio::spawn(async move {
            match only_metrics {
                true => admin.serve_metrics(listener, closing).await,
                false => admin.serve(listener, closing).await,
            }
        });
        Some(real)
    }
}

/// As Istio names a proxy.
fn node(pod: &Pod, ip: Ipv4Addr) -> Node {
    let metadata = &pod.metadata;
    let name = metadata.name.as_deref().unwrap_or_default();
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let labels = metadata.labels.as_ref();
    let label = |key: &str| {
        labels
            .and_then(|labels| labels.get(key))
            .map(String::as_str)
    };
    let kind = match label("istio") {
        Some(istio) if istio.ends_with("gateway") => "router",
        _ => "sidecar",
    };
    Node {
        id: format!("{kind}~{ip}~{name}.{namespace}~{namespace}.svc.cluster.local"),
        cluster: format!("{}.{namespace}", label("app").unwrap_or(name)),
    }
}
