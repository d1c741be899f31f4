//! How many copies one proxy has under way, and how much of their bodies it holds.
//!
//! Envoy has only the limits of the mirror's cluster, which are none unless written; here a mirror
//! that hangs must not take all memory. What finds no room when it leaves is counted as Envoy counts
//! a request that `max_requests` of its cluster refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mesh::local_reply::{Reason, Reset};

use crate::cluster::ClusterState;
use crate::limits::{Limit, Place};

/// Copies under way at a time.
const MOST_COPIES: u32 = 1024;
/// Bytes of their bodies that wait for mirrors.
const MOST_BYTES: u64 = 64 << 20;
/// Of so many copies without room one is told.
const TOLD: u64 = 1_000;

/// The room of one proxy.
#[derive(Debug)]
pub(crate) struct Room {
    places: Limit,
    pub(super) bytes: Budget,
    refused: AtomicU64,
}

/// So many bytes at most. A cheap handle: clones share what is taken.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    most: u64,
    taken: Arc<AtomicU64>,
}

/// Bytes taken; free again when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    bytes: u64,
    taken: Arc<AtomicU64>,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(MOST_COPIES, MOST_BYTES)
    }
}

impl Room {
    fn of(copies: u32, bytes: u64) -> Self {
        Self {
            places: Limit::of(Some(copies)),
            bytes: Budget::of(bytes),
            refused: AtomicU64::new(0),
        }
    }

    /// A place for a copy, if one is left.
    pub(super) fn place(&self) -> Option<Place> {
        self.places.take()
    }

    /// Counts a copy for which there is no room, and tells some of them.
    pub(super) fn refuse(&self, cluster: &ClusterState) {
        cluster.stats.upstream_rq_active_overflow.add();
        cluster.count_reply(&Reason::Reset {
            reset: Reset::Overflow,
            retried: false,
        });
        let before = self.refused.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(TOLD) {
            tracing::warn!(
                cluster = %cluster.config.name,
                refused = before + 1,
                "no room for copies ({MOST_COPIES} or {MOST_BYTES} bytes are under way): the mirror \
                 does not answer as fast as it is asked"
            );
        }
    }
}

impl Budget {
    pub(super) fn of(most: u64) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// Takes bytes, if so many are left.
    pub(super) fn take(&self, bytes: u64) -> Option<Share> {
        let more = |taken: u64| {
            let taken = taken.checked_add(bytes)?;
            (taken <= self.most).then_some(taken)
        };
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        let share = |_| Share {
            bytes,
            taken: self.taken.clone(),
        };
        taken.ok().map(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use mesh::config::{Cluster, Policy};

    use super::*;
    use crate::live::Clock;

    #[test]
    fn bytes_are_free_again_when_their_share_is_dropped() {
        let budget = Budget::of(10);
        let share = budget.take(6).unwrap();
        assert!(budget.take(5).is_none() && budget.take(u64::MAX).is_none());
        let _rest = budget.clone().take(4).unwrap();
        assert!(budget.take(1).is_none());
        drop(share);
        assert!(budget.take(6).is_some());
    }

    #[tokio::test]
    async fn a_copy_without_room_counts_as_a_refused_request_of_its_cluster() {
        let address = ([10, 0, 0, 1], 80).into();
        let config = Arc::new(Cluster::single("c".into(), address, Policy::default()));
        let cluster = ClusterState::new(&config, None, 0, Clock::default());
        let room = Room::of(1, 0);
        let place = room.place();
        assert!(place.is_some() && room.place().is_none());
        room.refuse(&cluster);
        assert_eq!(cluster.stats.upstream_rq_active_overflow.get(), 1);
        assert_eq!(cluster.stats.answers.iter().collect::<Vec<_>>(), [(503, 1)]);
        drop(place);
        assert!(room.place().is_some());
    }
}
