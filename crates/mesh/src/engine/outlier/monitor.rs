//! What is remembered of one host.

use std::time::Duration;

use super::EjectionType;
use crate::config::Outlier;

/// How a try at a host ended, as far as it says something about the host. What the proxy decided
/// itself (overflow, aborts) and clients that left say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It answered.
    Answer {
        /// With this status.
        status: u16,
    },
    /// A connection was there for a request.
    Connected,
    /// A connection of a TCP service came up: there is no answer to wait for.
    Opened,
    /// A connection did not come up, or ended before the answer.
    ConnectFailure,
    /// The try took too long.
    Timeout,
}

/// Counters and presence of one host.
#[derive(Debug, Clone, Default)]
pub(super) struct Monitor {
    consecutive_5xx: u32,
    gateway_failures: u32,
    local_origin_failures: u32,
    presence: Presence,
}

#[derive(Debug, Clone)]
enum Presence {
    Here {
        /// As it was at the tick of `since`.
        back_off: u32,
        /// Number of the tick that found the host back.
        since: u64,
    },
    Away {
        back_off: u32,
        returns_at: Duration,
    },
}

impl Default for Presence {
    fn default() -> Self {
        Self::Here {
            back_off: 0,
            since: 0,
        }
    }
}

impl Monitor {
    pub(super) fn is_away(&self) -> bool {
        matches!(self.presence, Presence::Away { .. })
    }

    pub(super) fn returns_at(&self) -> Option<Duration> {
        match self.presence {
            Presence::Away { returns_at, .. } => Some(returns_at),
            Presence::Here { .. } => None,
        }
    }

    /// Ejections that still lengthen the next one, at a tick.
    pub(super) fn back_off(&self, tick: u64) -> u32 {
        match self.presence {
            Presence::Here { back_off, since } => {
                let forgiven = tick.saturating_sub(since);
                back_off.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
            }
            Presence::Away { back_off, .. } => back_off,
        }
    }

    pub(super) fn eject(&mut self, back_off: u32, returns_at: Duration) {
        self.presence = Presence::Away {
            back_off,
            returns_at,
        };
    }

    /// Back with counters from 0, so that one more failure does not eject it again.
    pub(super) fn let_return(&mut self, tick: u64) {
        *self = Self {
            presence: Presence::Here {
                back_off: self.back_off(tick),
                since: tick,
            },
            ..Self::default()
        };
    }

    pub(super) fn reset(&mut self, ejection: EjectionType) {
        *match ejection {
            EjectionType::Consecutive5xx => &mut self.consecutive_5xx,
            EjectionType::GatewayFailure => &mut self.gateway_failures,
            EjectionType::LocalOriginFailure => &mut self.local_origin_failures,
        } = 0;
    }

    /// Counts a report; which thresholds it reaches, in the order in which Envoy acts on them.
    pub(super) fn count(&mut self, report: Report, rules: &Outlier) -> [Option<EjectionType>; 2] {
        let Some(local) = rules.consecutive_local_origin else {
            let status = match report {
                Report::Answer { status } => status,
                Report::Connected => return [None, None],
                Report::Opened => 200,
                Report::ConnectFailure => 503,
                Report::Timeout => 504,
            };
            return self.count_status(status, rules);
        };
        match report {
            Report::Answer { status } => self.count_status(status, rules),
            Report::Connected | Report::Opened => {
                self.local_origin_failures = 0;
                [None, None]
            }
            Report::ConnectFailure | Report::Timeout => {
                let reached = failed(&mut self.local_origin_failures, local.errors);
                [reached.then_some(EjectionType::LocalOriginFailure), None]
            }
        }
    }

    fn count_status(&mut self, status: u16, rules: &Outlier) -> [Option<EjectionType>; 2] {
        if !(500..600).contains(&status) {
            (self.consecutive_5xx, self.gateway_failures) = (0, 0);
            return [None, None];
        }
        let gateway = if matches!(status, 502..=504) {
            failed(&mut self.gateway_failures, rules.consecutive_gateway.errors)
        } else {
            self.gateway_failures = 0;
            false
        };
        let any = failed(&mut self.consecutive_5xx, rules.consecutive_5xx.errors);
        [
            gateway.then_some(EjectionType::GatewayFailure),
            any.then_some(EjectionType::Consecutive5xx),
        ]
    }
}

/// One more; whether the threshold is reached now. Envoy: exactly reached, so that failures of a
/// host that is away already do not count again.
fn failed(counter: &mut u32, threshold: u32) -> bool {
    *counter = counter.saturating_add(1);
    *counter == threshold
}
