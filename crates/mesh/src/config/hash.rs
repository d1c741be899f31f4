//! What of a request says which host it belongs to.

use std::time::Duration;

use http::HeaderName;

/// One part of a request that is hashed (Envoy: `hash_policy`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashPolicy {
    /// A header; without it nothing is hashed.
    Header(HeaderName),
    /// A parameter of the query; without it nothing is hashed.
    Query(String),
    /// The client's address.
    SourceIp,
    /// A cookie.
    Cookie(Cookie),
}

/// A cookie that binds a client to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// How long a client keeps one that is made for it; 0 = for its session, none = none is made.
    pub ttl: Option<Duration>,
    /// The paths for which a client sends one that is made for it.
    pub path: String,
    /// What else is said of one that is made, `SameSite=Lax`.
    pub attributes: Vec<String>,
}
