//! How long connections live (`idleTimeout`, `maxConnectionDuration`), and who ends them.

use std::sync::Weak;
use std::time::Duration;

use mesh::config::{IDLE_TIMEOUT, Policy};
use tokio::time::{Instant, sleep_until};

use super::{Connection, Idle};
use crate::cluster::HostState;

/// How long connections live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetimes {
    /// Without a request.
    idle: Duration,
    /// In all.
    total: Option<Duration>,
}

impl Lifetimes {
    /// Those that a policy allows.
    pub(crate) fn of(policy: &Policy) -> Self {
        Self {
            idle: policy.idle_timeout,
            total: policy.max_connection_duration,
        }
    }

    /// Whether somebody must look after them: what lives for an hour is let go when next seen.
    pub(super) fn are_short(self) -> bool {
        self.idle < IDLE_TIMEOUT || self.total.is_some()
    }

    /// Whether a connection may carry another request.
    pub(crate) fn allow(self, connection: &Connection) -> bool {
        let age = connection.opened.elapsed();
        self.total.is_none_or(|total| age < total)
    }

    pub(super) fn end_of(self, idle: &Idle) -> Instant {
        let by_idleness = idle.since + self.idle;
        let by_age = self.total.map(|total| idle.connection.opened + total);
        by_age.map_or(by_idleness, |by_age| by_age.min(by_idleness))
    }
}

/// Envoy: a connection that has become too old is closed, not just left alone.
pub(super) async fn sweep(host: Weak<HostState>) {
    while let Some(host) = host.upgrade() {
        let Some(next) = host.pool.expire(host.lifetimes) else {
            return;
        };
        drop(host);
        sleep_until(next).await;
    }
}
