//! How many TCP connections a cluster may have at a time (Envoy: `max_connections`).

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for the connections of a cluster. A cheap handle: clones share the places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room(Option<Arc<Semaphore>>);

/// A taken place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// As many places as the limit says; none = as many as are asked for.
    pub(crate) fn of(limit: Option<u32>) -> Self {
        let places = |limit: u32| usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS);
        let places = limit.map(|limit| places(limit).min(Semaphore::MAX_PERMITS));
        Self(places.map(|places| Arc::new(Semaphore::new(places))))
    }

    /// Takes a place, if one is left; nobody waits for one.
    pub(crate) fn take(&self) -> Option<Place> {
        let permit = match &self.0 {
            Some(places) => Some(Arc::clone(places).try_acquire_owned().ok()?),
            None => None,
        };
        Some(Place { _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let room = Room::of(Some(2));
        let first = room.take().unwrap();
        let _second = room.clone().take().unwrap();
        assert!(room.take().is_none());
        drop(first);
        assert!(room.take().is_some());
    }

    #[test]
    fn without_a_limit_there_is_always_room() {
        let room = Room::of(None);
        let taken: Vec<_> = (0..1_000).map(|_| room.take()).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(Room::of(Some(u32::MAX)).take().is_some());
    }
}
