//! Answers on their way to the store: bounded, and never waited for by a request.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::answers::Answer;
use crate::clock::UnixMs;
use crate::theater::Service;

/// Answers that may wait; the oldest goes first, the store keeps the newest anyway.
const MOST_WAITING: usize = 1_000;

/// A queue of answers; a cheap handle.
#[derive(Clone, Debug)]
pub struct Queue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    boot: String,
    count: AtomicU64,
    // A std lock, never held over an await.
    waiting: Mutex<VecDeque<Entry>>,
    filled: Notify,
}

/// An answer as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) service: Service,
    /// Unique over all lives of the gateway.
    pub(super) id: String,
    pub(super) json: String,
}

impl Queue {
    /// An empty queue of a life that began at `boot`.
    pub fn new(boot: UnixMs) -> Self {
        Self(Arc::new(Inner {
            boot: format!("{boot:x}"),
            count: AtomicU64::new(0),
            waiting: Mutex::default(),
            filled: Notify::new(),
        }))
    }

    /// Adds an answer; drops the oldest where too many wait.
    pub fn push(&self, answer: &Answer) {
        let count = self.0.count.fetch_add(1, Ordering::Relaxed);
        let entry = Entry {
            service: answer.service,
            id: format!("{}-{count}", self.0.boot),
            json: serde_json::to_string(answer).expect("answers are plain data"),
        };
        let mut waiting = self.waiting();
        waiting.push_back(entry);
        bound(&mut waiting);
        drop(waiting);
        self.0.filled.notify_one();
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Resolves when something waits.
    pub(super) async fn filled(&self) {
        while self.is_empty() {
            self.0.filled.notified().await;
        }
    }

    /// Takes everything that waits.
    pub(super) fn take(&self) -> Vec<Entry> {
        self.waiting().drain(..).collect()
    }

    /// Puts entries back before those that came since.
    pub(super) fn put_back(&self, entries: Vec<Entry>) {
        let mut waiting = self.waiting();
        let newer = std::mem::replace(&mut *waiting, entries.into());
        waiting.extend(newer);
        bound(&mut waiting);
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn bound(waiting: &mut VecDeque<Entry>) {
    let surplus = waiting.len().saturating_sub(MOST_WAITING);
    waiting.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;

    fn filled(count: i64) -> Queue {
        let queue = Queue::new(255);
        for t in 0..count {
            let answer = Answer::from_nowhere(Service::User, t, Duration::ZERO, StatusCode::OK);
            queue.push(&answer);
        }
        queue
    }

    fn ids(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.id.as_str()).collect()
    }

    #[test]
    fn the_oldest_goes_when_too_many_wait() {
        let entries = filled(MOST_WAITING as i64 + 5).take();
        assert_eq!(entries.len(), MOST_WAITING);
        assert_eq!(entries[0].id, "ff-5");
    }

    #[test]
    fn what_is_put_back_stays_in_order() {
        let queue = filled(2);
        let taken = queue.take();
        let late = Answer::from_nowhere(Service::Movie, 9, Duration::ZERO, StatusCode::OK);
        queue.push(&late);
        queue.put_back(taken);
        assert_eq!(ids(&queue.take()), ["ff-0", "ff-1", "ff-2"]);
        assert!(queue.is_empty());
    }
}
