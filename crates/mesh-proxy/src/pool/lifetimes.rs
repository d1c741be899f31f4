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

/// Envoy: a connection that has become too old is closed, not just left alone. Ends when nothing is
/// left to look for, or when a sweep that began later comes sooner.
pub(super) async fn sweep(host: Weak<HostState>, begin: Instant) {
    let mut next = Some(begin);
    while let Some(at) = next {
        sleep_until(at).await;
        let host = host.upgrade();
        next = host.and_then(|host| host.pool.expire(at, host.lifetimes));
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use hyper::client::conn::http1;
    use hyper_util::rt::TokioIo;
    use mesh::config::Cluster;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};
    use tokio::time::sleep;

    use super::*;
    use crate::cluster::ClusterState;
    use crate::live::Clock;

    fn host(idle: u64, total: Option<u64>) -> Arc<HostState> {
        let policy = Policy {
            idle_timeout: Duration::from_secs(idle),
            max_connection_duration: total.map(Duration::from_secs),
            ..Policy::default()
        };
        let address = SocketAddr::from(([10, 1, 0, 1], 8080));
        let cluster = Arc::new(Cluster::single("svc".into(), address, policy));
        let state = ClusterState::new(&cluster, None, 0, Clock::default());
        state.hosts[0].clone()
    }

    /// A connection that has just come up, and its other end.
    async fn connection() -> (Connection, DuplexStream) {
        let (near, far) = duplex(64);
        let (sender, connection) = http1::handshake(TokioIo::new(near)).await.unwrap();
        tokio::spawn(connection);
        let connection = Connection {
            sender,
            used: 1,
            local: None,
            drains: 0,
            opened: Instant::now(),
        };
        (connection, far)
    }

    /// Seconds from a moment until each connection is closed.
    async fn closed(since: Instant, ends: [DuplexStream; 2]) -> [u64; 2] {
        let mut times = [0; 2];
        for (time, mut end) in times.iter_mut().zip(ends) {
            assert_eq!(end.read(&mut [0]).await.unwrap(), 0);
            *time = since.elapsed().as_secs();
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_due_before_the_others_is_closed_in_time() {
        let (host, began) = (host(60, Some(10)), Instant::now());
        let (older, older_end) = connection().await;
        sleep(Duration::from_secs(4)).await;
        let (newer, newer_end) = connection().await;
        host.keep(newer);
        sleep(Duration::from_secs(1)).await;
        // Kept later, and due sooner.
        host.keep(older);
        assert_eq!(closed(began, [older_end, newer_end]).await, [10, 14]);
    }

    #[tokio::test(start_paused = true)]
    async fn each_idle_connection_is_closed_at_its_own_time() {
        let (host, began) = (host(3, None), Instant::now());
        let (first, first_end) = connection().await;
        host.keep(first);
        sleep(Duration::from_secs(2)).await;
        let (second, second_end) = connection().await;
        host.keep(second);
        assert_eq!(closed(began, [first_end, second_end]).await, [3, 5]);
    }
}
