//! VirtualService as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Base64, CorsPolicy, Delegate, GoDuration, Kind, L4Route, Mirror, Object};

/// A VirtualService: how requests for some hosts are routed.
pub type VirtualService = Object<VirtualServiceSpec>;

/// `spec` of a VirtualService.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualServiceSpec {
    /// Hosts the rule is for; short names belong to the object's namespace.
    pub hosts: Vec<String>,
    /// Gateways it is bound to; none = `[mesh]`.
    pub gateways: Vec<String>,
    /// Namespaces that see it; none = all.
    pub export_to: Vec<String>,
    /// Rules for HTTP, in order.
    pub http: Vec<HttpRoute>,
    /// Rules for TCP; not obeyed yet.
    pub tcp: Vec<L4Route>,
    /// Rules for TLS; not obeyed yet.
    pub tls: Vec<L4Route>,
}

impl Kind for VirtualServiceSpec {
    const KIND: &'static str = "VirtualService";
}

/// One rule, `spec.http[i]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRoute {
    /// Name of the rule, shown in access logs.
    pub name: String,
    /// Alternatives, any of which selects the rule; none = every request.
    #[serde(rename = "match")]
    pub matches: Vec<HttpMatch>,
    /// Weighted destinations.
    pub route: Vec<RouteDestination>,
    /// Answers with a redirect instead.
    pub redirect: Option<Redirect>,
    /// Answers directly instead.
    pub direct_response: Option<DirectResponse>,
    /// Changes path or authority on the way to the destination.
    pub rewrite: Option<Rewrite>,
    /// Limit for the whole request, all tries included; none = no limit.
    pub timeout: Option<GoDuration>,
    /// Retry policy; none = the mesh's default.
    pub retries: Option<HttpRetry>,
    /// Injected delay and abort.
    pub fault: Option<Fault>,
    /// Header changes.
    pub headers: Option<Headers>,
    /// Another object's rules instead.
    pub delegate: Option<Delegate>,
    /// Who gets a copy of the request.
    pub mirror: Option<Destination>,
    /// Share of requests copied; none = all.
    pub mirror_percentage: Option<Percent>,
    /// The same, old and whole-numbered; used where `mirrorPercentage` is absent.
    #[serde(alias = "mirror_percent")]
    pub mirror_percent: Option<u32>,
    /// Several who get a copy.
    pub mirrors: Vec<Mirror>,
    /// What browsers may do from other origins.
    pub cors_policy: Option<CorsPolicy>,
}

/// One `match` entry; all its conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpMatch {
    /// Name of the entry, appended to the rule's in access logs.
    pub name: String,
    /// Path without query.
    pub uri: Option<StringMatch>,
    /// `http` or `https`.
    pub scheme: Option<StringMatch>,
    /// Method, in capitals.
    pub method: Option<StringMatch>,
    /// Host header as sent, port included.
    pub authority: Option<StringMatch>,
    /// Headers that must match; an empty matcher asks for presence.
    pub headers: BTreeMap<String, StringMatch>,
    /// Headers that must not match; an empty matcher asks for absence.
    pub without_headers: BTreeMap<String, StringMatch>,
    /// Query parameters that must match; an empty matcher asks for presence.
    pub query_params: BTreeMap<String, StringMatch>,
    /// Port of the listener.
    pub port: Option<u16>,
    /// Labels the client pod must carry.
    pub source_labels: BTreeMap<String, String>,
    /// Namespace of the client pod; empty = any.
    pub source_namespace: String,
    /// Gateways the entry is for; none = those of the object.
    pub gateways: Vec<String>,
    /// Exact and prefix `uri` ignore case.
    pub ignore_uri_case: bool,
}

/// `exact`, `prefix` or `regex`; none of them asks for presence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StringMatch {
    /// Equal.
    pub exact: Option<String>,
    /// Starts with.
    pub prefix: Option<String>,
    /// RE2, matching the whole value.
    pub regex: Option<String>,
}

