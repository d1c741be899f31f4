//! Envoy's `/clusters?format=json` and `/stats?format=json`, as far as they tell about breakers.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Breaker, HostView, Limits, Overflow};
use crate::rules::NAMESPACE;
use crate::theater::{PerService, Service};

/// What was read of every service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reading(pub(super) PerService<Vec<Breaker>>);

#[derive(Deserialize)]
struct Clusters {
    #[serde(default)]
    cluster_statuses: Vec<Cluster>,
}

/// `envoy.admin.v3.ClusterStatus`. Protobuf's JSON leaves out what has its default.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Cluster {
    name: String,
    host_statuses: Vec<Host>,
    circuit_breakers: CircuitBreakers,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CircuitBreakers {
    thresholds: Vec<Thresholds>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Thresholds {
    /// Absent for the default priority, the only one that Istio uses.
    priority: Option<String>,
    max_connections: Option<u32>,
    max_pending_requests: Option<u32>,
    max_requests: Option<u32>,
    max_retries: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Host {
    address: Address,
    health_status: HealthStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Address {
    socket_address: Option<SocketAddress>,
}

#[derive(Deserialize)]
struct SocketAddress {
    address: String,
    #[serde(default)]
    port_value: u16,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HealthStatus {
    failed_outlier_check: bool,
}

#[derive(Deserialize)]
struct Stats {
    #[serde(default)]
    stats: Vec<Stat>,
}

/// A counter or a gauge; histograms and texts have other members.
#[derive(Deserialize)]
struct Stat {
    name: Option<String>,
    value: Option<serde_json::Value>,
}

impl Reading {
    /// Reads both answers.
    ///
    /// # Errors
    /// One of them is not what Envoy answers.
    pub(super) fn parse(clusters: &[u8], stats: &[u8]) -> serde_json::Result<Self> {
        let clusters: Clusters = serde_json::from_slice(clusters)?;
        let counts = counts(serde_json::from_slice(stats)?);
        let mut services: PerService<Vec<Breaker>> = PerService::default();
        for cluster in clusters.cluster_statuses {
            if let Some(name) = named(&cluster.name) {
                let service = name.service;
                let breaker = breaker(&cluster, name, &counts);
                services.get_mut(service).push(breaker);
            }
        }
        for service in Service::ALL {
            let breakers = services.get_mut(service);
            breakers.sort_by(|a, b| a.key().cmp(&b.key()));
        }
        Ok(Self(services))
    }
}

/// What the name of a cluster says.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    service: Service,
    port: u16,
    subset: Option<String>,
}

/// Istio's `outbound|PORT|SUBSET|HOST`, where the host is one of ours.
fn named(cluster: &str) -> Option<Name> {
    let mut parts = cluster.strip_prefix("outbound|")?.splitn(3, '|');
    let (port, subset, host) = (parts.next()?, parts.next()?, parts.next()?);
    let is_host = |service: &Service| {
        host.strip_prefix(service.name()) == Some(&format!(".{NAMESPACE}.svc.cluster.local"))
    };
    let service = Service::ALL.into_iter().find(is_host)?;
    let subset = Some(subset).filter(|subset| !subset.is_empty());
    Some(Name {
        service,
        port: port.parse().ok()?,
        subset: subset.map(str::to_owned),
    })
}

fn breaker(cluster: &Cluster, name: Name, counts: &BTreeMap<String, u64>) -> Breaker {
    let thresholds = cluster.circuit_breakers.thresholds.iter();
    let default = thresholds.clone().find(|it| it.priority.is_none());
    let limits = default.cloned().unwrap_or_default();
    // Istio: the largest number stands for no limit; an absent one is Envoy's zero.
    let limit = |most: Option<u32>| Some(most.unwrap_or(0)).filter(|most| *most != u32::MAX);
    let count = |name: &str| {
        counts
            .get(&format!("cluster.{};.{name}", cluster.name))
            .copied()
    };
    Breaker {
        port: name.port,
        subset: name.subset,
        limits: Limits {
            connections: limit(limits.max_connections),
            pending: limit(limits.max_pending_requests),
            requests: limit(limits.max_requests),
            retries: limit(limits.max_retries),
        },
        overflow: Overflow {
            connections: count("upstream_cx_overflow"),
            pending: count("upstream_rq_pending_overflow"),
            requests: count("upstream_rq_active_overflow"),
            retries: count("upstream_rq_retry_overflow"),
            ejections: count("outlier_detection.ejections_overflow"),
        },
        hosts: cluster.host_statuses.iter().filter_map(host).collect(),
    }
}

fn host(host: &Host) -> Option<HostView> {
    let SocketAddress {
        address,
        port_value,
    } = host.address.socket_address.as_ref()?;
    Some(HostView {
        address: format!("{address}:{port_value}"),
        ejected: host.health_status.failed_outlier_check,
        ..HostView::default()
    })
}

fn counts(stats: Stats) -> BTreeMap<String, u64> {
    let named = stats.stats.into_iter();
    named
        .filter_map(|stat| Some((stat.name?, stat.value?.as_u64()?)))
        .collect()
}

#[cfg(test)]
mod tests;
