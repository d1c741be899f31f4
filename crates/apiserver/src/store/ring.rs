//! The last events of a cluster, bounded in number and in memory.
//!
//! Because every resourceVersion has exactly one event, the event after version `v` sits at a known
//! place, and a watcher that comes back needs no search. Forgetting is counted per resource: a
//! watcher of a quiet resource is not too old because a busy one filled the ring.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Event;
use crate::object;
use crate::resource::Resource;

/// Events looked at while the lock is held once.
const PAGE: u64 = 1_024;

/// The newest events keep the lines written of them: watchers read an event at almost the same
/// time or, rarely, much later.
const WITH_LINES: usize = 256;

/// How much history a store keeps.
#[derive(Clone, Copy, Debug)]
pub struct RingLimits {
    /// Number of events.
    pub events: usize,
    /// Approximate memory of the objects in them, in bytes.
    pub bytes: usize,
}

impl Default for RingLimits {
    /// 10,000 events, 32 MiB.
    fn default() -> Self {
        Self {
            events: 10_000,
            bytes: 32 << 20,
        }
    }
}

/// The events asked for are not, or not yet, in the ring.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Expired {
    /// They are forgotten, or older than this run.
    #[error("too old resource version: {requested} ({oldest})")]
    TooOld {
        /// The version asked for.
        requested: u64,
        /// The oldest version that can be continued from.
        oldest: u64,
    },
    /// No such version was given out by this run.
    #[error("unknown resource version: {requested} (latest is {latest})")]
    Unknown {
        /// The version asked for.
        requested: u64,
        /// The latest version.
        latest: u64,
    },
}

/// Some events, and how far the ring was read for them.
pub(super) struct Page {
    pub(super) events: Vec<Arc<Event>>,
    pub(super) through: u64,
    pub(super) more: bool,
}

pub(super) struct Ring {
    limits: RingLimits,
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Version of the first run; nothing before it can be continued.
    start: u64,
    latest: u64,
    /// Version of the last forgotten event, per resource.
    forgotten: HashMap<&'static Resource, u64>,
}

impl Ring {
    pub(super) fn new(start: u64, limits: RingLimits) -> Self {
        Self {
            limits,
            events: VecDeque::new(),
            bytes: 0,
            start,
            latest: start,
            forgotten: HashMap::new(),
        }
    }

    /// The version of the latest event.
    pub(super) fn latest(&self) -> u64 {
        self.latest
    }

    /// Appends the event of version `latest() + 1`.
    pub(super) fn push(&mut self, event: Arc<Event>) {
        debug_assert_eq!(
            event.resource_version,
            self.latest + 1,
            "one event a version"
        );
        self.latest = event.resource_version;
        self.bytes += event.weight();
        self.events.push_back(event);
        let read = self.events.len().checked_sub(WITH_LINES + 1);
        if let Some(event) = read.and_then(|place| self.events.get(place)) {
            event.forget_lines();
        }
        while self.events.len() > self.limits.events
            || (self.bytes > self.limits.bytes && self.events.len() > 1)
        {
            self.forget_first();
        }
    }

    /// Whether a watcher of the resource can continue after `from`.
    pub(super) fn check(&self, resource: &'static Resource, from: u64) -> Result<(), Expired> {
        let oldest = self.forgotten.get(resource).copied().unwrap_or(self.start);
        if from < oldest {
            Err(Expired::TooOld {
                requested: from,
                oldest,
            })
        } else if from > self.latest {
            Err(Expired::Unknown {
                requested: from,
                latest: self.latest,
            })
        } else {
            Ok(())
        }
    }

    /// The next events of a resource (in a namespace) after `from`.
    pub(super) fn page(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        from: u64,
    ) -> Result<Page, Expired> {
        self.check(resource, from)?;
        let through = self
            .latest
            .min(from.max(self.first() - 1).saturating_add(PAGE));
        let events = self.between(from, through);
        Ok(Page {
            events: events
                .filter(|event| concerns(event, resource, namespace))
                .cloned()
                .collect(),
            through,
            more: through < self.latest,
        })
    }

