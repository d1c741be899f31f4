//! The hosts of a cluster at work: who is away, and who takes the next request.
//!
//! One [`Engine`] is one Envoy worker's state for one cluster. Chance, time and the number of
//! requests that each host has in flight are arguments; times are those of one clock that never
//! goes back.
//!
//! ```text
//! reports ─► outlier (who is away) ─► window (up to 1 s late) ─► balancer ─► a host
//! ```

mod balancer;
mod group;
mod hashing;
mod load;
mod maglev;
mod members;
mod outlier;
mod ring;
mod schedule;
mod warmup;
mod window;

use std::time::Duration;

use crate::config::{Host, Policy};
use balancer::{Balancer, Chances};
pub use hashing::{Hashable, Hashed, hash, source_hash};
use outlier::Detector;
pub use outlier::{ByType, Counts, EjectionType, Report};
use window::Window;

/// The state of a cluster.
#[derive(Debug, Clone)]
pub struct Engine {
    detector: Option<Detector>,
    window: Window,
    balancer: Balancer,
    counts: Counts,
}

/// What a choice depends on besides the state of a cluster.
pub struct Choice<A, R, T> {
    /// Requests in flight at a host.
    pub active: A,
    /// Uniformly random numbers.
    pub random: R,
    /// Whether a host was tried before for the same request.
    pub tried: T,
    /// Envoy, `previous_hosts`: how often another host is picked when the one picked was tried.
    pub repicks: u32,
    /// Of the request, for clusters that choose by it.
    pub hash: Option<u64>,
    /// Hosts tried for the same request, in order, whose priorities are left; empty = none are.
    pub left: Vec<usize>,
}

/// Who is away, and what was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Of each host, whether it is ejected.
    pub ejected: Vec<bool>,
    /// Counters so far.
    pub counts: Counts,
}

impl Engine {
    /// Starts a cluster afresh at `now`; `counts` go on from the cluster of the same name before.
    pub fn new(
        policy: &Policy,
        hosts: &[Host],
        now: Duration,
        random: u64,
        counts: Counts,
    ) -> Self {
        let detector = |rules| Detector::new(rules, hosts.len(), now);
        let mut balancer = Balancer::new(policy, random);
        balancer.replace_hosts(hosts, &vec![None; hosts.len()], now);
        balancer.refresh(|_| true, now);
        Self {
            detector: policy.outlier.map(detector),
            window: Window::default(),
            balancer,
            counts,
        }
    }

    /// Other hosts under the same policy: of each its index until now, none for a new one.
    ///
    /// Who stays keeps its state, and the balancer learns of everything at once (Envoy).
    pub fn replace_hosts(&mut self, hosts: &[Host], kept: &[Option<usize>], now: Duration) {
        self.advance(now);
        if let Some(detector) = &mut self.detector {
            detector.replace_hosts(kept);
        }
        self.balancer.replace_hosts(hosts, kept, now);
        self.window.tell(now);
        self.publish(now);
    }

    /// The host (its index) for the next try; none where nobody may be asked.
    pub fn pick<A, R, T>(&mut self, now: Duration, choice: Choice<A, R, T>) -> Option<usize>
    where
        A: Fn(usize) -> u32,
        R: FnMut() -> u64,
        T: Fn(usize) -> bool,
    {
        self.advance(now);
        let mut chances = Chances {
            active: choice.active,
            random: choice.random,
            hash: choice.hash,
            attempt: 0,
            left: choice.left,
            now,
        };
        let mut picked = self.balancer.pick(&mut chances, &mut self.counts.panics)?;
        for _ in 0..choice.repicks {
            if !(choice.tried)(picked) {
                break;
            }
            chances.attempt += 1;
            picked = self.balancer.pick(&mut chances, &mut self.counts.panics)?;
        }
        Some(picked)
    }

    /// A try at a host ended so; whether the host is ejected for it.
    pub fn report(&mut self, host: usize, report: Report, now: Duration) -> bool {
        self.advance(now);
        let Some(detector) = &mut self.detector else {
            return false;
        };
        let ejected = detector.report(host, report, now, &mut self.counts);
        if ejected {
            self.changed(now);
        }
        ejected
    }

    /// Who is away at `now`.
    pub fn health(&mut self, hosts: usize, now: Duration) -> Health {
        self.advance(now);
        let detector = self.detector.as_ref();
        let is_away = |host| detector.is_some_and(|detector| detector.is_away(host));
        Health {
            ejected: (0..hosts).map(is_away).collect(),
            counts: self.counts,
        }
    }

    /// Does what has become due until `now`, in order: hosts return at ticks, and the balancer
    /// learns of changes. Nothing runs in between, so that an idle cluster costs nothing.
    fn advance(&mut self, now: Duration) {
        loop {
            let returning = self.detector.as_ref().and_then(Detector::next_return);
            let due = self.window.due();
            match (
                returning.filter(|(at, _)| *at <= now),
                due.filter(|at| *at <= now),
            ) {
                (Some((at, host)), due) if due.is_none_or(|due| at < due) => {
                    self.let_return(host, at);
                }
                (_, Some(at)) => {
                    self.window.tell(at);
                    self.publish(at);
                }
                _ => return,
            }
        }
    }

    fn let_return(&mut self, host: usize, at: Duration) {
        if let Some(detector) = &mut self.detector {
            detector.let_return(host, at);
        }
        self.changed(at);
    }

    fn changed(&mut self, at: Duration) {
        if self.window.change(at) {
            self.publish(at);
        }
    }

    /// The balancer learns who is away.
    fn publish(&mut self, now: Duration) {
        let detector = self.detector.as_ref();
        let healthy = |host| detector.is_none_or(|detector| !detector.is_away(host));
        self.balancer.refresh(healthy, now);
    }
}

#[cfg(test)]
mod tests;
