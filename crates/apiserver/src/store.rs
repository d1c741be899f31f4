//! The object store of one cluster: JSON values under (resource, namespace, name).
//!
//! ```text
//!  HTTP, controllers ── create / modify / delete ──► one writer lock ──► event ring
//!                                                     │                    │
//!  HTTP, controllers ◄── get / list ──────────────────┘                    │
//!  watchers ◄── pages of events, each at its own pace ─────────────────────┤
//!  level-triggered controllers ◄── "something changed", coalesced ─────────┘
//! ```
//!
//! Every write that changes something takes the next resourceVersion and leaves exactly one event;
//! a write that changes nothing does neither. The lock is held for the change itself, never for
//! deciding it and never over an await. What a write may change is decided by pure functions of the
//! objects before and after.

mod deletion;
mod error;
mod event;
mod ring;
mod rules;
mod source;
mod state;
mod subscribe;
mod watch;

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;
use serde_json::Value;

use crate::names;
use crate::object;
use crate::resource::{Resource, rows};

pub use deletion::{DeleteOptions, Propagation};
pub use error::Error;
pub(crate) use event::watch_line;
pub use event::{Event, EventType};
pub use ring::{Expired, RingLimits};
pub use rules::Part;
pub(crate) use rules::preserve;
pub use source::{Source, SystemSource};
use state::{Change, State};
pub use subscribe::Subscription;
use subscribe::Topics;
pub use watch::Watch;

/// How often `modify` starts again because another writer was faster.
const ATTEMPTS: usize = 1_000;
/// How often a generated name is drawn again because it is taken, as in Kubernetes.
const NAME_ATTEMPTS: usize = 8;

/// The address of one object.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Key {
    /// Kind of object, as it is stored.
    pub resource: &'static Resource,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// The key of an object in a namespace (empty for cluster-scoped kinds).
    pub fn new(
        resource: &'static Resource,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self {
            resource: resource.storage(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key an object carries in its metadata.
    pub fn of(resource: &'static Resource, object: &Value) -> Self {
        Self::new(resource, object::namespace(object), object::name(object))
    }
}

/// Objects of one resource at one moment.
#[derive(Clone, Debug)]
pub struct List {
    /// Ordered by namespace and name.
    pub items: Vec<Arc<Value>>,
    /// The cluster's resourceVersion at that moment; a watch from here misses nothing.
    pub resource_version: u64,
}

/// What a delete did.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// The object's last state.
    pub object: Arc<Value>,
    /// Whether it is gone; else it waits for its grace period or its finalizers.
    pub gone: bool,
}

/// A cheap handle to the objects of one cluster.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    dry_run: bool,
}

struct Shared {
    state: RwLock<State>,
    topics: Topics,
    source: Arc<dyn Source>,
}

impl Store {
    /// An empty store. resourceVersions start from the source's clock in Unix milliseconds, so
    /// that whoever remembers one of an earlier run is told to list again.
    pub fn new(source: Arc<dyn Source>, limits: RingLimits) -> Self {
        let start = u64::try_from(source.now().as_millisecond()).unwrap_or(0);
        let shared = Shared {
            state: RwLock::new(State::new(start, limits)),
            topics: Topics::default(),
            source,
        };
        Self {
            shared: Arc::new(shared),
            dry_run: false,
        }
    }