    /// All events of a resource (in a namespace) after `from`.
    pub(super) fn after(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        from: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Arc<Event>>, Expired> {
        self.check(resource, from)?;
        let events = self.between(from, self.latest);
        Ok(events.filter(move |event| concerns(event, resource, namespace)))
    }

    /// The version of the first event still known, or of the next one to come.
    fn first(&self) -> u64 {
        self.latest + 1 - self.events.len() as u64
    }

    /// The events after `from` up to `through`, as far as they are known.
    fn between(&self, from: u64, through: u64) -> impl DoubleEndedIterator<Item = &Arc<Event>> {
        let place = |version: u64| (version + 1).saturating_sub(self.first()) as usize;
        let end = place(through);
        self.events.range(place(from).min(end)..end)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget_first(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.bytes -= event.weight();
            self.forgotten
                .insert(event.resource, event.resource_version);
        }
    }
}

fn concerns(event: &Event, resource: &Resource, namespace: Option<&str>) -> bool {
    event.resource == resource
        && namespace.is_none_or(|name| name == object::namespace(&event.object))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::resource::rows;
    use crate::store::EventType;
    use crate::view::View;

    const START: u64 = 100;

    fn ring(events: usize, bytes: usize) -> Ring {
        Ring::new(START, RingLimits { events, bytes })
    }

    fn push(ring: &mut Ring, resource: &'static Resource, object: Value) {
        let version = ring.latest() + 1;
        let event = Event::new(EventType::Added, resource, Arc::new(object), None, version);
        ring.push(Arc::new(event));
    }

    fn versions(ring: &Ring, resource: &'static Resource, from: u64) -> Result<Vec<u64>, Expired> {
        let page = ring.page(resource, None, from)?;
        Ok(page
            .events
            .iter()
            .map(|event| event.resource_version)
            .collect())
    }

    #[test]
    fn the_oldest_events_make_room() {
        let mut ring = ring(3, usize::MAX);
        for _ in 0..5 {
            push(&mut ring, &rows::PODS, json!({}));
        }
        assert_eq!(
            versions(&ring, &rows::PODS, START + 2),
            Ok(vec![103, 104, 105])
        );
        assert_eq!(
            versions(&ring, &rows::PODS, START + 1),
            Err(Expired::TooOld {
                requested: 101,
                oldest: 102
            })
        );
    }

    #[test]
    fn a_quiet_resource_is_not_too_old_because_of_a_busy_one() {
        let mut ring = ring(3, usize::MAX);
        push(&mut ring, &rows::SECRETS, json!({}));
        for _ in 0..10 {
            push(&mut ring, &rows::PODS, json!({}));
        }
        assert_eq!(versions(&ring, &rows::NODES, START), Ok(vec![]));
        assert_eq!(versions(&ring, &rows::SECRETS, START + 1), Ok(vec![]));
        assert!(versions(&ring, &rows::SECRETS, START).is_err());
    }

    #[test]
    fn large_objects_shorten_the_history() {
        let mut ring = ring(1_000, 100_000);
        for _ in 0..100 {
            push(
                &mut ring,
                &rows::CONFIG_MAPS,
                json!({"data": "x".repeat(10_000)}),
            );
        }
        assert!(
            (1..=10).contains(&ring.events.len()),
            "{}",
            ring.events.len()
        );
        assert!(ring.bytes <= 100_000);
    }

    #[test]
    fn one_event_stays_however_large_it_is() {
        let mut ring = ring(10, 1);
        push(&mut ring, &rows::CONFIG_MAPS, json!({"data": "large"}));
        assert_eq!(versions(&ring, &rows::CONFIG_MAPS, START), Ok(vec![101]));
    }

    #[test]
    fn only_the_newest_events_keep_their_lines() {
        let mut ring = ring(1_000, usize::MAX);
        let view = View::whole(&rows::PODS, "v1");
        for _ in 0..WITH_LINES + 10 {
            push(&mut ring, &rows::PODS, json!({}));
            let newest = ring.events.back().unwrap();
            newest.line(EventType::Added, &view, true, Timestamp::UNIX_EPOCH);
        }
        let kept = ring.events.iter().filter(|event| event.lines() > 0);
        assert_eq!(kept.count(), WITH_LINES);
    }

    #[test]
    fn versions_of_another_run_are_refused() {
        let ring = ring(3, usize::MAX);
        assert!(matches!(
            ring.check(&rows::PODS, START - 1),
            Err(Expired::TooOld { .. })
        ));
        assert!(matches!(
            ring.check(&rows::PODS, START + 1),
            Err(Expired::Unknown { .. })
        ));
        assert_eq!(ring.check(&rows::PODS, START), Ok(()));
    }

    #[test]
    fn a_page_holds_only_the_namespace_asked_for() {
        let mut ring = ring(10, usize::MAX);
        for namespace in ["a", "b", "a"] {
            push(
                &mut ring,
                &rows::PODS,
                json!({"metadata": {"namespace": namespace}}),
            );
        }
        let page = ring.page(&rows::PODS, Some("a"), START).unwrap();
        assert_eq!(page.events.len(), 2);
        assert_eq!((page.through, page.more), (103, false));
    }
}
