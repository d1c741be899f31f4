//! How long a container that ended waits before it starts again.

use std::time::Duration;

/// Kubernetes: 10 s, doubled with each end, at most five minutes.
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);
/// Kubernetes: a container that ran this long starts afresh.
const CALM: Duration = Duration::from_secs(600);

/// Restart back-off of one container.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff {
    ends: u32,
}

impl Backoff {
    /// The pause after an end; `ran` is how long the container had lived.
    ///
    /// The first restart is immediate, as on Kubernetes.
    pub(super) fn pause(&mut self, ran: Duration) -> Duration {
        if ran >= CALM {
            self.ends = 0;
        }
        let pause = match self.ends {
            0 => Duration::ZERO,
            ends => FIRST.saturating_mul(1 << (ends - 1).min(10)).min(LONGEST),
        };
        self.ends = self.ends.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_start_over_after_a_calm_run() {
        let mut backoff = Backoff::default();
        let short = Duration::from_secs(1);
        let pauses: Vec<u64> = (0..8).map(|_| backoff.pause(short).as_secs()).collect();
        assert_eq!(pauses, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(backoff.pause(CALM), Duration::ZERO);
    }
}
