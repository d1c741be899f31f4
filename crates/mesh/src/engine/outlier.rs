//! Who of a cluster's hosts is away because it failed (Envoy: outlier detection).
//!
//! ```text
//!            so many failures in a row, and not too many away
//!   present ──────────────────────────────────────────────────► away
//!      ▲          back-off + 1, for base × back-off                │
//!      └───────────────────────────────────────────────────────────┘
//!        the first tick of the interval after that; counters from 0
//! ```
//!
//! Each tick that finds a host present takes one off its back-off.

mod monitor;

use std::time::Duration;

use crate::config::{Outlier, Threshold};
use monitor::Monitor;
pub use monitor::Report;

/// Envoy: nobody is away for longer, unless one base ejection time is.
const MAX_EJECTION_TIME: Duration = Duration::from_secs(300);

/// What a host has had too many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EjectionType {
    /// Answers of 5xx.
    Consecutive5xx,
    /// Answers of 502, 503, 504.
    GatewayFailure,
    /// Tries without an answer.
    LocalOriginFailure,
}

/// How often something was found, by [`EjectionType`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByType {
    /// `consecutive_5xx`.
    pub consecutive_5xx: u64,
    /// `consecutive_gateway_failure`.
    pub gateway_failure: u64,
    /// `consecutive_local_origin_failure`.
    pub local_origin_failure: u64,
}

/// Counters that outlive a change of the policy, by Envoy's names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// `ejections_detected_…`: grows also where nobody was ejected for it.
    pub detected: ByType,
    /// `ejections_enforced_…`.
    pub enforced: ByType,
    /// `ejections_overflow`: refused because too many hosts are away already.
    pub overflow: u64,
    /// `lb_healthy_panic`: choices among all hosts because too few were healthy.
    pub panics: u64,
}

/// The state of detection for one cluster. Times are those of one clock.
#[derive(Debug, Clone)]
pub(super) struct Detector {
    rules: Outlier,
    /// When the cluster was made; ticks are counted from here.
    since: Duration,
    monitors: Vec<Monitor>,
    away: usize,
}

impl ByType {
    /// The counter of a type.
    pub fn of(&mut self, ejection: EjectionType) -> &mut u64 {
        match ejection {
            EjectionType::Consecutive5xx => &mut self.consecutive_5xx,
            EjectionType::GatewayFailure => &mut self.gateway_failure,
            EjectionType::LocalOriginFailure => &mut self.local_origin_failure,
        }
    }

    /// `ejections_enforced_total`.
    pub fn total(self) -> u64 {
        self.consecutive_5xx + self.gateway_failure + self.local_origin_failure
    }
}

impl Detector {
    pub(super) fn new(rules: Outlier, hosts: usize, now: Duration) -> Self {
        Self {
            rules,
            since: now,
            monitors: vec![Monitor::default(); hosts],
            away: 0,
        }
    }

    /// Other hosts from now on: of each its number until now, none for a new one.
    pub(super) fn replace_hosts(&mut self, kept: &[Option<usize>]) {
        let monitor = |before: &Option<usize>| before.and_then(|host| self.monitors.get(host));
        self.monitors = kept
            .iter()
            .map(|before| monitor(before).cloned().unwrap_or_default())
            .collect();
        self.away = self.monitors.iter().filter(|it| it.is_away()).count();
    }

    pub(super) fn is_away(&self, host: usize) -> bool {
        self.monitors.get(host).is_some_and(Monitor::is_away)
    }

    /// When the next host returns, and which.
    pub(super) fn next_return(&self) -> Option<(Duration, usize)> {
        if self.away == 0 {
            return None;
        }
        let returns = |(host, monitor): (usize, &Monitor)| Some((monitor.returns_at()?, host));
        self.monitors.iter().enumerate().filter_map(returns).min()
    }

    /// Lets a host return at its tick.
    pub(super) fn let_return(&mut self, host: usize, now: Duration) {
        let tick = self.tick(now);
        if let Some(monitor) = self.monitors.get_mut(host).filter(|it| it.is_away()) {
            monitor.let_return(tick);
            self.away -= 1;
        }
    }

    /// A try at a host ended so; whether it is ejected for it.
    pub(super) fn report(
        &mut self,
        host: usize,
        report: Report,
        now: Duration,
        counts: &mut Counts,
    ) -> bool {
        let Some(monitor) = self.monitors.get_mut(host) else {
            return false;
        };
        let reached = monitor.count(report, &self.rules);
        let mut ejected = false;
        for ejection in reached.into_iter().flatten() {
            // Envoy: a host that is away already is not looked at again.
            if !self.is_away(host) {
                ejected |= self.detected(host, ejection, now, counts);
            }
        }
        ejected
    }

    fn detected(
        &mut self,
        host: usize,
        ejection: EjectionType,
        now: Duration,
        counts: &mut Counts,
    ) -> bool {
        *counts.detected.of(ejection) += 1;
        let has_room = self.has_room();
        let ejects = has_room && self.threshold(ejection).enforced;
        if !has_room {
            counts.overflow += 1;
        }
        if ejects {
            *counts.enforced.of(ejection) += 1;
            self.eject(host, now);
        }
        // So that as many failures again are needed the next time.
        self.monitors[host].reset(ejection);
        ejects
    }

    /// Envoy ≥ 1.28: also for the first host, so that one of two needs 50 % and the only one 100 %.
    fn has_room(&self) -> bool {
        let percent = u64::from(self.rules.max_ejection_percent.min(100));
        100 * (self.away as u64 + 1) <= percent * self.monitors.len() as u64
    }

    fn threshold(&self, ejection: EjectionType) -> Threshold {
        match ejection {
            EjectionType::Consecutive5xx => self.rules.consecutive_5xx,
            EjectionType::GatewayFailure => self.rules.consecutive_gateway,
            EjectionType::LocalOriginFailure => self
                .rules
                .consecutive_local_origin
                .unwrap_or(Threshold::enforced(0)),
        }
    }

    fn eject(&mut self, host: usize, now: Duration) {
        let base = self.rules.base_ejection_time;
        let most = MAX_EJECTION_TIME.max(base);
        let mut back_off = self.monitors[host].back_off(self.tick(now));
        // Envoy: grows until it says at least the longest time.
        if base.saturating_mul(back_off) < most + base {
            back_off += 1;
        }
        let returns_at = self.tick_from(now + base.saturating_mul(back_off).min(most));
        self.monitors[host].eject(back_off, returns_at);
        self.away += 1;
    }

    /// Ticks so far.
    fn tick(&self, now: Duration) -> u64 {
        let passed = now.saturating_sub(self.since).as_nanos() / self.interval();
        u64::try_from(passed).unwrap_or(u64::MAX)
    }

    /// The first tick that is not before `time`.
    fn tick_from(&self, time: Duration) -> Duration {
        let nanos = time.saturating_sub(self.since).as_nanos();
        let ticks = nanos
            .div_ceil(self.interval())
            .saturating_mul(self.interval());
        self.since + Duration::from_nanos(u64::try_from(ticks).unwrap_or(u64::MAX))
    }

    /// In nanoseconds, never 0.
    fn interval(&self) -> u128 {
        self.rules.interval.as_nanos().max(1)
    }
}

#[cfg(test)]
mod tests;
