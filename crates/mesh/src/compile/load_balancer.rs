//! `loadBalancer` → how a host is chosen, what of a request is hashed for it, and how new hosts come
//! to their share.

use std::time::Duration;

use crate::config::{Balancing, Cookie, HashPolicy, SlowStart, TableSize};
use crate::model::{ConsistentHash, CookieAttribute, HttpCookie, LoadBalancer, SimpleLb};

/// Envoy's default too.
const MINIMUM_RING_SIZE: u64 = 1024;

/// How a host is chosen.
pub(super) fn balancing(written: Option<&LoadBalancer>) -> Balancing {
    if let Some(hash) = written.and_then(|it| it.consistent_hash.as_ref()) {
        return consistent(hash);
    }
    match written.and_then(|it| it.simple) {
        Some(SimpleLb::RoundRobin) => Balancing::RoundRobin,
        Some(SimpleLb::Random) => Balancing::Random,
        _ => Balancing::LeastRequest,
    }
}

/// Istio: a size of 0 counts as not written. What is no size of a table has been refused.
fn consistent(hash: &ConsistentHash) -> Balancing {
    if let Some(maglev) = &hash.maglev {
        let size = maglev.table_size.and_then(TableSize::new);
        return Balancing::Maglev(size.unwrap_or_default());
    }
    let written = match &hash.ring_hash {
        Some(ring) => ring.minimum_ring_size,
        None => hash.minimum_ring_size,
    };
    let minimum = written.filter(|&size| size > 0);
    Balancing::RingHash {
        minimum: minimum.unwrap_or(MINIMUM_RING_SIZE),
    }
}

/// Istio: only where hosts take turns or the less busy one is asked.
pub(super) fn slow_start(written: Option<&LoadBalancer>) -> Option<SlowStart> {
    let written = written?;
    if !matches!(
        balancing(Some(written)),
        Balancing::RoundRobin | Balancing::LeastRequest
    ) {
        return None;
    }
    let (window, aggression, percent) = match &written.warmup {
        Some(warmup) => (warmup.duration?, warmup.aggression, warmup.minimum_percent),
        None => (written.warmup_duration_secs?, None, None),
    };
    let aggression = aggression.filter(|aggression| *aggression > 0.0);
    (window.0 > Duration::ZERO).then(|| SlowStart {
        window: window.0,
        aggression: aggression.unwrap_or(1.0),
        minimum: percent.unwrap_or(10.0).clamp(0.0, 100.0) / 100.0,
    })
}

/// Istio: a TCP proxy knows of its clients' addresses only.
pub(super) fn hashes_sources(written: Option<&LoadBalancer>) -> bool {
    let hash = written.and_then(|it| it.consistent_hash.as_ref());
    hash.is_some_and(|it| it.use_source_ip == Some(true))
}

/// What of a request is hashed.
pub(super) fn hash_policy(hash: &ConsistentHash) -> Option<HashPolicy> {
    if let Some(name) = &hash.http_header_name {
        return name.parse().ok().map(HashPolicy::Header);
    }
    if let Some(written) = &hash.http_cookie {
        return Some(HashPolicy::Cookie(cookie(written)));
    }
    if let Some(name) = &hash.http_query_parameter_name {
        return Some(HashPolicy::Query(name.clone()));
    }
    hash.use_source_ip
        .unwrap_or_default()
        .then_some(HashPolicy::SourceIp)
}

fn cookie(written: &HttpCookie) -> Cookie {
    Cookie {
        name: written.name.clone(),
        ttl: written.ttl.map(|ttl| ttl.0),
        path: written.path.clone(),
        attributes: written.attributes.iter().map(attribute).collect(),
    }
}

/// Envoy: one without a value is its name alone.
fn attribute(written: &CookieAttribute) -> String {
    match written.value.as_str() {
        "" => written.name.clone(),
        value => format!("{}={value}", written.name),
    }
}
