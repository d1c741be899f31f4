//! One statistic.

use std::fmt;
use std::sync::Arc;

/// How a statistic moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Only upwards.
    Counter,
    /// Up and down.
    Gauge,
}

/// What a statistic is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// A cluster, by its name.
    Cluster(Arc<str>),
    /// An HTTP listener, by its `stat_prefix`.
    Http(Arc<str>),
    /// The proxy itself.
    Server,
}

/// One statistic at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) scope: Scope,
    /// Its name in the scope.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) value: u64,
    /// Whether it was ever written.
    pub(super) used: bool,
}

impl Scope {
    /// The first part of names in the scope.
    pub(super) fn family(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "cluster.",
            Self::Http(_) => "http.",
            Self::Server => "",
        }
    }

    /// Istio's tag (`stats_tags` of its bootstrap), and its value.
    pub(super) fn tag(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Cluster(name) => Some(("cluster_name", name)),
            Self::Http(prefix) => Some(("http_conn_manager_prefix", prefix)),
            Self::Server => None,
        }
    }
}

impl Stat {
    /// The whole name. Istio ends what it puts into names with `;`, so that tags are found.
    pub(super) fn full_name(&self) -> String {
        let family = self.scope.family();
        match self.scope.tag() {
            Some((_, value)) => format!("{family}{value};.{}", self.name),
            None => format!("{family}{}", self.name),
        }
    }
}

impl Kind {
    /// As Prometheus names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.full_name(), self.value)
    }
}
