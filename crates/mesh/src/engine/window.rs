//! When a change of hosts' health reaches the balancer.

use std::time::Duration;

/// Envoy: `update_merge_window`, which Istio leaves at its default.
const MERGED: Duration = Duration::from_secs(1);

/// Gathers changes of health that follow closely on another one.
///
/// Envoy: a change is told to the workers at once if nothing was told to them in the last second;
/// else a timer of one second starts, and what is true at its end is told.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    told: Option<Duration>,
    due: Option<Duration>,
}

impl Window {
    /// A change of health at `now`; whether the balancer learns of it at once.
    pub(super) fn change(&mut self, now: Duration) -> bool {
        // Envoy compares whole milliseconds.
        let over = |told: Duration| (now.saturating_sub(told)).as_millis() > MERGED.as_millis();
        if self.told.is_none_or(over) {
            self.tell(now);
            return true;
        }
        self.due.get_or_insert(now + MERGED);
        false
    }

    /// Everything is told at `now`: a gathered change is due, or hosts came or went.
    pub(super) fn tell(&mut self, now: Duration) {
        *self = Self {
            told: Some(now),
            due: None,
        };
    }

    /// When the gathered changes are told.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_first_change_is_told_at_once_and_the_next_a_second_after_it_happened() {
        let mut window = Window::default();
        assert!(window.change(ms(100)));
        assert!(!window.change(ms(350)));
        assert_eq!(window.due(), Some(ms(1350)));
        // Further changes ride along.
        assert!(!window.change(ms(1000)));
        assert_eq!(window.due(), Some(ms(1350)));
        window.tell(ms(1350));
        assert_eq!(window.due(), None);
        assert!(!window.change(ms(2350)));
    }

    #[test]
    fn a_change_more_than_a_second_later_is_told_at_once() {
        let mut window = Window::default();
        assert!(window.change(ms(0)));
        assert!(!window.change(ms(1000)));
        let mut window = Window::default();
        assert!(window.change(ms(0)));
        assert!(window.change(ms(1001)));
    }

    #[test]
    fn hosts_that_come_or_go_tell_everything() {
        let mut window = Window::default();
        window.change(ms(0));
        window.change(ms(500));
        window.tell(ms(600));
        assert_eq!(window.due(), None);
        assert!(!window.change(ms(700)));
    }
}
