use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;

use super::{Now, Value};

/// Bits of a key's hash, so of a `SCAN` cursor: every client language can hold 52 exactly.
const HASH_BITS: u32 = 52;

/// Among how many keys behind a random place one is drawn.
const RANDOM_CHOICE: usize = 16;

/// A key under its hash. This order is the order of `SCAN`: a cursor is a place in it, not a
/// count, so a scan returns every key that exists throughout, whatever comes and goes meanwhile.
/// The hash is the same in every process, so a scan also survives a restart of the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    hash: u64,
    key: Bytes,
}

impl Slot {
    fn of(key: &Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(key);
        Self {
            hash: hasher.finish() >> (u64::BITS - HASH_BITS),
            key: key.clone(),
        }
    }

    fn first_at(hash: u64) -> Self {
        Self {
            hash,
            key: Bytes::new(),
        }
    }
}

/// A value and when it ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    /// Milliseconds since 1970; `None` lives for ever.
    pub(crate) expires_at: Option<u64>,
}

impl Entry {
    pub(crate) fn is_expired(&self, now: Now) -> bool {
        self.expires_at
            .is_some_and(|deadline| deadline <= now.millis())
    }
}

/// All keys and their deadlines.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Db {
    entries: BTreeMap<Slot, Entry>,
    deadlines: BTreeSet<(u64, Slot)>,
}

/// The keyspace as it was at one moment; values are shared with the live one until they change.
pub(crate) struct Snapshot(BTreeMap<Slot, Entry>);

impl Snapshot {
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Bytes, &Entry)> {
        self.0.iter().map(|(slot, entry)| (&slot.key, entry))
    }
}

impl Db {
    /// Keys, including those past their deadline that nobody has removed yet (as in Redis).
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys with a deadline.
    pub(crate) fn volatile_len(&self) -> usize {
        self.deadlines.len()
    }

    pub(crate) fn get(&self, key: &Bytes) -> Option<&Entry> {
        self.entries.get(&Slot::of(key))
    }

    pub(crate) fn contains(&self, key: &Bytes) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn value_mut(&mut self, key: &Bytes) -> Option<&mut Value> {
        self.entries
            .get_mut(&Slot::of(key))
            .map(|entry| &mut entry.value)
    }

    /// Puts a value without a deadline; an older one goes with what it was.
    pub(crate) fn put(&mut self, key: &Bytes, value: Value) {
        self.put_entry(
            key,
            Entry {
                value,
                expires_at: None,
            },
        );
    }

    /// Puts a value and leaves an existing deadline as it is.
    pub(crate) fn replace(&mut self, key: &Bytes, value: Value) {
        match self.value_mut(key) {
            Some(old) => *old = value,
            None => self.put(key, value),
        }
    }

    pub(crate) fn put_entry(&mut self, key: &Bytes, entry: Entry) {
        let slot = Slot::of(key);
        if let Some(deadline) = entry.expires_at {
            self.deadlines.insert((deadline, slot.clone()));
        }
        let new_deadline = entry.expires_at;
        let old = self.entries.insert(slot.clone(), entry);
        if let Some(deadline) = old.and_then(|old| old.expires_at)
            && new_deadline != Some(deadline)
        {
            self.deadlines.remove(&(deadline, slot));
        }
    }

    pub(crate) fn remove(&mut self, key: &Bytes) -> Option<Entry> {
        let slot = Slot::of(key);
        let entry = self.entries.remove(&slot)?;
        if let Some(deadline) = entry.expires_at {
            self.deadlines.remove(&(deadline, slot));
        }
        Some(entry)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Sets or removes the deadline of a key; nothing happens without the key.
    pub(crate) fn set_deadline(&mut self, key: &Bytes, deadline: Option<u64>) {
        let slot = Slot::of(key);
        let Some(entry) = self.entries.get_mut(&slot) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut entry.expires_at, deadline) {
            self.deadlines.remove(&(old, slot.clone()));
        }
        if let Some(new) = deadline {
            self.deadlines.insert((new, slot));
        }
    }

    /// Removes the key if it is past its deadline, and says whether it was.
    pub(crate) fn expire(&mut self, key: &Bytes, now: Now) -> bool {
        let expired = self.get(key).is_some_and(|entry| entry.is_expired(now));
        if expired {
            self.remove(key);
        }
        expired
    }

