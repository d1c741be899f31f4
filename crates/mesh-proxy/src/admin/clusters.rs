//! `/clusters`: every cluster with its limits and its hosts.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use mesh::config::Discovery;
use mesh::registry::Locality;
use serde_json::{Map, Value, json};

use super::page::Page;
use super::query::Query;
use super::stat::Kind;
use crate::cluster::{ClusterState, HostState};

/// A cluster at one moment.
#[derive(Debug)]
pub(super) struct Shot {
    name: Arc<str>,
    /// Whether its hosts are told by the control plane.
    discovered: bool,
    /// Whether ejection is configured.
    ejects: bool,
    /// Limits by Envoy's names.
    limits: [(&'static str, u32); 4],
    hosts: Vec<HostShot>,
}

/// A host at one moment.
#[derive(Debug)]
struct HostShot {
    address: SocketAddr,
    /// Envoy: only of hosts that the client dialled.
    hostname: String,
    counts: [(&'static str, Kind, u64); 9],
    ejected: bool,
    weight: u32,
    priority: u32,
    locality: Locality,
}

/// Envoy: the limits of the other priority, which Istio never uses.
const HIGH: [(&str, u32); 4] = [
    ("max_connections", 1024),
    ("max_pending_requests", 1024),
    ("max_requests", 1024),
    ("max_retries", 3),
];

impl Shot {
    pub(super) fn of(cluster: &ClusterState) -> Self {
        let limits = &cluster.limits;
        let health = cluster.health();
        let dialled = cluster.config.discovery == Discovery::OriginalDst;
        let hostname = |address| match dialled {
            true => format!("{}{address}", cluster.config.name),
            false => String::new(),
        };
        let is_ejected = |index: usize| health.ejected.get(index).copied().unwrap_or_default();
        // The state has a host for each of the configuration, in its order.
        let hosts = cluster.hosts.iter().zip(&*cluster.config.hosts).enumerate();
        Self {
            name: Arc::clone(&cluster.config.name),
            discovered: cluster.config.discovery == Discovery::Eds,
            ejects: cluster.config.policy.outlier.is_some(),
            limits: [
                ("max_connections", limits.connections.most()),
                ("max_pending_requests", limits.pending.most()),
                ("max_requests", limits.requests.most()),
                ("max_retries", limits.most_retries()),
            ],
            hosts: hosts
                .map(|(index, (state, host))| HostShot {
                    address: state.target.address,
                    hostname: hostname(state.target.address),
                    counts: counts(state),
                    ejected: is_ejected(index),
                    weight: host.weight,
                    priority: host.priority,
                    locality: state.locality.clone(),
                })
                .collect(),
        }
    }

    fn write_text(&self, out: &mut String) {
        let name = &self.name;
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name}::{key}::{value}");
        };
        line("observability_name", &format_args!("{name};"));
        if self.ejects {
            for key in [
                "outlier::success_rate_average",
                "outlier::success_rate_ejection_threshold",
                "outlier::local_origin_success_rate_average",
                "outlier::local_origin_success_rate_ejection_threshold",
            ] {
                line(key, &-1);
            }
        }
        for (priority, limits) in [("default", &self.limits), ("high", &HIGH)] {
            for (limit, value) in limits {
                line(&format!("{priority}_priority::{limit}"), value);
            }
        }
        line("added_via_api", &true);
        if self.discovered {
            line("eds_service_name", name);
        }
        for host in &self.hosts {
            host.write_text(name, out);
        }
    }

    fn json(&self) -> Value {
        let thresholds = |priority: Option<&str>, limits: &[(&str, u32)]| {
            let mut of: Map<String, Value> = limits
                .iter()
                .map(|(limit, value)| ((*limit).to_owned(), json!(value)))
                .collect();
            if let Some(priority) = priority {
                of.insert("priority".into(), priority.into());
            }
            Value::Object(of)
        };
        let mut status = json!({
            "name": *self.name,
            "observability_name": format!("{};", self.name),
            "added_via_api": true,
            "circuit_breakers": {"thresholds": [
                thresholds(None, &self.limits),
                thresholds(Some("HIGH"), &HIGH),
            ]},
        });
        if self.discovered {
            status["eds_service_name"] = (*self.name).into();
        }
        if !self.hosts.is_empty() {
            status["host_statuses"] = self.hosts.iter().map(HostShot::json).collect();
        }
        status
    }
}

impl HostShot {
    fn write_text(&self, cluster: &str, out: &mut String) {
        let address = self.address;
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(out, "{cluster}::{address}::{key}::{value}");
        };
        for (name, _, value) in &self.counts {
            line(name, value);
        }
        line("hostname", &self.hostname);
        line("health_flags", &self.health_flags());
        line("weight", &self.weight);
        line("region", &self.locality.region);
        line("zone", &self.locality.zone);
        line("sub_zone", &self.locality.subzone);
        line("canary", &false);
        line("priority", &self.priority);
        // Ejection by success rate is off (Istio), so nothing is measured for it.
        line("success_rate", &-1);
        line("local_origin_success_rate", &-1);
    }

    fn health_flags(&self) -> &'static str {
        if self.ejected {
            "/failed_outlier_check"
        } else {
            "healthy"
        }
    }

