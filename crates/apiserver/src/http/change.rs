//! One write from an object that is decided upon to the store: review, owners, storage.

use std::sync::Arc;

use apimachinery::ownership::{self, Author};
use axum::response::Response;
use http::StatusCode;
use http::header::USER_AGENT;
use serde_json::Value;

use super::draft::Draft;
use super::target::Place;
use super::{Call, admit, options, reply};
use crate::object;
use crate::status::Status;
use crate::store::{Key, Part, Store, preserve};

/// An object after a write, and what to tell about it.
pub(super) struct Written {
    pub(super) object: Arc<Value>,
    pub(super) warnings: Vec<String>,
}

impl Written {
    pub(super) fn reply(&self, place: &Place, code: StatusCode) -> Response {
        reply::with_warnings(reply::object(code, place, &self.object), &self.warnings)
    }
}

/// The store for this request: the real one, or one that only tries.
pub(super) fn store_for(call: &Call<'_>, dry_run: bool) -> Store {
    let store = &call.cluster.store;
    if dry_run {
        store.dry_run()
    } else {
        store.clone()
    }
}

/// Where a write goes, and how its fields find their owners.
pub(super) struct Change<'a> {
    store: &'a Store,
    place: &'a Place,
    part: Part,
    /// The part's name for owners; empty for the object itself.
    subresource: &'static str,
    /// The object brings its owners along.
    owned: bool,
}

impl<'a> Change<'a> {
    pub(super) fn new(store: &'a Store, place: &'a Place, part: Part) -> Self {
        let subresource = match part {
            Part::Main => "",
            Part::Status => "status",
            Part::Finalizers => "finalize",
            Part::Binding => "binding",
        };
        Self {
            store,
            place,
            part,
            subresource,
            owned: false,
        }
    }

    /// A change of an object's replicas, seen as its scale.
    pub(super) fn of_scale(store: &'a Store, place: &'a Place) -> Self {
        let change = Self::new(store, place, Part::Main);
        Self {
            subresource: "scale",
            ..change
        }
    }

    /// A change to an object that already has the owners this gives it.
    pub(super) fn owned(self) -> Self {
        Self {
            owned: true,
            ..self
        }
    }

    /// Calls `with` with who writes.
    pub(super) fn author<T>(&self, call: &Call<'_>, with: impl FnOnce(Author<'_>) -> T) -> T {
        with(Author {
            manager: &options::manager(&call.query, call.header(USER_AGENT)),
            api_version: &self.place.api_version(),
            subresource: self.subresource,
            time: &self.store.timestamp(),
        })
    }

    /// Stores a new object.
    pub(super) fn create(&self, call: &Call<'_>, draft: Draft) -> Result<Written, Status> {
        let resource = self.place.resource;
        let Draft {
            mut object,
            mut warnings,
        } = draft;
        if resource.status {
            object::map_mut(&mut object).remove("status");
        }
        let key = Key::of(resource, &object);
        self.store.check_namespace(&key)?;
        warnings.extend(admit::creation(call, self.place, &mut object)?);
        self.settle_owners(call, None, &mut object);
        let object = self.store.create(resource, &key.namespace, object)?;
        Ok(Written { object, warnings })
    }

    /// Changes one part of an object; only the main part is reviewed.
    pub(super) fn update(
        &self,
        call: &Call<'_>,
        name: &str,
        mut change: impl FnMut(&Value) -> Result<Draft, Status>,
    ) -> Result<Written, Status> {
        let mut warnings = Vec::new();
        let object = self.store.modify(&self.place.key(name), self.part, |old| {
            let draft = change(old)?;
            let mut new = preserve(self.place.resource, old, draft.object, self.part);
            // Anew at each try.
            warnings = draft.warnings;
            if self.part == Part::Main {
                warnings.extend(admit::change(call, self.place, old, &mut new)?);
            }
            self.settle_owners(call, Some(old), &mut new);
            Ok::<_, Status>(new)
        })?;
        Ok(Written { object, warnings })
    }

    fn settle_owners(&self, call: &Call<'_>, old: Option<&Value>, new: &mut Value) {
        let resource = self.place.resource;
        match old {
            Some(old) if self.owned => ownership::keep_times(resource, old, new),
            None if self.owned => {}
            old => self.author(call, |author| {
                ownership::update(resource, old, new, &author)
            }),
        }
    }
}
