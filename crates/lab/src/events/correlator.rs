//! Which occurrences become an event of their own, decided purely.
//!
//! Kubernetes, client-go's event correlator: what says the same is counted; what differs only in
//! its message is told as one event from the tenth message in ten minutes on; and who tells more
//! than 25 events of one object is held to one in five minutes.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use jiff::Timestamp;
use lru::LruCache;

use super::{Component, Form, Reference};

/// Entries remembered of each sort; the least recently used ones go.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4_096).expect("it is not zero");
/// Different messages of one reason that are told one by one.
const MESSAGES: usize = 10;
/// How long a message counts among those.
const MESSAGES_WITHIN: i64 = 600;
/// Events of one object that a component may tell at once.
const BURST: f64 = 25.0;
/// Seconds until it may tell another.
const REFILL: f64 = 300.0;
/// How long the scheduler's form counts a repeated event as the same.
const SERIES_WITHIN: i64 = 360;

/// Something that happened to an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Occurrence {
    pub(super) component: Component,
    pub(super) object: Reference,
    /// Normal or Warning.
    pub(super) kind: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// Whether it stands for several that differ in their messages.
    pub(super) combined: bool,
}

/// What becomes of an occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A new event of this name.
    New {
        occurrence: Occurrence,
        name: String,
    },
    /// The event of this name, once more.
    Again {
        occurrence: Occurrence,
        name: String,
        count: u32,
    },
    /// Nothing: too much was told of the object.
    Spam,
}

/// What was told lately.
pub(super) struct Correlator {
    allowances: LruCache<(Component, Reference), Allowance>,
    messages: LruCache<Occurrence, Messages>,
    told: LruCache<Occurrence, Told>,
}

struct Allowance {
    left: f64,
    at: Timestamp,
}

struct Messages {
    different: BTreeSet<String>,
    last: Timestamp,
}

struct Told {
    name: String,
    count: u32,
    last: Timestamp,
}

impl Default for Correlator {
    fn default() -> Self {
        Self {
            allowances: LruCache::new(REMEMBERED),
            messages: LruCache::new(REMEMBERED),
            told: LruCache::new(REMEMBERED),
        }
    }
}

impl Correlator {
    /// Decides what becomes of an occurrence at the moment `now`.
    pub(super) fn correlate(&mut self, occurrence: Occurrence, now: Timestamp) -> Verdict {
        match occurrence.component.form {
            Form::Core => self.correlate_core(occurrence, now),
            Form::Events => self.correlate_series(occurrence, now),
        }
    }

    fn correlate_core(&mut self, occurrence: Occurrence, now: Timestamp) -> Verdict {
        let (occurrence, key) = self.combine(occurrence, now);
        let verdict = self.count(occurrence, key, i64::MAX, now);
        let (Verdict::New { occurrence, .. } | Verdict::Again { occurrence, .. }) = &verdict else {
            return verdict;
        };
        match self.allows(&occurrence.component, &occurrence.object, now) {
            true => verdict,
            false => Verdict::Spam,
        }
    }

    /// Kubernetes: the message plays no part in whether the scheduler's event is the same.
    fn correlate_series(&mut self, occurrence: Occurrence, now: Timestamp) -> Verdict {
        let key = kindred(&occurrence);
        self.count(occurrence, key, SERIES_WITHIN, now)
    }

    /// The occurrence to tell, and what tells it from others.
    fn combine(&mut self, mut occurrence: Occurrence, now: Timestamp) -> (Occurrence, Occurrence) {
        let kindred = kindred(&occurrence);
        let messages = self
            .messages
            .get_or_insert_mut(kindred.clone(), || Messages {
                different: BTreeSet::new(),
                last: now,
            });
        if seconds_between(messages.last, now) > MESSAGES_WITHIN {
            messages.different.clear();
        }
        messages.last = now;
        messages.different.insert(occurrence.message.clone());
        if messages.different.len() < MESSAGES {
            let object = occurrence.object.timeless();
            let key = Occurrence {
                object,
                ..occurrence.clone()
            };
            return (occurrence, key);
        }
        // One place stays free, so that the next other message is combined again.
        messages.different.pop_first();
        occurrence.combined = true;
        occurrence.message = format!("(combined from similar events): {}", occurrence.message);
        (occurrence, kindred)
    }

    fn count(
        &mut self,
        occurrence: Occurrence,
        key: Occurrence,
        within: i64,
        now: Timestamp,
    ) -> Verdict {
        if let Some(told) = self.told.get_mut(&key)
            && seconds_between(told.last, now) <= within
        {
            told.count = told.count.saturating_add(1);
            told.last = now;
            return Verdict::Again {
                name: told.name.clone(),
                count: told.count,
                occurrence,
            };
        }
        // Kubernetes: the moment in nanoseconds makes the name unique.
        let name = format!("{}.{:x}", occurrence.object.name(), now.as_nanosecond());
        let told = Told {
            name: name.clone(),
            count: 1,
            last: now,
        };
        self.told.put(key, told);
        Verdict::New { occurrence, name }
    }

    fn allows(&mut self, component: &Component, object: &Reference, now: Timestamp) -> bool {
        let key = (component.clone(), object.whole());
        let allowance = self.allowances.get_or_insert_mut(key, || Allowance {
            left: BURST,
            at: now,
        });
        let waited = now.duration_since(allowance.at).as_secs_f64().max(0.0);
        allowance.left = (allowance.left + waited / REFILL).min(BURST);
        allowance.at = now;
        let allowed = allowance.left >= 1.0;
        if allowed {
            allowance.left -= 1.0;
        }
        allowed
    }
}

/// What all occurrences of one reason on one object share.
fn kindred(occurrence: &Occurrence) -> Occurrence {
    Occurrence {
        object: occurrence.object.timeless(),
        message: String::new(),
        ..occurrence.clone()
    }
}

fn seconds_between(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}
