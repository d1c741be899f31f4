//! Counters of clusters, hosts and listeners, by Envoy's names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

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

    /// One more until the guard is dropped.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.add();
        Held(self)
    }
}

/// One that is counted as long as it lives.
pub(crate) struct Held<'a>(&'a Count);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.subtract();
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
    /// Open connections, those that are coming up included.
    pub upstream_cx_active: Count,
    /// Connections tried.
    pub upstream_cx_total: Count,
    /// Those of them for HTTP/1.1.
    pub upstream_cx_http1_total: Count,
    /// Connections that did not come up.
    pub upstream_cx_connect_fail: Count,
    /// Those of them that took too long.
    pub upstream_cx_connect_timeout: Count,
    /// Connections closed because of `max_requests_per_connection`.
    pub upstream_cx_max_requests: Count,
    /// Connections that were not made because of `max_connections`.
    pub upstream_cx_overflow: Count,
    /// Requests for which no host was there.
    pub upstream_cx_none_healthy: Count,
    /// Requests on a connection.
    pub upstream_rq_active: Count,
    /// Tries sent.
    pub upstream_rq_total: Count,
    /// Tries that waited for a connection.
    pub upstream_rq_pending_total: Count,
    /// Tries whose connection did not come up.
    pub upstream_rq_pending_failure_eject: Count,
    /// Requests refused because of `max_pending_requests`.
    pub upstream_rq_pending_overflow: Count,
    /// Requests refused because of `max_requests`.
    pub upstream_rq_active_overflow: Count,
    /// Requests that the route's timeout ended.
    pub upstream_rq_timeout: Count,
    /// Tries that the timeout of a try ended.
    pub upstream_rq_per_try_timeout: Count,
    /// Requests that were tried again.
    pub upstream_rq_retry: Count,
    /// Requests whose last try brought what is not tried again.
    pub upstream_rq_retry_success: Count,
    /// Requests whose tries ran out.
    pub upstream_rq_retry_limit_exceeded: Count,
    /// Retries left out because of `max_retries`.
    pub upstream_rq_retry_overflow: Count,
    /// Changes of its hosts.
    pub membership_change: Count,
    /// Answers by status, those of the proxy for this cluster included.
    pub answers: Codes,
    /// Answers that were tried again instead of handed on.
    pub retried: Codes,
}

/// Counters of one HTTP listener.
#[derive(Debug, Default)]
pub struct HttpStats {
    /// Connections of clients.
    pub downstream_cx_total: Count,
    /// Those that are open.
    pub downstream_cx_active: Count,
    /// Requests.
    pub downstream_rq_total: Count,
    /// Those that are not yet answered to the end.
    pub downstream_rq_active: Count,
    /// Requests to become a tunnel, of a protocol that is carried.
    pub downstream_cx_upgrades_total: Count,
    /// Those of them that are not yet ended.
    pub downstream_cx_upgrades_active: Count,
    /// Answers by status.
    pub answers: Codes,
    /// Requests without a route.
    pub no_route: Count,
    /// Requests whose route leads to no cluster.
    pub no_cluster: Count,
    /// Injected aborts.
    pub aborts_injected: Count,
    /// Injected delays.
    pub delays_injected: Count,
    /// Requests that a fault holds now.
    pub active_faults: Count,
}

/// A request of a client, from its arrival to the end of its answer.
pub(crate) struct Downstream {
    stats: Arc<HttpStats>,
    upgrades: bool,
}

impl Downstream {
    /// Begins to be counted; `upgrades` where it wants to become a tunnel.
    pub(crate) fn new(stats: &Arc<HttpStats>, upgrades: bool) -> Self {
        stats.downstream_rq_active.add();
        if upgrades {
            stats.downstream_cx_upgrades_total.add();
            stats.downstream_cx_upgrades_active.add();
        }
        let stats = stats.clone();
        Self { stats, upgrades }
    }
}

impl Drop for Downstream {
    fn drop(&mut self) {
        self.stats.downstream_rq_active.subtract();
        if self.upgrades {
            self.stats.downstream_cx_upgrades_active.subtract();
        }
    }
}

/// Answers by status.
///
/// The table is made with the first answer: most clusters of a sidecar never have one.
#[derive(Debug, Default)]
pub struct Codes(OnceLock<Box<[Count]>>);

/// The first status of HTTP, and how many there are.
const STATUSES: (u16, usize) = (100, 500);

impl Codes {
    pub(crate) fn add(&self, status: u16) {
        let (first, number) = STATUSES;
        let table = self
            .0
            .get_or_init(|| (0..number).map(|_| Count::default()).collect());
        // What is no status of HTTP has no name to be counted under.
        let count = status
            .checked_sub(first)
            .and_then(|index| table.get(usize::from(index)));
        if let Some(count) = count {
            count.add();
        }
    }

    /// Statuses that occurred, in order, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let table = self.0.get().into_iter().flat_map(|table| table.iter());
        let counted = (STATUSES.0..)
            .zip(table)
            .map(|(status, count)| (status, count.get()));
        counted.filter(|(_, count)| *count > 0)
    }

    /// Answers of a class, `5` for 5xx.
    pub fn class(&self, class: u16) -> u64 {
        let of_class = self.iter().filter(|(status, _)| status / 100 == class);
        of_class.map(|(_, count)| count).sum()
    }

    /// All answers.
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_status_class_and_together() {
        let codes = Codes::default();
        assert_eq!(codes.iter().count(), 0);
        for status in [200, 503, 200, 599, 99, 600, u16::MAX] {
            codes.add(status);
        }
        assert_eq!(
            codes.iter().collect::<Vec<_>>(),
            [(200, 2), (503, 1), (599, 1)]
        );
        assert_eq!((codes.class(5), codes.class(4), codes.total()), (2, 0, 4));
    }
}
