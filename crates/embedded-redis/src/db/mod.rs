//! The keyspace: pure, single-threaded, without clock or file.
//!
//! Time is an argument ([`Now`]). A key past its deadline stays until somebody removes it by name:
//! the dispatcher before a command touches it, or the sweep. Either writes a `DEL` to the append
//! file, so that a replay, in which no time passes, ends in the same keyspace.

mod dump;
mod keyspace;
mod lookup;
mod sorted_set;
mod stream;
mod value;

pub(crate) use dump::dump_entry;
pub(crate) use keyspace::{Db, Entry, Snapshot};
pub(crate) use lookup::WrongType;
pub(crate) use sorted_set::{LexBound, Score, ScoreBound, SortedSet};
pub(crate) use stream::{Stream, StreamId};
pub(crate) use value::{Hash, Kind, List, Set, Value};

/// The wall clock as the caller read it, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Now(pub(crate) u64);

impl Now {
    /// The time of a replay: before every deadline.
    pub(crate) const REPLAY: Self = Self(0);

    pub(crate) fn micros(self) -> u64 {
        self.0
    }

    pub(crate) fn millis(self) -> u64 {
        self.0 / 1000
    }
}