    /// The same objects through a handle whose writes are computed and checked, but not kept.
    pub fn dry_run(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            dry_run: true,
        }
    }

    /// The time now, as stored objects carry it.
    pub fn timestamp(&self) -> String {
        source::seconds(self.shared.source.now())
    }

    /// The latest resourceVersion.
    pub fn resource_version(&self) -> u64 {
        self.read().version()
    }

    /// One object.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn get(&self, key: &Key) -> Result<Arc<Value>, Error> {
        self.read()
            .get(key)
            .ok_or_else(|| Error::NotFound(key.clone()))
    }

    /// All objects of a resource, or those of one namespace.
    pub fn list(&self, resource: &'static Resource, namespace: Option<&str>) -> List {
        let state = self.read();
        List {
            items: state.list(resource.storage(), namespace),
            resource_version: state.version(),
        }
    }

    /// All objects of a resource (in a namespace) as they were at an earlier version.
    ///
    /// # Errors
    /// What happened since is no longer known, or the version is yet to come.
    pub fn list_at(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<List, Expired> {
        Ok(List {
            items: self.read().list_at(resource, namespace, version)?,
            resource_version: version,
        })
    }

    /// The present moment, as the store's source has it.
    pub fn now(&self) -> Timestamp {
        self.shared.source.now()
    }

    /// Whether new objects may be put into a namespace.
    ///
    /// # Errors
    /// [`Error::NamespaceNotFound`]; [`Error::NamespaceTerminating`] with the name to be created.
    pub fn check_namespace(&self, key: &Key) -> Result<(), Error> {
        self.read().check_namespace(key)
    }

    /// Stores a new object, named after `metadata.name` or `metadata.generateName`, in `namespace`
    /// (ignored for cluster-scoped kinds). Status is kept as given: whoever serves clients drops
    /// theirs first.
    ///
    /// # Errors
    /// The name is taken, or the namespace takes no new objects.
    pub fn create(
        &self,
        resource: &'static Resource,
        namespace: &str,
        object: Value,
    ) -> Result<Arc<Value>, Error> {
        let resource = resource.storage();
        let namespace = if resource.namespaced { namespace } else { "" };
        let mut object = rules::create(resource, namespace, object, &*self.shared.source);
        let state = self.write();
        if object::name(&object).is_empty() {
            self.draw_name(&state, resource, &mut object);
        }
        let key = Key::of(resource, &object);
        state.check_namespace(&key)?;
        if state.get(&key).is_some() {
            return Err(Error::AlreadyExists(key));
        }
        Ok(self.commit(state, &key, Change::Put(object)))
    }

    /// Replaces an object, with `expected` only over that resourceVersion.
    ///
    /// # Errors
    /// The object is missing, or has another version than expected.
    pub fn update(
        &self,
        key: &Key,
        object: Value,
        expected: Option<u64>,
    ) -> Result<Arc<Value>, Error> {
        self.modify(key, Part::Main, |old| match expected {
            Some(version) if version != object::resource_version(old) => {
                Err(Error::Conflict(key.clone()))
            }
            _ => Ok(object.clone()),
        })
    }

    /// Reads, changes and writes one part of an object as one step: `change` is called again when
    /// another writer came between. What the part does not cover, and what only the server may
    /// set, stays as it was. Removes the object when this takes the last finalizer of a deleted one.
    ///
    /// # Errors
    /// What `change` returns, [`Error::NotFound`], or [`Error::Conflict`] under endless contention.
    pub fn modify<E: From<Error>>(
        &self,
        key: &Key,
        part: Part,
        mut change: impl FnMut(&Value) -> Result<Value, E>,
    ) -> Result<Arc<Value>, E> {
        for _ in 0..ATTEMPTS {
            let old = self.get(key)?;
            let new = rules::update(key.resource, &old, change(&old)?, part);
            if *old == new {
                return Ok(old);
            }
            if let Some(stored) = self.replace(key, &old, new)? {
                return Ok(stored);
            }
        }
        Err(Error::Conflict(key.clone()).into())
    }

    /// Deletes an object, or starts its deletion where it has a grace period or finalizers.
    ///
    /// # Errors
    /// The object is missing, or a precondition does not hold.
    pub fn delete(&self, key: &Key, options: &DeleteOptions) -> Result<Deleted, Error> {
        let now = self.shared.source.now();
        let state = self.write();
        let old = state.get(key).ok_or_else(|| Error::NotFound(key.clone()))?;
        deletion::check_preconditions(key, &old, options)?;
        let change = deletion::delete(key.resource, &old, options, now);
        let gone = matches!(change, Change::Remove(_));
        if matches!(&change, Change::Put(new) if *new == *old) {
            return Ok(Deleted { object: old, gone });
        }
        Ok(Deleted {
            object: self.commit(state, key, change),
            gone,
        })
    }

    /// A cursor over the events of a resource (in one namespace) after `from`.
    ///
    /// # Errors
    /// Events after `from` are no longer known, or `from` is of another run.
    pub fn watch(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        from: u64,
    ) -> Result<Watch, Expired> {
        let resource = resource.storage();
        let changes = self.subscribe(&[resource]);
        let watch = Watch::new(self.clone(), resource, namespace, from, changes);
        self.read().ring().check(resource, from)?;
        Ok(watch)
    }

    /// Tells, as often as needed and not more, that some object of these resources changed.
    pub fn subscribe(&self, resources: &[&'static Resource]) -> Subscription {
        self.shared.topics.subscribe(resources)
    }

    /// `None` when the object is no longer the one `new` was made from.
    fn replace(
        &self,
        key: &Key,
        old: &Arc<Value>,
        new: Value,
    ) -> Result<Option<Arc<Value>>, Error> {
        let state = self.write();
        let current = state.get(key).ok_or_else(|| Error::NotFound(key.clone()))?;
        if !Arc::ptr_eq(&current, old) {
            return Ok(None);
        }
        let change = if deletion::is_finished(key.resource, &new) {
            Change::Remove(new)
        } else {
            Change::Put(new)
        };
        Ok(Some(self.commit(state, key, change)))
    }

    /// Applies a change that was checked under this very lock, then wakes whom it concerns.
    fn commit(
        &self,
        mut state: RwLockWriteGuard<'_, State>,
        key: &Key,
        change: Change,
    ) -> Arc<Value> {
        if self.dry_run {
            return Arc::new(change.into_object());
        }
        let object = state.apply(key, change);
        drop(state);
        self.shared.topics.publish(key.resource);
        object
    }

    fn draw_name(&self, state: &State, resource: &'static Resource, object: &mut Value) {
        let prefix = object::text(object, &["metadata", "generateName"]).to_owned();
        for _ in 0..NAME_ATTEMPTS {
            let name = names::generated(&prefix, self.shared.source.uuid());
            object::metadata_mut(object).insert("name".into(), name.into());
            if state.get(&Key::of(resource, object)).is_none() {
                return;
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.shared
            .state
            .read()
            .expect("no writer panics while it holds the lock")
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.shared
            .state
            .write()
            .expect("no writer panics while it holds the lock")
    }
}

/// The key of a namespace.
pub(crate) fn namespace_key(name: &str) -> Key {
    Key::new(&rows::NAMESPACES, "", name)
}

#[cfg(test)]
mod tests;
