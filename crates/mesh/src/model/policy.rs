//! The blocks of a `trafficPolicy` besides the load balancer.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::GoDuration;

/// `connectionPool`: limits.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ConnectionPool {
    /// Of connections.
    pub tcp: Option<TcpPool>,
    /// Of requests.
    pub http: Option<HttpPool>,
}

/// `connectionPool.tcp`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpPool {
    /// Connections to a host; for HTTP/1 to the whole cluster.
    pub max_connections: i64,
    /// How long a connection may take to come up.
    pub connect_timeout: Option<GoDuration>,
    /// Probes on idle connections.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// How long a connection lives at most.
    pub max_connection_duration: Option<GoDuration>,
    /// How long a connection may do nothing.
    pub idle_timeout: Option<GoDuration>,
}

/// `connectionPool.tcp.tcpKeepalive`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TcpKeepalive {
    /// How long before the first probe.
    pub time: Option<GoDuration>,
    /// How long between probes.
    pub interval: Option<GoDuration>,
}

/// `connectionPool.http`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpPool {
    /// Requests that wait for a connection.
    pub http1_max_pending_requests: i64,
    /// Requests at a time.
    pub http2_max_requests: i64,
    /// Requests on one connection.
    pub max_requests_per_connection: i64,
    /// Retries at a time.
    pub max_retries: i64,
    /// Streams of one connection.
    pub max_concurrent_streams: i64,
    /// How long a connection may do nothing.
    pub idle_timeout: Option<GoDuration>,
    /// `DEFAULT`, `DO_NOT_UPGRADE` or `UPGRADE`.
    pub h2_upgrade_policy: String,
    /// Towards the host as the client came.
    pub use_client_protocol: bool,
}

/// `outlierDetection`: ejection of failing hosts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OutlierDetection {
    /// Old name of a count of failures.
    pub consecutive_errors: i64,
    /// Local failures are counted apart.
    pub split_external_local_origin_errors: bool,
    /// Answers of 5xx in a row; 0 = they do not count.
    pub consecutive_5xx_errors: Option<u32>,
    /// Answers of 502, 503 and 504 in a row; 0 = they do not count.
    pub consecutive_gateway_errors: Option<u32>,
    /// Local failures in a row.
    pub consecutive_local_origin_failures: Option<u32>,
    /// Time between two sweeps.
    pub interval: Option<GoDuration>,
    /// Unit of the time that a host stays away.
    pub base_ejection_time: Option<GoDuration>,
    /// Share of hosts that may be away.
    pub max_ejection_percent: i64,
    /// Share of healthy hosts below which nobody is sent away.
    pub min_health_percent: i64,
}

/// `retryBudget`: how many retries may be under way.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryBudget {
    /// Percent of the requests that are under way or wait for a connection.
    pub percent: Option<f64>,
    /// But always as many as this.
    pub min_retry_concurrency: u32,
}

/// `tls` towards a host.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientTls {
    /// `DISABLE`, `SIMPLE`, `MUTUAL` or `ISTIO_MUTUAL`.
    pub mode: String,
    /// File of the client's certificate.
    pub client_certificate: String,
    /// File of its key.
    pub private_key: String,
    /// File of who signs servers' certificates.
    pub ca_certificates: String,
    /// File of revoked certificates.
    pub ca_crl: String,
    /// Secret that holds them instead.
    pub credential_name: String,
    /// Names that a server's certificate must have one of.
    pub subject_alt_names: Vec<String>,
    /// Any certificate will do.
    pub insecure_skip_verify: bool,
}

/// `loadBalancer.localityLbSetting`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalityLb {
    /// Whether it counts at all; none = yes.
    pub enabled: Option<bool>,
    /// Shares by where a client is.
    pub distribute: Vec<Distribute>,
    /// Regions that stand in for another.
    pub failover: Vec<Failover>,
    /// Labels by which hosts are near, the most important first.
    pub failover_priority: Vec<String>,
}

/// `distribute[i]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Distribute {
    /// Where clients are, `region/zone/*`.
    pub from: String,
    /// Percent of their requests by where hosts are.
    pub to: BTreeMap<String, u32>,
}

/// `failover[i]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Failover {
    /// Region of failed hosts.
    pub from: String,
    /// Region that stands in.
    pub to: String,
}
