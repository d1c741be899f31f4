//! The objects as they are written: VirtualService and DestinationRule, v1, v1beta1 and v1alpha3.
//!
//! These are wire types: every field optional that YAML may leave out, nothing checked but its
//! type. [`crate::validate`] refuses what Istio refuses, [`crate::compile`] makes the types that a
//! proxy obeys. Which fields are read but not obeyed yet, [`crate::obeyed`] knows.

mod base64;
mod destination_rule;
mod duration;
mod l4_route;
mod mirror;
mod policy;
mod virtual_service;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use base64::Base64;
pub use destination_rule::{
    ConsistentHash, CookieAttribute, DestinationRule, DestinationRuleSpec, HttpCookie,
    LoadBalancer, Maglev, PortSettings, RingHash, Selector, SimpleLb, Subset, TrafficPolicy,
    Warmup,
};
pub use duration::{DurationError, GoDuration};
pub use l4_route::{L4Destination, L4Match, L4Route};
pub use mirror::{CorsPolicy, Delegate, Mirror, UnmatchedPreflights};
pub use policy::{
    ClientTls, ConnectionPool, Distribute, Failover, HttpPool, LocalityLb, OutlierDetection,
    RetryBudget, TcpKeepalive, TcpPool,
};
pub use virtual_service::{
    Abort, Body, Delay, Destination, DirectResponse, Fault, HeaderOperations, Headers, HttpMatch,
    HttpRetry, HttpRoute, Percent, PortSelector, Redirect, RegexRewrite, Rewrite, RouteDestination,
    StringMatch, VirtualService, VirtualServiceSpec,
};

/// The API group of both kinds.
pub const GROUP: &str = "networking.istio.io";
/// Its versions; the objects are the same in all of them.
pub const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha3"];

/// An object of the API: who it is, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<S> {
    /// Name, namespace and age.
    pub metadata: Metadata,
    /// The rule itself.
    pub spec: S,
}

/// What precedence needs to know about an object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Name of the object.
    #[serde(default)]
    pub name: String,
    /// Its namespace; `default` when not written.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// When the API server made it; absent in a file. The oldest object of a host wins.
    #[serde(default, deserialize_with = "timestamp")]
    pub creation_timestamp: Option<Timestamp>,
}

/// Why a JSON value is no object of the kind asked for.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Another kind or API group.
    #[error(
        "expected a {kind} of {group} (v1, v1beta1 or v1alpha3), got kind {got_kind:?} of apiVersion {got_version:?}"
    )]
    Kind {
        /// The kind asked for.
        kind: &'static str,
        /// Its API group.
        group: &'static str,
        /// The kind found.
        got_kind: String,
        /// The apiVersion found.
        got_version: String,
    },
    /// A field of the wrong type.
    #[error("{kind} {name:?}: {path}: {cause}")]
    Field {
        /// The kind asked for.
        kind: &'static str,
        /// `metadata.name`, empty if missing.
        name: String,
        /// Path of the field, `spec.http[0].timeout`.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// A kind of object: its name and the shape of its `spec`.
pub trait Kind: DeserializeOwned + Default {
    /// Its API group.
    const GROUP: &'static str = GROUP;
    /// `kind` in YAML.
    const KIND: &'static str;
}

impl<S: Kind> Object<S> {
    /// Reads an object from its JSON form.
    ///
    /// # Errors
    ///
    /// The value is of another kind or version, or a field is of the wrong type; the error names
    /// its path.
    pub fn parse(object: &Value) -> Result<Self, ModelError> {
        check_kind::<S>(object)?;
        // Kubernetes: nulls in maps are pruned before anything looks at the object.
        let pruned = without_nulls(object);
        Ok(Self {
            metadata: field::<S, _>(&pruned, "metadata")?.unwrap_or_default(),
            spec: field::<S, _>(&pruned, "spec")?.unwrap_or_default(),
        })
    }

    /// `namespace/name`, as messages name an object.
    pub fn id(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespace: default_namespace(),
            creation_timestamp: None,
        }
    }
}

fn default_namespace() -> String {
    "default".to_owned()
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom))
        .transpose()
}

fn check_kind<S: Kind>(object: &Value) -> Result<(), ModelError> {
    let text = |key: &str| {
        object
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (got_kind, got_version) = (text("kind"), text("apiVersion"));
    let known = got_version
        .split_once('/')
        .is_some_and(|(group, version)| group == S::GROUP && VERSIONS.contains(&version));
    if got_kind == S::KIND && known {
        return Ok(());
    }
    Err(ModelError::Kind {
        kind: S::KIND,
        group: S::GROUP,
        got_kind,
        got_version,
    })
}

fn field<S: Kind, T: DeserializeOwned>(object: &Value, key: &str) -> Result<Option<T>, ModelError> {
    let Some(value) = object.get(key) else {
        return Ok(None);
    };
    serde_path_to_error::deserialize(value)
        .map(Some)
        .map_err(|error| ModelError::Field {
            kind: S::KIND,
            name: object
                .pointer("/metadata/name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            path: match error.path().to_string() {
                path if path == "." => key.to_owned(),
                path => format!("{key}.{path}"),
            },
            cause: error.into_inner().to_string(),
        })
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
