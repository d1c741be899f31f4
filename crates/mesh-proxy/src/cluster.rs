//! Clusters at work: hosts, connections, who is away. They outlive configurations that do not change
//! them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mesh::config::{Cluster, Host};
use mesh::engine::{Counts, Health, Report};
use mesh::registry::Locality;

use crate::chance::Chance;
use crate::dial::Target;
use crate::live::{Clock, Live};
use crate::pool::Pool;
use crate::room::Room;
use crate::stats::{ClusterStats, HostStats};

/// A cluster at work.
#[derive(Debug)]
pub struct ClusterState {
    /// What is obeyed.
    pub config: Arc<Cluster>,
    /// Its hosts, in the order of the configuration.
    pub hosts: Vec<Arc<HostState>>,
    /// Its counters, kept over changes of hosts.
    pub stats: Arc<ClusterStats>,
    /// Places for TCP connections.
    pub(crate) room: Room,
    live: Arc<Live>,
}

/// A host at work.
#[derive(Debug)]
pub struct HostState {
    /// Its address.
    pub target: Target,
    /// Where it is.
    pub locality: Locality,
    /// Its counters.
    pub stats: HostStats,
    pub(crate) pool: Pool,
}

/// Clusters at work, by name.
pub(crate) type Clusters = HashMap<Arc<str>, Arc<ClusterState>>;

/// The clusters of a new configuration.
///
/// Istio: an unchanged cluster is not touched. New endpoints keep the connections and counters of
/// those that stay; a changed policy starts all hosts afresh, but the cluster's counters go on.
pub(crate) fn update(
    old: &Clusters,
    new: &BTreeMap<Arc<str>, Arc<Cluster>>,
    chance: &Chance,
    clock: Clock,
) -> Clusters {
    let state = |(name, config): (&Arc<str>, &Arc<Cluster>)| {
        let state = match old.get(name) {
            Some(same) if same.config == *config => same.clone(),
            before => Arc::new(ClusterState::new(
                config,
                before.map(Arc::as_ref),
                chance.draw(),
                clock,
            )),
        };
        (name.clone(), state)
    };
    new.iter().map(state).collect()
}

impl ClusterState {
    pub(crate) fn new(
        config: &Arc<Cluster>,
        before: Option<&Self>,
        random: u64,
        clock: Clock,
    ) -> Self {
        let same_policy = before.filter(|before| before.config.policy == config.policy);
        let state = |host: &Host| {
            let known = same_policy.and_then(|before| before.host(host));
            known.unwrap_or_else(|| Arc::new(HostState::new(host)))
        };
        let hosts: Vec<_> = config.hosts.iter().map(state).collect();
        let live = match same_policy {
            Some(before) => {
                before.live.replace_hosts(config, &hosts);
                before.live.clone()
            }
            None => {
                let counts = before.map_or(Counts::default(), |before| before.health().counts);
                Arc::new(Live::new(config, hosts.clone(), clock, random, counts))
            }
        };
        Self {
            config: config.clone(),
            hosts,
            stats: before
                .map(|before| before.stats.clone())
                .unwrap_or_default(),
            room: same_policy.map_or_else(
                || Room::of(config.policy.max_connections),
                |before| before.room.clone(),
            ),
            live,
        }
    }

    /// Envoy: a host that moved to another locality is a new one.
    fn host(&self, wanted: &Host) -> Option<Arc<HostState>> {
        let target = Target::of(wanted);
        self.hosts
            .iter()
            .find(|host| host.target == target && host.locality == wanted.locality)
            .cloned()
    }

    /// The host for the next try, another than those `tried` if it can be had in `repicks` picks.
    pub(crate) fn pick(
        &self,
        chance: &Chance,
        tried: &[Arc<HostState>],
        repicks: u32,
    ) -> Option<Arc<HostState>> {
        self.live.pick(chance, tried, repicks)
    }

    /// A try at a host ended so.
    pub(crate) fn report(&self, host: &Arc<HostState>, report: Report) {
        let Some(outlier) = &self.config.policy.outlier else {
            return;
        };
        // Only where failures without an answer are told apart does a connection say something.
        if report != Report::Connected || outlier.consecutive_local_origin.is_some() {
            self.live.report(host, report);
        }
    }

    /// Who of the cluster's hosts is ejected by now, and what was counted.
    pub fn health(&self) -> Health {
        self.live.health()
    }
}

impl HostState {
    fn new(host: &Host) -> Self {
        Self {
            target: Target::of(host),
            locality: host.locality.clone(),
            stats: HostStats::default(),
            pool: Pool::default(),
        }
    }
}
