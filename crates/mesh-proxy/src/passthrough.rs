//! Clusters that have the addresses that clients dialled (Envoy: `ORIGINAL_DST`).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mesh::config::Cluster;
use tokio::time::Instant;

use crate::cluster::{ClusterState, Clusters};

/// Envoy (`cleanup_interval`): an address that nobody dialled for so long, and that has no connection,
/// is no host any more.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// Addresses dialled, by cluster. Held briefly, never across an await.
#[derive(Default)]
pub(crate) struct Passthrough(Mutex<HashMap<Arc<str>, Addresses>>);

type Addresses = HashMap<SocketAddr, Dialled>;

/// An address, as a cluster of its own with the counters and limits of all.
struct Dialled {
    cluster: Arc<ClusterState>,
    last: Instant,
}

impl Dialled {
    fn connected(&self) -> bool {
        let mut hosts = self.cluster.hosts.iter();
        hosts.any(|host| host.stats.cx_active.get() > 0)
    }
}

impl Passthrough {
    /// The cluster `of` all addresses, for a client that dialled `address`.
    pub(crate) fn toward(&self, of: &ClusterState, address: SocketAddr) -> Arc<ClusterState> {
        self.known(of, |known| {
            let last = Instant::now();
            let same = |it: &&mut Dialled| it.cluster.config.policy == of.config.policy;
            if let Some(dialled) = known.get_mut(&address).filter(same) {
                dialled.last = last;
                return dialled.cluster.clone();
            }
            let cluster = Arc::new(of.toward(address));
            of.stats.membership_change.add();
            let dialled = cluster.clone();
            known.insert(address, Dialled { cluster, last });
            dialled
        })
    }

    /// The cluster `of` all addresses with those that it has by now.
    pub(crate) fn shown(&self, of: &Arc<ClusterState>) -> Arc<ClusterState> {
        self.known(of, |known| {
            if known.is_empty() {
                return of.clone();
            }
            let mut clusters: Vec<_> = known.values().map(|it| &it.cluster).collect();
            clusters.sort_by_key(|cluster| cluster.hosts.first().map(|host| host.target.address));
            let configs = clusters.iter().flat_map(|it| it.config.hosts.iter());
            let config = Cluster {
                hosts: configs.cloned().collect(),
                ..(*of.config).clone()
            };
            let hosts = clusters.iter().flat_map(|it| it.hosts.iter().cloned());
            Arc::new(of.with_hosts(config, hosts.collect()))
        })
    }

    /// Forgets what belongs to none of these clusters.
    pub(crate) fn keep(&self, clusters: &Clusters) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let follows = |it: &Arc<ClusterState>| it.config.follows_clients();
        all.retain(|name, _| clusters.get(name).is_some_and(follows));
    }

    /// Looks at what is known; an address that is forgotten by now leaves when somebody looks.
    fn known<T>(&self, of: &ClusterState, look: impl FnOnce(&mut Addresses) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(of.config.name.clone()).or_default();
        known.retain(|_, dialled| {
            let kept = dialled.last.elapsed() < FORGOTTEN || dialled.connected();
            if !kept {
                of.stats.membership_change.add();
            }
            kept
        });
        look(known)
    }
}

#[cfg(test)]
mod tests {
    use mesh::config::{Discovery, PASSTHROUGH, Policy};

    use super::*;
    use crate::chance::Chance;
    use crate::live::Clock;

    fn addresses(cluster: &ClusterState) -> Vec<String> {
        let hosts = cluster.hosts.iter();
        hosts.map(|host| host.target.address.to_string()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_a_host_while_somebody_dials_it() {
        let config = Arc::new(Cluster {
            name: PASSTHROUGH.into(),
            discovery: Discovery::OriginalDst,
            policy: Policy::default(),
            hosts: Arc::default(),
        });
        let cluster = Arc::new(ClusterState::new(&config, None, 0, Clock::default()));
        let passthrough = Passthrough::default();
        let [one, two] = ["10.0.0.1:80", "10.0.0.2:80"].map(|it| it.parse().unwrap());
        let first = passthrough.toward(&cluster, one);
        assert!(Arc::ptr_eq(&first, &passthrough.toward(&cluster, one)));
        passthrough.toward(&cluster, two);
        let shown = || addresses(&passthrough.shown(&cluster));
        assert_eq!(shown(), ["10.0.0.1:80", "10.0.0.2:80"]);
        assert!(Arc::ptr_eq(&first.stats, &cluster.stats));
        for (seconds, expected) in [(3, 2), (3, 1), (3, 1), (5, 0)] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            assert_eq!(shown().len(), expected);
            if expected > 0 {
                passthrough.toward(&cluster, two);
            }
        }
        assert_eq!(cluster.stats.membership_change.get(), 4);
    }

    #[tokio::test]
    async fn a_request_under_way_keeps_the_hosts_of_its_time_when_clients_choose_from_now_on() {
        let address = "10.0.0.1:80".parse().unwrap();
        let endpoints = Arc::new(Cluster {
            discovery: Discovery::Eds,
            ..Cluster::single("outbound|80||svc".into(), address, Policy::default())
        });
        let before = ClusterState::new(&endpoints, None, 0, Clock::default());
        let dialled = Arc::new(Cluster {
            discovery: Discovery::OriginalDst,
            hosts: Arc::default(),
            ..(*endpoints).clone()
        });
        let after = ClusterState::new(&dialled, Some(&before), 0, Clock::default());
        let picked = |of: &ClusterState| of.pick(&Chance::new(Some(1)), &[], None, None);
        assert_eq!(picked(&before).map(|it| it.target.address), Some(address));
        assert!(picked(&after).is_none());
        assert!(Arc::ptr_eq(&before.stats, &after.stats));
    }
}
