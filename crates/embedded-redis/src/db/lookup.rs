//! Typed access: a key holds the expected type, nothing, or the command is refused.

use bytes::Bytes;
use thiserror::Error;

use super::{Db, Kind};

/// The key holds another type than the command works on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
pub(crate) struct WrongType;

impl Db {
    pub(crate) fn view<K: Kind>(&self, key: &Bytes) -> Result<Option<&K>, WrongType> {
        match self.get(key) {
            Some(entry) => K::of(&entry.value).map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }

    pub(crate) fn edit<K: Kind>(&mut self, key: &Bytes) -> Result<Option<&mut K>, WrongType> {
        match self.value_mut(key) {
            Some(value) => K::of_mut(value).map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }

    pub(crate) fn edit_or_create<K: Kind>(&mut self, key: &Bytes) -> Result<&mut K, WrongType> {
        if !self.contains(key) {
            self.put(key, K::default().into_value());
        }
        Ok(self
            .edit(key)?
            .expect("the key was there or has just been put"))
    }

    /// Removes a collection that the last command emptied.
    pub(crate) fn remove_if_vacant(&mut self, key: &Bytes) {
        if self.get(key).is_some_and(|entry| entry.value.is_vacant()) {
            self.remove(key);
        }
    }
}
