//! Clusters at work: hosts, connections, who is away. They outlive configurations that do not change
//! them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mesh::config::{Cluster, Discovery, Host, Policy};
use mesh::engine::{Counts, Health, Report};
use mesh::local_reply::{Reason, local_reply};
use mesh::registry::Locality;
use mesh::retry::RetryPolicy;

use crate::chance::Chance;
use crate::dial::Target;
use crate::limits::Limits;
use crate::live::{Clock, Live};
use crate::pool::{Connection, Lifetimes, Pool};
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
    /// What all its clients together use.
    pub limits: Limits,
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
    pub stats: Arc<HostStats>,
    pub(crate) pool: Pool,
    /// Those of the cluster.
    pub(crate) limits: Limits,
    /// Those of the cluster.
    pub(crate) cluster: Arc<ClusterStats>,
    pub(crate) connect_timeout: Duration,
    /// Requests after which a connection is closed.
    most_requests: u32,
    pub(crate) lifetimes: Lifetimes,
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
        let same_policy = before.filter(|before| {
            // A request under way chooses among the hosts that its cluster had when it began.
            let before = &before.config;
            (&before.policy, before.discovery) == (&config.policy, config.discovery)
        });
        let stats = before.map_or_else(Arc::default, |before| before.stats.clone());
        let limits = same_policy.map_or_else(
            || Limits::of(&config.policy.limits),
            |before| before.limits.clone(),
        );
        let state = |host: &Host| {
            let known = same_policy.and_then(|before| before.host(host));
            known.unwrap_or_else(|| Arc::new(HostState::new(host, &config.policy, &limits, &stats)))
        };
        let hosts: Vec<_> = config.hosts.iter().map(state).collect();
        let known = before.map(|before| (&*before.config.hosts, &*before.hosts));
        for _ in 0..changed_priorities((&config.hosts, &hosts), known.unwrap_or_default()) {
            stats.membership_change.add();
        }
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
            stats,
            limits,
            live,
        }
    }

    /// A cluster of one address that a client dialled, with the counters and limits of this one.
    pub(crate) fn toward(&self, address: SocketAddr) -> Self {
        let (name, policy) = (self.config.name.clone(), self.config.policy.clone());
        let config = Cluster::single(name, address, policy);
        let state = |host| HostState::new(host, &config.policy, &self.limits, &self.stats);
        let hosts = config.hosts.iter().map(|host| Arc::new(state(host)));
        let hosts = hosts.collect();
        self.with_hosts(config, hosts)
    }

    /// Other hosts with the counters and limits of this cluster.
    pub(crate) fn with_hosts(&self, config: Cluster, hosts: Vec<Arc<HostState>>) -> Self {
        Self {
            live: Arc::new(self.live.beside(&config, hosts.clone())),
            config: Arc::new(config),
            hosts,
            stats: self.stats.clone(),
            limits: self.limits.clone(),
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

    /// The host for the next try; `retry` says what hosts that were `tried` mean.
    pub(crate) fn pick(
        &self,
        chance: &Chance,
        tried: &[Arc<HostState>],
        retry: Option<&RetryPolicy>,
        hash: Option<u64>,
    ) -> Option<Arc<HostState>> {
        if self.config.discovery == Discovery::OriginalDst {
            // Envoy: whatever its health, the address dialled is the only choice.
            return self.hosts.first().cloned();
        }
        self.live.pick(chance, tried, retry, hash)
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

    /// Counts an answer that the proxy gave for it. Envoy: as one of its own.
    pub(crate) fn count_reply(&self, reason: &Reason) {
        self.stats.answers.add(local_reply(reason).status);
    }

    /// Who of the cluster's hosts is ejected by now, and what was counted.
    pub fn health(&self) -> Health {
        self.live.health()
    }
}

/// Hosts as they are configured, and at work.
type Members<'a> = (&'a [Host], &'a [Arc<HostState>]);

/// Envoy: hosts that come or go are one change of each priority they have.
fn changed_priorities(new: Members<'_>, old: Members<'_>) -> usize {
    fn missing(of: Members<'_>, other: Members<'_>) -> Vec<u32> {
        let known = |host: &Arc<HostState>| other.1.iter().any(|other| Arc::ptr_eq(host, other));
        let gone = of.0.iter().zip(of.1).filter(|(_, host)| !known(host));
        gone.map(|(config, _)| config.priority).collect()
    }
    let priorities: BTreeSet<u32> = [missing(new, old), missing(old, new)]
        .concat()
        .into_iter()
        .collect();
    priorities.len()
}

impl HostState {
    fn new(host: &Host, policy: &Policy, limits: &Limits, cluster: &Arc<ClusterStats>) -> Self {
        Self {
            target: Target::of(host),
            locality: host.locality.clone(),
            stats: Arc::default(),
            pool: Pool::default(),
            limits: limits.clone(),
            cluster: cluster.clone(),
            connect_timeout: policy.connect_timeout,
            most_requests: policy.max_requests_per_connection.unwrap_or(u32::MAX),
            lifetimes: Lifetimes::of(policy),
        }
    }

    /// Requests that wait for a connection.
    pub fn pending(&self) -> usize {
        self.pool.waiting()
    }

    /// Takes back a connection whose answer was read to its end; a worn one is closed.
    pub(crate) fn put_back(self: &Arc<Self>, connection: Connection) {
        if connection.used >= self.most_requests {
            self.cluster.upstream_cx_max_requests.add();
        } else if self.lifetimes.allow(&connection) {
            self.keep(connection);
        }
    }

    /// A request is sent over one of its connections.
    pub(crate) fn count_request(&self) {
        self.stats.rq_total.add();
        self.cluster.upstream_rq_total.add();
    }

    /// It was not sent after all.
    pub(crate) fn uncount_request(&self) {
        self.stats.rq_total.subtract();
        self.cluster.upstream_rq_total.subtract();
    }
}
