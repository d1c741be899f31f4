//! What is counted, by Envoy's names. Only what is measured has a row.

use std::sync::Arc;

use mesh::engine::{Counts, Health};

use super::stat::{Kind, Scope, Stat};
use crate::cluster::ClusterState;
use crate::limits::Limit;
use crate::stats::{ClusterStats, Codes, Count, HttpStats};

type Rows<T> = &'static [(&'static str, fn(&T) -> &Count)];
type OutlierRow = (&'static str, fn(&Counts) -> u64);

/// Counters of a cluster. Back-off grows exponentially.
const CLUSTER: Rows<ClusterStats> = &[
    ("membership_change", |it| &it.membership_change),
    ("upstream_cx_connect_fail", |it| {
        &it.upstream_cx_connect_fail
    }),
    ("upstream_cx_connect_timeout", |it| {
        &it.upstream_cx_connect_timeout
    }),
    ("upstream_cx_http1_total", |it| &it.upstream_cx_http1_total),
    ("upstream_cx_max_requests", |it| {
        &it.upstream_cx_max_requests
    }),
    ("upstream_cx_none_healthy", |it| {
        &it.upstream_cx_none_healthy
    }),
    ("upstream_cx_overflow", |it| &it.upstream_cx_overflow),
    ("upstream_cx_total", |it| &it.upstream_cx_total),
    ("upstream_rq_active_overflow", |it| {
        &it.upstream_rq_active_overflow
    }),
    ("upstream_rq_pending_failure_eject", |it| {
        &it.upstream_rq_pending_failure_eject
    }),
    ("upstream_rq_pending_overflow", |it| {
        &it.upstream_rq_pending_overflow
    }),
    ("upstream_rq_pending_total", |it| {
        &it.upstream_rq_pending_total
    }),
    ("upstream_rq_per_try_timeout", |it| {
        &it.upstream_rq_per_try_timeout
    }),
    ("upstream_rq_retry", |it| &it.upstream_rq_retry),
    ("upstream_rq_retry_backoff_exponential", |it| {
        &it.upstream_rq_retry
    }),
    ("upstream_rq_retry_limit_exceeded", |it| {
        &it.upstream_rq_retry_limit_exceeded
    }),
    ("upstream_rq_retry_overflow", |it| {
        &it.upstream_rq_retry_overflow
    }),
    ("upstream_rq_retry_success", |it| {
        &it.upstream_rq_retry_success
    }),
    ("upstream_rq_timeout", |it| &it.upstream_rq_timeout),
    ("upstream_rq_total", |it| &it.upstream_rq_total),
];

/// Counters of an HTTP listener.
const HTTP: Rows<HttpStats> = &[
    ("downstream_cx_http1_total", |it| &it.downstream_cx_total),
    ("downstream_cx_total", |it| &it.downstream_cx_total),
    ("downstream_cx_upgrades_total", |it| {
        &it.downstream_cx_upgrades_total
    }),
    ("downstream_rq_http1_total", |it| &it.downstream_rq_total),
    ("downstream_rq_total", |it| &it.downstream_rq_total),
    ("fault.aborts_injected", |it| &it.aborts_injected),
    ("fault.delays_injected", |it| &it.delays_injected),
    ("no_cluster", |it| &it.no_cluster),
    ("no_route", |it| &it.no_route),
];

/// Counters of outlier detection.
const OUTLIER: &[OutlierRow] = &[
    ("ejections_consecutive_5xx", |it| {
        it.enforced.consecutive_5xx
    }),
    ("ejections_detected_consecutive_5xx", |it| {
        it.detected.consecutive_5xx
    }),
    ("ejections_detected_consecutive_gateway_failure", |it| {
        it.detected.gateway_failure
    }),
    (
        "ejections_detected_consecutive_local_origin_failure",
        |it| it.detected.local_origin_failure,
    ),
    ("ejections_enforced_consecutive_5xx", |it| {
        it.enforced.consecutive_5xx
    }),
    ("ejections_enforced_consecutive_gateway_failure", |it| {
        it.enforced.gateway_failure
    }),
    (
        "ejections_enforced_consecutive_local_origin_failure",
        |it| it.enforced.local_origin_failure,
    ),
    ("ejections_enforced_total", |it| it.enforced.total()),
    ("ejections_overflow", |it| it.overflow),
    // Deprecated in Envoy: only 5xx counts.
    ("ejections_total", |it| it.enforced.consecutive_5xx),
];

/// Every statistic of a cluster, in no order.
pub(super) fn of_cluster(cluster: &ClusterState) -> Vec<Stat> {
    let health = cluster.health();
    let stats = &*cluster.stats;
    let mut to = Collector::new(Scope::Cluster(Arc::clone(&cluster.config.name)));
    for (name, read) in CLUSTER {
        to.counter(*name, read(stats).get());
    }
    to.counter("lb_healthy_panic", health.counts.panics);
    to.codes("", "upstream", &stats.answers);
    to.codes("retry.", "upstream", &stats.retried);
    to.members(cluster, &health);
    to.gauge(
        "upstream_cx_active",
        &stats.upstream_cx_active,
        &stats.upstream_cx_total,
    );
    to.gauge(
        "upstream_rq_active",
        &stats.upstream_rq_active,
        &stats.upstream_rq_total,
    );
    let pending = u64::from(cluster.limits.pending.taken());
    let waited = stats.upstream_rq_pending_total.get() > 0;
    to.push("upstream_rq_pending_active", Kind::Gauge, pending, waited);
    to.breakers(cluster);
    if cluster.config.policy.outlier.is_some() {
        to.outlier(&health);
    }
    to.stats
}

/// Every statistic of an HTTP listener, in no order.
pub(super) fn of_listener(prefix: &str, stats: &HttpStats) -> Vec<Stat> {
    let mut to = Collector::new(Scope::Http(prefix.into()));
    for (name, read) in HTTP {
        to.counter(*name, read(stats).get());
    }
    for class in 1..=5 {
        to.counter(
            format!("downstream_rq_{class}xx"),
            stats.answers.class(class),
        );
    }
    to.counter("downstream_rq_completed", stats.answers.total());
    for (name, active, total) in [
        (
            "downstream_cx_active",
            &stats.downstream_cx_active,
            &stats.downstream_cx_total,
        ),
        (
            "downstream_cx_http1_active",
            &stats.downstream_cx_active,
            &stats.downstream_cx_total,
        ),
        (
            "downstream_cx_upgrades_active",
            &stats.downstream_cx_upgrades_active,
            &stats.downstream_cx_upgrades_total,
        ),
        (
            "downstream_rq_active",
            &stats.downstream_rq_active,
            &stats.downstream_rq_total,
        ),
        (
            "fault.active_faults",
            &stats.active_faults,
            &stats.delays_injected,
        ),
    ] {
        to.gauge(name, active, total);
    }
    to.stats
}

/// Statistics of one scope.
struct Collector {
    scope: Scope,
    stats: Vec<Stat>,
}

impl Collector {
    fn new(scope: Scope) -> Self {
        Self {
            scope,
            stats: Vec::new(),
        }
    }

    fn push(&mut self, name: impl Into<String>, kind: Kind, value: u64, used: bool) {
        self.stats.push(Stat {
            scope: self.scope.clone(),
            name: name.into(),
            kind,
            value,
            used,
        });
    }

    fn counter(&mut self, name: impl Into<String>, value: u64) {
        self.push(name, Kind::Counter, value, value > 0);
    }

    /// Envoy: a gauge is used once it has moved, whatever it says now.
    fn gauge(&mut self, name: &str, now: &Count, moves: &Count) {
        self.push(name, Kind::Gauge, now.get(), moves.get() > 0);
    }

    /// Envoy: a status has a counter once it occurred.
    fn codes(&mut self, before: &str, side: &str, codes: &Codes) {
        for (status, count) in codes.iter() {
            self.counter(format!("{before}{side}_rq_{status}"), count);
        }
        let classes = (1..=5).map(|class| (format!("{class}xx"), codes.class(class)));
        for (class, count) in classes.chain([("completed".to_owned(), codes.total())]) {
            if count > 0 {
                self.counter(format!("{before}{side}_rq_{class}"), count);
            }
        }
    }

    fn members(&mut self, cluster: &ClusterState, health: &Health) {
        let total = cluster.hosts.len() as u64;
        let away = health.ejected.iter().filter(|away| **away).count() as u64;
        let moved = cluster.stats.membership_change.get() > 0;
        self.push("membership_total", Kind::Gauge, total, moved);
        self.push(
            "membership_healthy",
            Kind::Gauge,
            total - away.min(total),
            moved,
        );
    }

    fn breakers(&mut self, cluster: &ClusterState) {
        let stats = &cluster.stats;
        let rows: [(&str, &Limit, &Count); 4] = [
            (
                "cx_open",
                &cluster.limits.connections,
                &stats.upstream_cx_total,
            ),
            (
                "rq_open",
                &cluster.limits.requests,
                &stats.upstream_rq_total,
            ),
            (
                "rq_pending_open",
                &cluster.limits.pending,
                &stats.upstream_rq_pending_total,
            ),
            (
                "rq_retry_open",
                &cluster.limits.retries,
                &stats.upstream_rq_retry,
            ),
        ];
        for (name, limit, moves) in rows {
            let name = format!("circuit_breakers.default.{name}");
            let open = u64::from(limit.is_reached());
            self.push(name, Kind::Gauge, open, moves.get() > 0);
        }
    }

    fn outlier(&mut self, health: &Health) {
        for (name, read) in OUTLIER {
            self.counter(format!("outlier_detection.{name}"), read(&health.counts));
        }
        let away = health.ejected.iter().filter(|away| **away).count() as u64;
        let moved = health.counts.enforced.total() > 0;
        self.push(
            "outlier_detection.ejections_active",
            Kind::Gauge,
            away,
            moved,
        );
    }
}
