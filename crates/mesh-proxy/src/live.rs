//! The engine of a cluster, and the hosts it chooses among.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mesh::config::Cluster;
use mesh::engine::{Choice, Counts, Engine, Health, Report};
use mesh::retry::RetryPolicy;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::cluster::HostState;

/// Time since a proxy began. A cheap handle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Default for Clock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock {
    fn now(self) -> Duration {
        self.0.elapsed()
    }
}

/// What all configurations of one policy share: a request that began under an older one also chooses
/// among today's hosts, and what it learns of them counts.
#[derive(Debug)]
pub(crate) struct Live {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    hosts: Vec<Arc<HostState>>,
}

impl Live {
    /// Starts afresh; the counters go on from `counts`.
    pub(crate) fn new(
        config: &Cluster,
        hosts: Vec<Arc<HostState>>,
        clock: Clock,
        random: u64,
        counts: Counts,
    ) -> Self {
        let engine = Engine::new(&config.policy, &config.hosts, clock.now(), random, counts);
        Self {
            clock,
            state: Mutex::new(State { engine, hosts }),
        }
    }

    /// Another engine for other hosts, by the same clock.
    pub(crate) fn beside(&self, config: &Cluster, hosts: Vec<Arc<HostState>>) -> Self {
        // Which host comes first matters to nobody: none of these clusters has a choice.
        Self::new(config, hosts, self.clock, 0, Counts::default())
    }

    /// Other hosts from now on; those that stay keep their state.
    pub(crate) fn replace_hosts(&self, config: &Cluster, hosts: &[Arc<HostState>]) {
        let mut state = self.state();
        let kept: Vec<Option<usize>> = hosts.iter().map(|host| state.position(host)).collect();
        let now = self.clock.now();
        state.engine.replace_hosts(&config.hosts, &kept, now);
        state.hosts = hosts.to_vec();
    }

    /// The host for the next try; `retry` says what hosts that were `tried` mean.
    pub(crate) fn pick(
        &self,
        chance: &Chance,
        tried: &[Arc<HostState>],
        retry: Option<&RetryPolicy>,
        hash: Option<u64>,
    ) -> Option<Arc<HostState>> {
        let mut state = self.state();
        let leaves = retry.is_some_and(|policy| policy.leaves_priorities);
        let left = tried.iter().filter(|_| leaves);
        let left = left.filter_map(|host| state.position(host)).collect();
        let State { engine, hosts } = &mut *state;
        let was_tried = |host: usize| tried.iter().any(|tried| Arc::ptr_eq(tried, &hosts[host]));
        let choice = Choice {
            active: |host: usize| hosts[host].stats.rq_active.get() as u32,
            random: || chance.draw(),
            tried: was_tried,
            repicks: retry.map_or(0, |policy| policy.repicks),
            hash,
            left,
        };
        let picked = engine.pick(self.clock.now(), choice)?;
        Some(hosts[picked].clone())
    }

    /// A try at a host ended so; of a host that is gone nothing is learnt.
    pub(crate) fn report(&self, host: &Arc<HostState>, report: Report) {
        let mut state = self.state();
        if let Some(host) = state.position(host) {
            let ejected = state.engine.report(host, report, self.clock.now());
            if ejected {
                // Envoy: nobody keeps a connection to who failed.
                state.hosts[host].pool.drain();
            }
        }
    }

    /// Who of today's hosts is away by now.
    pub(crate) fn health(&self) -> Health {
        let mut state = self.state();
        let hosts = state.hosts.len();
        state.engine.health(hosts, self.clock.now())
    }

    /// Held for a few steps, never across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn position(&self, host: &Arc<HostState>) -> Option<usize> {
        self.hosts.iter().position(|own| Arc::ptr_eq(own, host))
    }
}
