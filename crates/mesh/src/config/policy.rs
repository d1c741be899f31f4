//! How the hosts of a cluster are treated: Envoy's words for a `trafficPolicy`.

use std::time::Duration;

use super::Balancing;

/// Envoy: connections that are not up after this long have failed (Istio's mesh default).
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Envoy: a connection that carries nothing for this long is closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// How the hosts of a cluster are treated.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// How a host is chosen.
    pub balancing: Balancing,
    /// Whether a TCP connection belongs to a host by its client's address (Envoy: the TCP proxy's
    /// `hash_policy`); requests have a [`HashPolicy`](super::HashPolicy) of their routes.
    pub hashes_sources: bool,
    /// How new hosts come to their share; none = at once.
    pub slow_start: Option<SlowStart>,
    /// Whether a locality is chosen by weight before the host (Envoy: `locality_weighted_lb_config`).
    pub weighs_localities: bool,
    /// Limit for a connection to come up.
    pub connect_timeout: Duration,
    /// How much all clients together may use.
    pub limits: Limits,
    /// Requests after which a connection is closed; none = never.
    pub max_requests_per_connection: Option<u32>,
    /// Time without a request after which a connection is closed.
    pub idle_timeout: Duration,
    /// Age at which a connection is closed, after its request if it carries one; none = any age.
    pub max_connection_duration: Option<Duration>,
    /// Ejection of failing hosts; none = every host is always asked.
    pub outlier: Option<Outlier>,
}

/// How new hosts come to their share (Envoy: `slow_start_config`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowStart {
    /// How long it takes; more than nothing.
    pub window: Duration,
    /// 1 = evenly; above it, most comes early.
    pub aggression: f64,
    /// Part of its weight that a host has at least, from 0 to 1.
    pub minimum: f64,
}

/// How much of a cluster all clients together may use (Envoy: circuit breakers); none = no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Connections at a time.
    pub max_connections: Option<u32>,
    /// Requests that wait for a connection.
    pub max_pending_requests: Option<u32>,
    /// Requests at a time, over HTTP/1.1 too.
    pub max_requests: Option<u32>,
    /// Retries at a time.
    pub max_retries: Option<u32>,
    /// Retries at a time by how many requests there are, instead.
    pub retry_budget: Option<RetryBudget>,
}

/// How many retries may be under way by how many requests there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryBudget {
    /// Percent of the requests that are under way or wait for a connection.
    pub percent: f64,
    /// But always as many as this.
    pub minimum: u32,
}

impl RetryBudget {
    /// How many retries may be under way beside so many requests.
    pub fn most(&self, requests: u32) -> u32 {
        // Envoy: whole ones; a float beyond the range of integers becomes the largest one.
        let share = (self.percent / 100.0 * f64::from(requests)) as u32;
        share.max(self.minimum)
    }
}

impl Default for RetryBudget {
    /// Envoy's, and Istio's.
    fn default() -> Self {
        Self {
            percent: 20.0,
            minimum: 3,
        }
    }
}

impl Limits {
    /// Envoy's own, where Istio writes none.
    pub const ENVOY: Self = Self {
        max_connections: Some(1024),
        max_pending_requests: Some(1024),
        max_requests: Some(1024),
        max_retries: Some(3),
        retry_budget: None,
    };
}

/// Ejection of failing hosts (Envoy: `outlier_detection`, and the panic threshold that Istio writes
/// beside it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlier {
    /// Answers of 5xx in a row.
    pub consecutive_5xx: Threshold,
    /// Answers of 502, 503 and 504 in a row.
    pub consecutive_gateway: Threshold,
    /// Tries without an answer in a row, where they are counted apart; none = they count as 503, or
    /// 504 for a timeout.
    pub consecutive_local_origin: Option<Threshold>,
    /// Time between two looks at who may return.
    pub interval: Duration,
    /// Unit of the time that a host stays away.
    pub base_ejection_time: Duration,
    /// Percent of the cluster's hosts that may be away at a time.
    pub max_ejection_percent: u32,
    /// Percent of healthy hosts below which all hosts are asked again; 0 = never.
    pub panic_threshold: u32,
}

/// So many failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// How many; 0 = never.
    pub errors: u32,
    /// Whether the host is ejected for it. Envoy detects without acting where Istio says nothing.
    pub enforced: bool,
}

impl Threshold {
    /// A threshold at which a host is ejected.
    pub fn enforced(errors: u32) -> Self {
        Self {
            errors,
            enforced: true,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            balancing: Balancing::default(),
            slow_start: None,
            hashes_sources: false,
            weighs_localities: false,
            connect_timeout: CONNECT_TIMEOUT,
            limits: Limits::default(),
            max_requests_per_connection: None,
            idle_timeout: IDLE_TIMEOUT,
            max_connection_duration: None,
            outlier: None,
        }
    }
}

impl Default for Outlier {
    /// What `outlierDetection: {}` means.
    fn default() -> Self {
        Self {
            consecutive_5xx: Threshold::enforced(5),
            consecutive_gateway: Threshold {
                errors: 5,
                enforced: false,
            },
            consecutive_local_origin: None,
            interval: Duration::from_secs(10),
            base_ejection_time: Duration::from_secs(30),
            max_ejection_percent: 10,
            panic_threshold: 0,
        }
    }
}
