//! One kind of object in one cluster: listed, watched, and listed again when the watch is lost.

use std::fmt::Debug;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::drain::Drain;
use futures_util::StreamExt;
use kube::runtime::reflector::{Store, store::Writer};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, DefaultBackoff, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::{Contact, Reason};
use crate::clock;

/// How long one watch lasts before it is opened anew; a dead connection shows within that time.
pub(super) const WATCH_SECONDS: u32 = 30;
/// Longest pause between two tries: a viewer who brings an API back wants to see it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is known of one kind; a cheap handle.
pub(super) struct Feed<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    store: Store<K>,
    // A std lock, never held over an await.
    contact: Arc<Mutex<Contact>>,
}

impl<K> Feed<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone + Debug + Unpin + Send + Sync,
{
    /// Starts to follow `api` until `drain` begins; `changed` is told of every change.
    pub(super) fn start(
        api: Api<K>,
        kind: K::DynamicType,
        changed: Arc<Notify>,
        drain: Drain,
    ) -> Self {
        let writer = Writer::new(kind);
        let contact = Arc::new(Mutex::new(Contact::never(Reason::NotYet)));
        let feed = Self {
            store: writer.as_reader(),
            contact: Arc::clone(&contact),
        };
        tokio::spawn(async move {
            tokio::select! {
                () = keep_reading(api, writer, &contact, &changed) => {}
                () = drain.begun() => {}
            }
        });
        feed
    }

    /// The objects as last read, in no order.
    pub(super) fn objects(&self) -> Vec<Arc<K>> {
        self.store.state()
    }

    /// How far they can be trusted.
    pub(super) fn contact(&self) -> Contact {
        locked(&self.contact).clone()
    }
}

async fn keep_reading<K>(
    api: Api<K>,
    mut writer: Writer<K>,
    contact: &Mutex<Contact>,
    changed: &Notify,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let mut pauses = DefaultBackoff::default();
    loop {
        // The library re-opens a lost watch by itself but does not tell when it succeeded, so each
        // failure starts over with a list: its end is the proof that the API is back.
        let mut events = pin!(watcher(
            api.clone(),
            watcher::Config::default().timeout(WATCH_SECONDS)
        ));
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => accept(&event, &mut writer, contact, changed, &mut pauses),
                Err(error) => {
                    complain(&error, contact);
                    changed.notify_one();
                    break;
                }
            }
        }
        let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
    }
}

fn accept<K>(
    event: &Event<K>,
    writer: &mut Writer<K>,
    contact: &Mutex<Contact>,
    changed: &Notify,
    pauses: &mut DefaultBackoff,
) where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    writer.apply_watcher_event(event);
    match event {
        Event::Init | Event::InitApply(_) => return,
        Event::InitDone => {
            locked(contact).reached();
            pauses.reset();
        }
        Event::Apply(_) | Event::Delete(_) => {}
    }
    changed.notify_one();
}

fn complain(error: &watcher::Error, contact: &Mutex<Contact>) {
    // Kubernetes: 410 says that the watch is too old, not that the API is away.
    if matches!(error, watcher::Error::WatchError(status) if status.code == 410) {
        return;
    }
    let reason = Reason::of_watch(error);
    let mut contact = locked(contact);
    if contact.reason.as_ref() != Some(&reason) {
        tracing::warn!(%reason, %error, "cannot watch a cluster's API; trying again");
    }
    contact.lost(reason, clock::now());
}

fn locked(contact: &Mutex<Contact>) -> std::sync::MutexGuard<'_, Contact> {
    contact.lock().unwrap_or_else(PoisonError::into_inner)
}