/// A weighted destination.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RouteDestination {
    /// Where to.
    pub destination: Destination,
    /// Share among the rule's destinations; any unit. Ignored when it stands alone.
    pub weight: i64,
    /// Header changes for this destination only.
    pub headers: Option<Headers>,
}

/// A service, or a subset of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// Host, short or FQDN.
    pub host: String,
    /// Subset named by a DestinationRule; empty = all endpoints.
    pub subset: String,
    /// Port; none = the service's only port, else the listener's.
    pub port: Option<PortSelector>,
}

/// `port: {number: 8080}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PortSelector {
    /// Port of the service.
    pub number: u32,
}

/// `redirect`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Redirect {
    /// New path; empty = keep it.
    pub uri: String,
    /// New authority; empty = keep it.
    pub authority: String,
    /// New scheme; empty = keep it.
    pub scheme: String,
    /// New port.
    pub port: Option<u16>,
    /// `FROM_PROTOCOL_DEFAULT` or `FROM_REQUEST_PORT`.
    pub derive_port: String,
    /// Status; 0 = 301.
    pub redirect_code: u16,
}

/// `directResponse`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DirectResponse {
    /// Status of the answer.
    pub status: u32,
    /// Its body.
    pub body: Option<Body>,
}

/// `directResponse.body`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Body {
    /// Text.
    pub string: String,
    /// Any bytes, instead.
    pub bytes: Option<Base64>,
}

/// `rewrite`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rewrite {
    /// Replaces the matched prefix, or the whole path of an exact or regex match.
    pub uri: String,
    /// Replaces the Host header.
    pub authority: String,
    /// Substitution in the path.
    pub uri_regex_rewrite: Option<RegexRewrite>,
}

/// `rewrite.uriRegexRewrite`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RegexRewrite {
    /// RE2, searched in the path.
    #[serde(rename = "match")]
    pub pattern: String,
    /// Replacement, with `\1` for the first group.
    pub rewrite: String,
}

/// `retries`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRetry {
    /// Tries after the first; 0 = no retries.
    pub attempts: i64,
    /// Limit for one try.
    pub per_try_timeout: Option<GoDuration>,
    /// Comma-separated conditions; empty = the default ones.
    pub retry_on: String,
    /// Whether a retry avoids hosts already tried; default true.
    pub retry_ignore_previous_hosts: Option<bool>,
    /// Whether a retry leaves the localities already tried; default false.
    pub retry_remote_localities: Option<bool>,
    /// Base of the back-off; default 25 ms.
    pub backoff: Option<GoDuration>,
}

/// `fault`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// Waits before the request goes on.
    pub delay: Option<Delay>,
    /// Answers instead of the destination.
    pub abort: Option<Abort>,
}

/// `fault.delay`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Delay {
    /// How long.
    pub fixed_delay: Option<GoDuration>,
    /// Share of requests.
    pub percentage: Option<Percent>,
    /// The same, old and whole-numbered; used where `percentage` is absent.
    pub percent: Option<u32>,
}

/// `fault.abort`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Abort {
    /// HTTP status of the answer.
    pub http_status: Option<i64>,
    /// gRPC status of the answer, by name.
    pub grpc_status: Option<String>,
    /// Refused by Istio.
    pub http2_error: Option<String>,
    /// Share of requests.
    pub percentage: Option<Percent>,
}

/// `percentage: {value: 30}`, 0 to 100.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Percent {
    /// Percent.
    pub value: f64,
}

/// `headers`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// Changes to the request on its way to the destination.
    pub request: Option<HeaderOperations>,
    /// Changes to the response on its way back.
    pub response: Option<HeaderOperations>,
}

/// `set` overwrites, `add` appends, `remove` deletes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HeaderOperations {
    /// Overwrites.
    pub set: BTreeMap<String, String>,
    /// Appends another value.
    pub add: BTreeMap<String, String>,
    /// Deletes.
    pub remove: Vec<String>,
}
