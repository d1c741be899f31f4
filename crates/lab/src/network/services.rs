//! ClusterIPs, as a node leads to them (kube-proxy).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

/// Address of a Service's port → the ready pods of its own cluster behind it.
pub type Backends = HashMap<SocketAddr, Vec<SocketAddr>>;

/// The ClusterIPs of both clusters, which differ; a cheap handle.
#[derive(Clone, Debug, Default)]
pub(super) struct ClusterIps(Arc<RwLock<Backends>>);

impl ClusterIps {
    /// From now on these.
    pub(super) fn replace(&self, backends: Backends) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = backends;
    }

    /// A pod for the next connection to an address; none where it is no ClusterIP or has no pod.
    ///
    /// Kubernetes: any of them, whatever the rules of the mesh.
    pub(super) fn pick(&self, address: SocketAddr) -> Option<SocketAddr> {
        let backends = self.0.read().unwrap_or_else(PoisonError::into_inner);
        fastrand::choice(backends.get(&address)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn connections_to_a_cluster_ip_reach_any_of_its_pods_and_nobody_else() {
        let [service, other, empty, a, b] = [
            [10, 96, 0, 7],
            [10, 96, 0, 8],
            [10, 96, 0, 9],
            [10, 1, 0, 2],
            [10, 1, 0, 3],
        ]
        .map(|ip| SocketAddr::from((ip, 8080)));
        let services = ClusterIps::default();
        services.replace([(service, vec![a, b]), (empty, Vec::new())].into());
        // Of 100 connections none to one of two: less likely than 1e-29.
        let picked: HashSet<_> = (0..100).map(|_| services.pick(service)).collect();
        assert_eq!(picked, [Some(a), Some(b)].into());
        assert_eq!(
            [other, empty].map(|address| services.pick(address)),
            [None, None]
        );
    }
}
