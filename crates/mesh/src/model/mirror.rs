//! What an http rule says besides the way of the request; read, not obeyed yet.

use serde::Deserialize;

use super::{Destination, GoDuration, Percent, StringMatch};

/// `mirrors[i]`: who gets a copy of the request.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Mirror {
    /// Where to.
    pub destination: Destination,
    /// Share of requests.
    pub percentage: Option<Percent>,
}

/// `corsPolicy`: what browsers may do from other origins.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsPolicy {
    /// Origins that may ask.
    pub allow_origins: Vec<StringMatch>,
    /// Methods they may use.
    pub allow_methods: Vec<String>,
    /// Headers they may send.
    pub allow_headers: Vec<String>,
    /// Headers they may see.
    pub expose_headers: Vec<String>,
    /// How long the answer may be kept.
    pub max_age: Option<GoDuration>,
}
