//! `tcp` and `tls` rules of a VirtualService; read, not obeyed yet.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Destination;

/// `spec.tcp[i]` and `spec.tls[i]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct L4Route {
    /// Alternatives, any of which selects the rule.
    #[serde(rename = "match")]
    pub matches: Vec<L4Match>,
    /// Weighted destinations.
    pub route: Vec<L4Destination>,
}

/// One `match` entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct L4Match {
    /// Server names; only of TLS.
    pub sni_hosts: Vec<String>,
    /// Addresses the client asked for.
    pub destination_subnets: Vec<String>,
    /// Port of the listener.
    pub port: u32,
    /// Labels the client pod must carry.
    pub source_labels: BTreeMap<String, String>,
    /// Gateways the entry is for.
    pub gateways: Vec<String>,
}

/// A weighted destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct L4Destination {
    /// Where to.
    pub destination: Destination,
    /// Share among the rule's destinations.
    pub weight: i64,
}
