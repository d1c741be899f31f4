//! Clusters at work: balancer, hosts, connections. They outlive configurations that do not change
//! them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use mesh::config::{Cluster, Host};
use mesh::engine::Balancer;

use crate::chance::Chance;
use crate::dial::Target;
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
    balancer: Mutex<Balancer>,
}

/// A host at work.
#[derive(Debug)]
pub struct HostState {
    /// Its address.
    pub target: Target,
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
) -> Clusters {
    let state = |(name, config): (&Arc<str>, &Arc<Cluster>)| {
        let state = match old.get(name) {
            Some(same) if same.config == *config => same.clone(),
            before => Arc::new(ClusterState::new(
                config,
                before.map(Arc::as_ref),
                chance.draw(),
            )),
        };
        (name.clone(), state)
    };
    new.iter().map(state).collect()
}

impl ClusterState {
    pub(crate) fn new(config: &Arc<Cluster>, before: Option<&Self>, random: u64) -> Self {
        let same_policy = before.filter(|before| before.config.policy == config.policy);
        let state = |host: &Host| {
            let target = Target {
                address: host.address,
                sni: host.sni.clone(),
            };
            let known = same_policy.and_then(|before| before.host(&target));
            known.unwrap_or_else(|| Arc::new(HostState::new(target)))
        };
        let weights: Vec<u32> = config.hosts.iter().map(|host| host.weight).collect();
        Self {
            config: config.clone(),
            hosts: config.hosts.iter().map(state).collect(),
            stats: before
                .map(|before| before.stats.clone())
                .unwrap_or_default(),
            room: same_policy.map_or_else(
                || Room::of(config.policy.max_connections),
                |before| before.room.clone(),
            ),
            balancer: Mutex::new(Balancer::new(config.policy.balancing, &weights, random)),
        }
    }

    fn host(&self, target: &Target) -> Option<Arc<HostState>> {
        self.hosts
            .iter()
            .find(|host| host.target == *target)
            .cloned()
    }

    /// The host for the next try, another than those `tried` if it can be had in `repicks` picks.
    pub(crate) fn pick(
        &self,
        chance: &Chance,
        tried: &[Arc<HostState>],
        repicks: u32,
    ) -> Option<Arc<HostState>> {
        let active = |host: usize| self.hosts[host].stats.rq_active.get() as u32;
        let was_tried = |host: usize| {
            tried
                .iter()
                .any(|tried| Arc::ptr_eq(tried, &self.hosts[host]))
        };
        let mut balancer = self.balancer.lock().unwrap_or_else(PoisonError::into_inner);
        let picked = balancer.pick_another(active, || chance.draw(), was_tried, repicks)?;
        Some(self.hosts[picked].clone())
    }
}

impl HostState {
    fn new(target: Target) -> Self {
        Self {
            target,
            stats: HostStats::default(),
            pool: Pool::default(),
        }
    }
}
