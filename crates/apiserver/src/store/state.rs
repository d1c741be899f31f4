//! What the writer lock guards: objects, version counter, ring.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::event::at_version;
use super::ring::{Expired, Ring, RingLimits};
use super::{Error, Event, EventType, Key, namespace_key};
use crate::object;
use crate::resource::Resource;

/// A decided write.
pub(super) enum Change {
    /// The object is from now on this.
    Put(Value),
    /// The object is gone; this is its last state.
    Remove(Value),
}

impl Change {
    pub(super) fn into_object(self) -> Value {
        match self {
            Self::Put(object) | Self::Remove(object) => object,
        }
    }
}

/// Objects of one resource by namespace and name (cluster-scoped ones under the empty namespace).
type Collection = BTreeMap<String, BTreeMap<String, Arc<Value>>>;

pub(super) struct State {
    objects: HashMap<&'static Resource, Collection>,
    ring: Ring,
}

impl State {
    pub(super) fn new(start: u64, limits: RingLimits) -> Self {
        Self {
            objects: HashMap::new(),
            ring: Ring::new(start, limits),
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.ring.latest()
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects
            .get(key.resource)?
            .get(&key.namespace)?
            .get(&key.name)
            .cloned()
    }

    pub(super) fn list(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
    ) -> Vec<Arc<Value>> {
        let Some(collection) = self.objects.get(resource) else {
            return Vec::new();
        };
        match namespace {
            Some(name) => collection
                .get(name)
                .into_iter()
                .flat_map(BTreeMap::values)
                .cloned()
                .collect(),
            None => collection
                .values()
                .flat_map(BTreeMap::values)
                .cloned()
                .collect(),
        }
    }

    /// The list as it was, by undoing what happened since, the last event first.
    pub(super) fn list_at(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Vec<Arc<Value>>, Expired> {
        let mut since = self.ring.after(resource, namespace, version)?.peekable();
        let now = self.list(resource, namespace);
        if since.peek().is_none() {
            return Ok(now);
        }
        let place = |object: &Value| {
            (
                object::namespace(object).to_owned(),
                object::name(object).to_owned(),
            )
        };
        let mut then: BTreeMap<_, _> = now
            .into_iter()
            .map(|object| (place(&object), object))
            .collect();
        for event in since.rev() {
            match &event.previous {
                Some(previous) => then.insert(place(previous), Arc::clone(previous)),
                None => then.remove(&place(&event.object)),
            };
        }
        Ok(then.into_values().collect())
    }

    pub(super) fn check_namespace(&self, key: &Key) -> Result<(), Error> {
        if !key.resource.namespaced {
            return Ok(());
        }
        match self.get(&namespace_key(&key.namespace)) {
            None => Err(Error::NamespaceNotFound(key.namespace.clone())),
            Some(namespace) if object::is_terminating(&namespace) => {
                Err(Error::NamespaceTerminating(key.clone()))
            }
            Some(_) => Ok(()),
        }
    }

    /// Gives the change the next version and records it.
    pub(super) fn apply(&mut self, key: &Key, change: Change) -> Arc<Value> {
        let version = self.version() + 1;
        let (object, previous, kind) = match change {
            Change::Put(object) => {
                let object = Arc::new(at_version(object, version));
                let previous = self.insert(key, Arc::clone(&object));
                let kind = if previous.is_some() {
                    EventType::Modified
                } else {
                    EventType::Added
                };
                (object, previous, kind)
            }
            Change::Remove(object) => {
                let previous = self.remove(key);
                (
                    Arc::new(at_version(object, version)),
                    previous,
                    EventType::Deleted,
                )
            }
        };
        let event = Event::new(kind, key.resource, Arc::clone(&object), previous, version);
        self.ring.push(Arc::new(event));
        object
    }

    fn insert(&mut self, key: &Key, object: Arc<Value>) -> Option<Arc<Value>> {
        let collection = self.objects.entry(key.resource).or_default();
        match collection
            .get_mut(&key.namespace)
            .and_then(|names| names.get_mut(&key.name))
        {
            Some(place) => Some(std::mem::replace(place, object)),
            None => {
                let names = collection.entry(key.namespace.clone()).or_default();
                names.insert(key.name.clone(), object)
            }
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let collection = self.objects.get_mut(key.resource)?;
        let names = collection.get_mut(&key.namespace)?;
        let removed = names.remove(&key.name);
        if names.is_empty() {
            collection.remove(&key.namespace);
        }
        removed
    }
}
