//! Retries: which failures are tried again, how often, and after which pause.

mod envoy;

use std::time::Duration;

use crate::local_reply::Reset;
use crate::model;

/// Istio's default conditions; the list of status codes that goes with them is empty, so that an
/// upstream's own 503 is not tried again.
const DEFAULT_ON: &str =
    "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
const DEFAULT_BASE: Duration = Duration::from_millis(25);
/// Envoy: the pause grows up to this many bases.
const MAX_BASES: u32 = 10;
/// Istio: `host_selection_retry_max_attempts`, further picks when the host was tried before.
const REPICKS: u32 = 5;

/// A retry policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries after the first.
    pub retries: u32,
    /// Which failures.
    pub on: Conditions,
    /// Limit for one try.
    pub per_try_timeout: Option<Duration>,
    /// Base of the back-off.
    pub base: Duration,
    /// How often another host is picked when the one picked was tried before; 0 = take any.
    pub repicks: u32,
    /// Whether the priorities of hosts that were tried are left (Envoy: `previous_priorities`).
    pub leaves_priorities: bool,
}

/// Failures that are tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    conditions: Vec<Condition>,
    status_codes: Vec<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    FiveXx,
    GatewayError,
    Reset,
    ConnectFailure,
    Retriable4xx,
    StatusCodes,
    /// A gRPC status in the answer's headers.
    Grpc(u8),
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    Response {
        /// Its status.
        status: u16,
        /// `grpc-status` of its headers.
        grpc_status: Option<u8>,
    },
    /// Without one.
    Reset(Reset),
    /// At the limit for one try.
    TryTimeout,
}

impl Default for RetryPolicy {
    /// Istio: two retries of what never reached an application.
    fn default() -> Self {
        Self {
            retries: 2,
            on: Conditions::parse(DEFAULT_ON),
            per_try_timeout: None,
            base: DEFAULT_BASE,
            repicks: REPICKS,
            leaves_priorities: false,
        }
    }
}

impl RetryPolicy {
    /// Compiles `retries`; none when they are switched off.
    pub fn compile(retries: Option<&model::HttpRetry>) -> Option<Self> {
        let Some(retries) = retries else {
            return Some(Self::default());
        };
        let default = Self::default();
        if retries.attempts == 0 {
            return None;
        }
        Some(Self {
            retries: u32::try_from(retries.attempts).unwrap_or(0),
            on: match retries.retry_on.as_str() {
                "" => default.on,
                on => Conditions::parse(on),
            },
            per_try_timeout: retries.per_try_timeout.map(|timeout| timeout.0),
            base: retries.backoff.map_or(default.base, |backoff| backoff.0),
            repicks: match retries.retry_ignore_previous_hosts {
                Some(false) => 0,
                _ => default.repicks,
            },
            leaves_priorities: retries.retry_remote_localities.unwrap_or_default(),
        })
    }

    /// The pause before retry `n` (1, 2, …), for a uniformly random number.
    ///
    /// Envoy: uniform in `[0, (2^n − 1)·B)`, at most ten bases.
    pub fn back_off(&self, n: u32, random: u64) -> Duration {
        let bases = 2_u32
            .saturating_pow(n)
            .saturating_sub(1)
            .clamp(1, MAX_BASES);
        let bound = u64::try_from((self.base * bases).as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(random % bound.max(1))
    }
}

impl Conditions {
    /// Reads a comma-separated list; numbers are status codes, unknown names nothing.
    pub fn parse(list: &str) -> Self {
        let mut parsed = Self::default();
        for name in list.split(',') {
            match (name.parse(), Condition::parse(name)) {
                (Ok(code), _) => parsed.status_codes.push(code),
                (_, Some(condition)) => parsed.conditions.push(condition),
                _ => {}
            }
        }
        if !parsed.status_codes.is_empty() {
            parsed.conditions.push(Condition::StatusCodes);
        }
        parsed
    }

    /// Whether failures are covered that come after the request was sent, so that its body must be
    /// kept. gRPC statuses do not ask for it: they come over HTTP/2 alone.
    pub fn after_sending(&self) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::FiveXx | Condition::GatewayError | Condition::Reset => true,
            Condition::Retriable4xx => true,
            Condition::StatusCodes => !self.status_codes.is_empty(),
            Condition::ConnectFailure | Condition::Grpc(_) => false,
        })
    }

    /// Whether a try that ended so is tried again.
    ///
    /// Envoy: overflow and "no healthy upstream" are never; they are decisions of the proxy.
    pub fn retry(&self, outcome: Outcome) -> bool {
        outcome != Outcome::Reset(Reset::Overflow)
            && self
                .conditions
                .iter()
                .any(|condition| condition.covers(outcome, &self.status_codes))
    }
}

impl Condition {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "5xx" => Self::FiveXx,
            "gateway-error" => Self::GatewayError,
            "reset" => Self::Reset,
            // A connection that never came up is all that ends before the request is sent.
            "connect-failure" | "reset-before-request" => Self::ConnectFailure,
            "retriable-4xx" => Self::Retriable4xx,
            "retriable-status-codes" => Self::StatusCodes,
            "cancelled" => Self::Grpc(1),
            "deadline-exceeded" => Self::Grpc(4),
            "resource-exhausted" => Self::Grpc(8),
            "internal" => Self::Grpc(13),
            "unavailable" => Self::Grpc(14),
            // HTTP/2 and header conditions, which nothing here can meet.
            _ => return None,
        })
    }

    fn covers(self, outcome: Outcome, codes: &[u16]) -> bool {
        match (self, outcome) {
            (Self::FiveXx, Outcome::Response { status, .. }) => (500..600).contains(&status),
            (Self::GatewayError, Outcome::Response { status, .. }) => (502..505).contains(&status),
            (Self::Retriable4xx, Outcome::Response { status, .. }) => status == 409,
            (Self::StatusCodes, Outcome::Response { status, .. }) => codes.contains(&status),
            (Self::Grpc(code), Outcome::Response { grpc_status, .. }) => grpc_status == Some(code),
            (Self::FiveXx | Self::GatewayError | Self::Reset, _) => {
                !matches!(outcome, Outcome::Response { .. })
            }
            (Self::ConnectFailure, Outcome::Reset(reset)) => {
                matches!(reset, Reset::ConnectionFailure | Reset::ConnectionTimeout)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
