//! Waking those who wait for changes of a resource.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

use crate::resource::Resource;

/// A level-triggered signal: however many changes came since the last call, one call returns.
/// A change that comes while nobody waits is not lost.
#[derive(Debug)]
pub struct Subscription {
    signal: Arc<Notify>,
}

impl Subscription {
    /// Returns after the next change, or at once when there was one since the last call.
    pub async fn changed(&self) {
        self.signal.notified().await;
    }
}

/// Who waits for what; those dropped are forgotten on the way.
#[derive(Default)]
pub(super) struct Topics(Mutex<HashMap<&'static Resource, Vec<Weak<Notify>>>>);

impl Topics {
    pub(super) fn subscribe(&self, resources: &[&'static Resource]) -> Subscription {
        let signal = Arc::new(Notify::new());
        let mut topics = self.0.lock().expect("no holder panics");
        for resource in resources {
            let waiting = topics.entry(resource).or_default();
            waiting.retain(|signal| signal.strong_count() > 0);
            waiting.push(Arc::downgrade(&signal));
        }
        Subscription { signal }
    }

    pub(super) fn publish(&self, resource: &'static Resource) {
        let topics = self.0.lock().expect("no holder panics");
        for signal in topics.get(resource).into_iter().flatten() {
            if let Some(signal) = signal.upgrade() {
                // Keeps one permit where nobody waits at this moment.
                signal.notify_one();
            }
        }
    }
}
