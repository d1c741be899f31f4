//! The webhook's rules for limits.

use super::Complaints;
use super::http_route::whole_milliseconds;
use crate::model::{ConnectionPool, HttpPool, TcpPool};

pub(super) fn check(pool: &ConnectionPool, complaints: &mut Complaints) {
    if pool.http.is_none() && pool.tcp.is_none() {
        complaints.add("connection pool must have at least one field");
    }
    if let Some(http) = &pool.http {
        requests(http, complaints);
    }
    if let Some(tcp) = &pool.tcp {
        connections(tcp, complaints);
    }
}

fn requests(pool: &HttpPool, complaints: &mut Complaints) {
    let limits = [
        (
            "http1 max pending requests",
            pool.http1_max_pending_requests,
        ),
        ("http2 max requests", pool.http2_max_requests),
        (
            "max requests per connection",
            pool.max_requests_per_connection,
        ),
        ("max retries", pool.max_retries),
    ];
    for (name, limit) in limits {
        not_negative(name, limit, complaints);
    }
    whole_milliseconds(pool.idle_timeout, complaints);
    complaints.check(
        !(pool.h2_upgrade_policy == "UPGRADE" && pool.use_client_protocol),
        || "use client protocol must not be true when H2UpgradePolicy is UPGRADE".to_owned(),
    );
    not_negative(
        "max concurrent streams",
        pool.max_concurrent_streams,
        complaints,
    );
}

fn connections(pool: &TcpPool, complaints: &mut Complaints) {
    not_negative("max connections", pool.max_connections, complaints);
    let probes = pool.tcp_keepalive.as_ref();
    let times = [
        pool.connect_timeout,
        pool.max_connection_duration,
        pool.idle_timeout,
        probes.and_then(|it| it.time),
        probes.and_then(|it| it.interval),
    ];
    for time in times {
        whole_milliseconds(time, complaints);
    }
}

fn not_negative(name: &str, limit: i64, complaints: &mut Complaints) {
    complaints.check(limit >= 0, || format!("{name} must be non-negative"));
}