    fn json(&self) -> Value {
        let mut health = json!({"eds_health_status": "HEALTHY"});
        if self.ejected {
            health["failed_outlier_check"] = true.into();
        }
        let mut counts: Vec<_> = self.counts.iter().collect();
        counts.sort_by_key(|(name, kind, _)| (*kind == Kind::Gauge, *name));
        let mut status = json!({
            "address": {"socket_address": {
                "address": self.address.ip().to_string(),
                "port_value": self.address.port(),
            }},
            "stats": counts.into_iter().map(stat).collect::<Vec<_>>(),
            "health_status": health,
            "weight": self.weight,
            "locality": locality(&self.locality),
        });
        if !self.hostname.is_empty() {
            status["hostname"] = self.hostname.as_str().into();
        }
        if self.priority > 0 {
            status["priority"] = self.priority.into();
        }
        status
    }
}

/// The answer to `/clusters`.
pub(super) fn page(mut shots: Vec<Shot>, query: &Query) -> Page {
    let filter = match query.pattern("filter") {
        Ok(filter) => filter,
        Err(refusal) => return refusal,
    };
    shots.retain(|shot| {
        filter
            .as_ref()
            .is_none_or(|it| it.is_match(shot.name.as_bytes()))
    });
    if query.get("format") == Some("json") {
        let clusters: Vec<Value> = shots.iter().map(Shot::json).collect();
        return Page::json(&json!({"cluster_statuses": clusters}));
    }
    let mut text = String::new();
    shots.iter().for_each(|shot| shot.write_text(&mut text));
    Page::text(text)
}

/// Protobuf's JSON: what has its default is left out, and a 64 bit number is a text.
fn stat((name, kind, value): &(&'static str, Kind, u64)) -> Value {
    let mut stat = json!({"name": name});
    if *kind == Kind::Gauge {
        stat["type"] = "GAUGE".into();
    }
    if *value > 0 {
        stat["value"] = value.to_string().into();
    }
    stat
}

fn locality(locality: &Locality) -> Value {
    let parts = [
        ("region", &locality.region),
        ("zone", &locality.zone),
        ("sub_zone", &locality.subzone),
    ];
    let known = parts.into_iter().filter(|(_, value)| !value.is_empty());
    known
        .map(|(key, value)| (key.to_owned(), Value::from(value.as_str())))
        .collect::<Map<_, _>>()
        .into()
}

fn counts(host: &HostState) -> [(&'static str, Kind, u64); 9] {
    let stats = &host.stats;
    [
        ("cx_active", Kind::Gauge, stats.cx_active.get()),
        (
            "cx_connect_fail",
            Kind::Counter,
            stats.cx_connect_fail.get(),
        ),
        ("cx_total", Kind::Counter, stats.cx_total.get()),
        ("rq_active", Kind::Gauge, stats.rq_active.get()),
        ("rq_error", Kind::Counter, stats.rq_error.get()),
        ("rq_pending_active", Kind::Gauge, host.pending() as u64),
        ("rq_success", Kind::Counter, stats.rq_success.get()),
        ("rq_timeout", Kind::Counter, stats.rq_timeout.get()),
        ("rq_total", Kind::Counter, stats.rq_total.get()),
    ]
}
