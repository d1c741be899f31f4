//! Hosts that have just come get their share little by little (Envoy: slow start).

use std::time::Duration;

use crate::config::SlowStart;

/// Since when each host of a cluster is there.
#[derive(Debug, Clone)]
pub(super) struct Warmup {
    rules: SlowStart,
    since: Vec<Duration>,
}

impl Warmup {
    /// No hosts yet.
    pub(super) fn new(rules: SlowStart) -> Self {
        Self {
            rules,
            since: Vec::new(),
        }
    }

    /// Other hosts from `now` on: of each its index until now, none for a new one.
    ///
    /// Envoy: only who comes warms up, not who returns from an ejection.
    pub(super) fn replace_hosts(&mut self, kept: &[Option<usize>], now: Duration) {
        let before = std::mem::take(&mut self.since);
        let since = |kept: &Option<usize>| kept.and_then(|host| before.get(host)).copied();
        self.since = kept.iter().map(|kept| since(kept).unwrap_or(now)).collect();
    }

    /// Whether everybody has its full share.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        let latest = self.since.iter().max();
        latest.is_none_or(|latest| whole_millis(now, *latest) > self.rules.window)
    }

    /// How much of its weight a host has: at least the minimum, and all of it after the window.
    ///
    /// Envoy: above an aggression of 1 most of it comes early.
    pub(super) fn factor(&self, host: usize, now: Duration) -> f64 {
        let since = self.since.get(host).copied().unwrap_or_default();
        let age = whole_millis(now, since);
        if age >= self.rules.window {
            return 1.0;
        }
        let age = age.max(Duration::from_millis(1));
        let part = age.as_secs_f64() / self.rules.window.as_secs_f64();
        // A weight of nothing would never be due again.
        let least = self.rules.minimum.max(LEAST);
        part.powf(1.0 / self.rules.aggression).max(least)
    }
}

/// Bounds what a minimum of 0 % asks for.
const LEAST: f64 = 1e-6;

/// Envoy compares whole milliseconds.
fn whole_millis(now: Duration, since: Duration) -> Duration {
    let age = now.saturating_sub(since).as_millis();
    Duration::from_millis(u64::try_from(age).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn warmup(aggression: f64, minimum: f64) -> Warmup {
        let mut warmup = Warmup::new(SlowStart {
            window: seconds(100),
            aggression,
            minimum,
        });
        warmup.replace_hosts(&[None], seconds(0));
        warmup
    }

    #[test]
    fn a_share_grows_from_the_minimum_to_the_whole() {
        let linear = warmup(1.0, 0.1);
        let rows = [(0, 0.1), (5, 0.1), (10, 0.1), (25, 0.25), (99, 0.99)];
        for (age, factor) in rows {
            assert_eq!(linear.factor(0, seconds(age)), factor, "{age}");
        }
        assert_eq!(
            [100, 5000].map(|age| linear.factor(0, seconds(age))),
            [1.0; 2]
        );
        // The square root of a quarter.
        assert_eq!(warmup(2.0, 0.1).factor(0, seconds(25)), 0.5);
        assert!(warmup(1.0, 0.0).factor(0, seconds(0)) > 0.0);
    }

    #[test]
    fn who_stays_is_as_warm_as_before_and_who_comes_begins() {
        let mut warmup = warmup(1.0, 0.1);
        assert!(!warmup.is_over(seconds(100)) && warmup.is_over(seconds(101)));
        warmup.replace_hosts(&[None, Some(0)], seconds(150));
        let now = seconds(190);
        assert_eq!([0, 1].map(|host| warmup.factor(host, now)), [0.4, 1.0]);
        assert!(!warmup.is_over(now));
        warmup.replace_hosts(&[Some(1)], now);
        assert!(warmup.is_over(now), "the one that was warming up has left");
    }
}