    /// At most `limit` keys past their deadline, the longest overdue first.
    pub(crate) fn overdue(&self, now: Now, limit: usize) -> Vec<Bytes> {
        let overdue = self
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now.millis());
        overdue
            .take(limit)
            .map(|(_, slot)| slot.key.clone())
            .collect()
    }

    /// About `count` entries from `cursor` on, and the cursor of the next page (0 after the last).
    /// Keys of one hash stay together, because a cursor cannot point between them.
    pub(crate) fn scan(&self, cursor: u64, count: usize) -> (u64, Vec<(&Bytes, &Entry)>) {
        let mut page = Vec::new();
        let mut last = None;
        for (slot, entry) in self.entries.range(Slot::first_at(cursor)..) {
            if let Some(last) = last.filter(|&last| last != slot.hash && page.len() >= count) {
                return (last + 1, page);
            }
            last = Some(slot.hash);
            page.push((&slot.key, entry));
        }
        (0, page)
    }

    /// A key for a random number: one of the few behind a random place, because their distances
    /// differ and the first alone would favour keys behind wide gaps.
    pub(crate) fn key_at(&self, random: u64, now: Now) -> Option<&Bytes> {
        let start = Slot::first_at(random >> (u64::BITS - HASH_BITS));
        let (after, before) = (
            self.entries.range(start.clone()..),
            self.entries.range(..start),
        );
        let live = after
            .chain(before)
            .filter(|(_, entry)| !entry.is_expired(now));
        let few: Vec<&Bytes> = live
            .take(RANDOM_CHOICE)
            .map(|(slot, _)| &slot.key)
            .collect();
        few.get(random as usize % few.len().max(1)).copied()
    }

    /// Every key, in the order of `SCAN`.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Entry)> {
        self.entries.iter().map(|(slot, entry)| (&slot.key, entry))
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.entries.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Bytes {
        Bytes::copy_from_slice(name.as_bytes())
    }

    fn filled(names: impl Iterator<Item = String>) -> Db {
        let mut db = Db::default();
        for name in names {
            db.put(&key(&name), Value::String(key("v")));
        }
        db
    }

    #[test]
    fn a_scan_returns_what_exists_throughout_while_other_keys_come_and_go() {
        let mut db = filled((0..500).map(|n| format!("stay{n}")));
        let (mut cursor, mut seen, mut round) = (0, BTreeSet::new(), 0);
        loop {
            let (next, page) = db.scan(cursor, 7);
            assert!(page.len() <= 7, "no collisions among these keys");
            seen.extend(page.into_iter().map(|(key, _)| key.clone()));
            for n in 0..10 {
                db.put(&key(&format!("new{round}-{n}")), Value::String(key("v")));
                db.remove(&key(&format!("new{}-{n}", round / 2)));
            }
            round += 1;
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        assert!((0..500).all(|n| seen.contains(&key(&format!("stay{n}")))));
    }

    #[test]
    fn a_page_never_cuts_keys_of_one_hash_apart() {
        let mut db = Db::default();
        let entry = Entry {
            value: Value::String(key("v")),
            expires_at: None,
        };
        for name in ["a", "b", "c"] {
            db.entries.insert(
                Slot {
                    hash: 5,
                    key: key(name),
                },
                entry.clone(),
            );
        }
        db.entries.insert(
            Slot {
                hash: 6,
                key: key("d"),
            },
            entry,
        );
        let (cursor, page) = db.scan(0, 1);
        assert_eq!((cursor, page.len()), (6, 3));
        assert_eq!(db.scan(cursor, 1).0, 0);
    }

    #[test]
    fn deadlines_follow_their_keys() {
        let mut db = filled(["a", "b", "c"].into_iter().map(String::from));
        db.set_deadline(&key("a"), Some(10));
        db.set_deadline(&key("b"), Some(20));
        db.set_deadline(&key("c"), Some(5));
        db.set_deadline(&key("c"), None);
        assert_eq!(db.overdue(Now(9_999), 9), Vec::<Bytes>::new());
        assert_eq!(db.overdue(Now(20_000), 9), [key("a"), key("b")]);
        db.put(&key("a"), Value::String(key("again")));
        assert_eq!(db.overdue(Now(20_000), 9), [key("b")]);
        assert!(db.expire(&key("b"), Now(20_000)));
        assert!(!db.expire(&key("a"), Now(u64::MAX)));
        assert_eq!(db.volatile_len(), 0);
    }
}
