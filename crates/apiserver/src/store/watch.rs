//! A watcher's place in the ring.

use std::sync::Arc;

use super::{Event, Expired, Store, Subscription};
use crate::resource::Resource;

/// An async cursor over the events of one resource. It reads at its own pace: a writer never waits
/// for it, and one that falls behind the ring is told so.
pub struct Watch {
    store: Store,
    resource: &'static Resource,
    namespace: Option<String>,
    position: u64,
    changes: Subscription,
}

impl Watch {
    pub(super) fn new(
        store: Store,
        resource: &'static Resource,
        namespace: Option<&str>,
        position: u64,
        changes: Subscription,
    ) -> Self {
        Self {
            store,
            resource,
            namespace: namespace.map(str::to_owned),
            position,
            changes,
        }
    }

    /// The version up to which every event was handed out.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next events, at least one, in order. May be dropped while it waits without losing any.
    ///
    /// # Errors
    /// Events were forgotten before they were read here; list again.
    pub async fn next(&mut self) -> Result<Vec<Arc<Event>>, Expired> {
        loop {
            let events = self.ready()?;
            if !events.is_empty() {
                return Ok(events);
            }
            self.changes.changed().await;
        }
    }

    /// The events that are there now, perhaps none; then `position` is the latest version read.
    ///
    /// # Errors
    /// As for [`Watch::next`].
    pub fn ready(&mut self) -> Result<Vec<Arc<Event>>, Expired> {
        loop {
            let state = self.store.read();
            let page =
                state
                    .ring()
                    .page(self.resource, self.namespace.as_deref(), self.position)?;
            drop(state);
            self.position = page.through;
            if !page.events.is_empty() || !page.more {
                return Ok(page.events);
            }
        }
    }
}
