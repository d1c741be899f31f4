//! DestinationRule as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    ClientTls, ConnectionPool, GoDuration, Kind, LocalityLb, Object, OutlierDetection,
    PortSelector, RetryBudget,
};

/// A DestinationRule: subsets of a host and the policy towards them.
pub type DestinationRule = Object<DestinationRuleSpec>;

/// `spec` of a DestinationRule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DestinationRuleSpec {
    /// Host the rule is for; a short name belongs to the object's namespace.
    pub host: String,
    /// Policy towards every subset that has none of its own.
    pub traffic_policy: Option<TrafficPolicy>,
    /// Named parts of the host's endpoints.
    pub subsets: Vec<Subset>,
    /// Namespaces that see it; none = all.
    pub export_to: Vec<String>,
    /// Client pods it is for; none = all.
    pub workload_selector: Option<Selector>,
}

impl Kind for DestinationRuleSpec {
    const KIND: &'static str = "DestinationRule";
}

/// `workloadSelector`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Selector {
    /// Labels a pod must carry.
    pub match_labels: BTreeMap<String, String>,
}

/// A subset: the endpoints whose pods carry all its labels.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subset {
    /// Name, as routes use it.
    pub name: String,
    /// Labels; none = every endpoint.
    pub labels: BTreeMap<String, String>,
    /// Policy of its own, block by block instead of the host's.
    pub traffic_policy: Option<TrafficPolicy>,
}

/// `trafficPolicy`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficPolicy {
    /// How a host is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// Policies for single ports, instead of the rest of this one.
    pub port_level_settings: Vec<PortSettings>,
    /// Limits.
    pub connection_pool: Option<ConnectionPool>,
    /// Ejection of failing hosts.
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS towards the host; not obeyed yet.
    pub tls: Option<ClientTls>,
    /// Tunnelling; not obeyed yet.
    pub tunnel: Option<Value>,
    /// PROXY protocol; not obeyed yet.
    pub proxy_protocol: Option<Value>,
    /// Limit of retries by how many requests there are.
    pub retry_budget: Option<RetryBudget>,
}

/// `portLevelSettings[i]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortSettings {
    /// Port of the service.
    pub port: Option<PortSelector>,
    /// How a host is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// Limits.
    pub connection_pool: Option<ConnectionPool>,
    /// Ejection of failing hosts.
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS towards the host; not obeyed yet.
    pub tls: Option<ClientTls>,
}

/// `loadBalancer`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// A named policy; none = the default one.
    pub simple: Option<SimpleLb>,
    /// By the hash of a request.
    pub consistent_hash: Option<ConsistentHash>,
    /// Who is near.
    pub locality_lb_setting: Option<LocalityLb>,
    /// How new hosts come to their share.
    pub warmup: Option<Warmup>,
    /// Old way to say so.
    pub warmup_duration_secs: Option<GoDuration>,
}

/// `loadBalancer.warmup`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Warmup {
    /// How long it takes.
    pub duration: Option<GoDuration>,
    /// Percent of its share that a host has at least.
    pub minimum_percent: Option<f64>,
    /// 1 = evenly; above it, most comes early.
    pub aggression: Option<f64>,
}

/// `loadBalancer.consistentHash`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsistentHash {
    /// A header is hashed.
    pub http_header_name: Option<String>,
    /// A cookie is hashed.
    pub http_cookie: Option<HttpCookie>,
    /// The client's address is hashed.
    pub use_source_ip: Option<bool>,
    /// A parameter of the query is hashed.
    pub http_query_parameter_name: Option<String>,
    /// The ring.
    pub ring_hash: Option<RingHash>,
    /// A table instead of a ring.
    pub maglev: Option<Maglev>,
    /// Old place of the ring's size.
    pub minimum_ring_size: Option<u64>,
}

/// `consistentHash.httpCookie`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HttpCookie {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// How long it is kept; none = none is made.
    pub ttl: Option<GoDuration>,
    /// What else is said of it.
    pub attributes: Vec<CookieAttribute>,
}

/// `consistentHash.httpCookie.attributes[i]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CookieAttribute {
    /// Its name, `SameSite`.
    pub name: String,
    /// Its value; may be empty.
    pub value: String,
}

/// `consistentHash.ringHash`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RingHash {
    /// Places on the ring, at least.
    pub minimum_ring_size: Option<u64>,
}

/// `consistentHash.maglev`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Maglev {
    /// Places in the table.
    pub table_size: Option<u64>,
}

/// `loadBalancer.simple`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SimpleLb {
    /// The default, LEAST_REQUEST.
    Unspecified,
    /// Old name of LEAST_REQUEST.
    LeastConn,
    /// A random host.
    Random,
    /// The address the client asked for.
    Passthrough,
    /// In turn.
    RoundRobin,
    /// The less busy of two random hosts.
    LeastRequest,
}
