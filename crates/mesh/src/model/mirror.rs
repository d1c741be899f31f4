//! What an http rule says besides the way of the request.

use serde::Deserialize;

use super::{Destination, GoDuration, Percent, StringMatch};

/// `delegate`: the object whose rules stand in for a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Delegate {
    /// Its name.
    pub name: String,
    /// Its namespace; empty = that of the object that delegates.
    pub namespace: String,
}

/// `mirrors[i]`: who gets a copy of the request.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Mirror {
    /// Where to.
    pub destination: Destination,
    /// Share of requests; none = all.
    pub percentage: Option<Percent>,
}

/// `corsPolicy`: what browsers may do from other origins.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsPolicy {
    /// Origins that may ask.
    pub allow_origins: Vec<StringMatch>,
    /// The same, old: exact ones; used where `allowOrigins` is empty.
    pub allow_origin: Vec<String>,
    /// Methods they may use.
    pub allow_methods: Vec<String>,
    /// Headers they may send.
    pub allow_headers: Vec<String>,
    /// Headers they may see.
    pub expose_headers: Vec<String>,
    /// How long the answer may be kept.
    pub max_age: Option<GoDuration>,
    /// Whether they may send cookies.
    pub allow_credentials: Option<bool>,
    /// What becomes of a preflight from any other origin.
    pub unmatched_preflights: UnmatchedPreflights,
}

/// `corsPolicy.unmatchedPreflights`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UnmatchedPreflights {
    /// The default, as `FORWARD`.
    #[default]
    Unspecified,
    /// It goes on like any request.
    Forward,
    /// It is answered, allowing nothing.
    Ignore,
}
