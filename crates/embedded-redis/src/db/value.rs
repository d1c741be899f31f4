use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::{SortedSet, Stream};

pub(crate) type List = VecDeque<Bytes>;
pub(crate) type Hash = BTreeMap<Bytes, Bytes>;
pub(crate) type Set = BTreeSet<Bytes>;

/// What a key holds. A clone is cheap: a snapshot for the rewrite of the append file shares every
/// value, and the first change after it copies the one value it touches.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    String(Bytes),
    List(Arc<List>),
    Hash(Arc<Hash>),
    Set(Arc<Set>),
    SortedSet(Arc<SortedSet>),
    Stream(Arc<Stream>),
}

impl Value {
    /// The name that `TYPE` shows.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
            Self::Stream(_) => "stream",
        }
    }

    /// A collection with nothing in it is no key; an empty stream is, because it remembers its
    /// last id (Redis).
    pub(crate) fn is_vacant(&self) -> bool {
        match self {
            Self::String(_) | Self::Stream(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::SortedSet(set) => set.is_empty(),
        }
    }
}

/// A type that a key can hold, and its way in and out of [`Value`].
pub(crate) trait Kind: Default {
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
}

impl Kind for Bytes {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::String(text) = value {
            Some(text)
        } else {
            None
        }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::String(text) = value {
            Some(text)
        } else {
            None
        }
    }

    fn into_value(self) -> Value {
        Value::String(self)
    }
}

macro_rules! shared_kind {
    ($($kind:ident),*) => {$(
        impl Kind for $kind {
            fn of(value: &Value) -> Option<&Self> {
                if let Value::$kind(shared) = value { Some(shared) } else { None }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$kind(shared) = value { Some(Arc::make_mut(shared)) } else { None }
            }

            fn into_value(self) -> Value {
                Value::$kind(Arc::new(self))
            }
        }
    )*};
}

shared_kind!(List, Hash, Set, SortedSet, Stream);
