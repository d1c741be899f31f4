//! Counters of clusters and hosts, by Envoy's names.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that many tasks change.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counters of one host.
#[derive(Debug, Default)]
pub struct HostStats {
    /// Open connections.
    pub cx_active: Count,
    /// Connections that did not come up.
    pub cx_connect_fail: Count,
    /// Connections tried.
    pub cx_total: Count,
    /// Requests in flight.
    pub rq_active: Count,
    /// Tries that ended with a 5xx or without an answer.
    pub rq_error: Count,
    /// Tries that ended with another answer.
    pub rq_success: Count,
    /// Tries that a timeout ended.
    pub rq_timeout: Count,
    /// Tries sent.
    pub rq_total: Count,
}

/// Counters of one cluster.
#[derive(Debug, Default)]
pub struct ClusterStats {
    /// Requests that were tried again.
    pub upstream_rq_retry: Count,
    /// Connections that were not made because of `max_connections`.
    pub upstream_cx_overflow: Count,
    /// Requests refused because of `max_pending_requests`.
    pub upstream_rq_pending_overflow: Count,
    /// Requests refused because of `max_requests`.
    pub upstream_rq_active_overflow: Count,
    /// Retries left out because of `max_retries`.
    pub upstream_rq_retry_overflow: Count,
    /// Requests for which no host was there.
    pub upstream_cx_none_healthy: Count,
    /// Answers of 2xx and below.
    pub upstream_rq_2xx: Count,
    /// Answers of 3xx.
    pub upstream_rq_3xx: Count,
    /// Answers of 4xx.
    pub upstream_rq_4xx: Count,
    /// Answers of 5xx, those of the proxy for this cluster included.
    pub upstream_rq_5xx: Count,
}

impl ClusterStats {
    pub(crate) fn answered(&self, status: u16) {
        match status / 100 {
            0..=2 => self.upstream_rq_2xx.add(),
            3 => self.upstream_rq_3xx.add(),
            4 => self.upstream_rq_4xx.add(),
            _ => self.upstream_rq_5xx.add(),
        }
    }
}
