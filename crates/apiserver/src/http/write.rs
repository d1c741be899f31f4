//! POST, PUT and PATCH.

use std::sync::Arc;

use apimachinery::schema;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::draft::Draft;
use super::options::{dry_run, strictness};
use super::patch::Patch;
use super::target::Place;
use super::{Call, admit, draft, reply};
use crate::object;
use crate::status::{Cause, Status};
use crate::store::{Error, Key, Part, Store, preserve};

pub(super) fn create(call: &Call<'_>, place: &Place) -> Result<Response, Status> {
    let store = store_for(call, "CreateOptions")?;
    let resource = place.resource;
    let Draft {
        mut object,
        mut warnings,
    } = draft::object(call, place, None)?;
    if !object::text(&object, &["metadata", "resourceVersion"]).is_empty() {
        let message = "resourceVersion should not be set on objects to be created";
        return Err(Status::internal(message));
    }
    if resource.status {
        object::map_mut(&mut object).remove("status");
    }
    let key = Key::of(resource, &object);
    store.check_namespace(&key)?;
    warnings.extend(admit::creation(call, place, &mut object)?);
    let stored = store.create(resource, &key.namespace, object)?;
    Ok(reply::with_warnings(
        reply::object(StatusCode::CREATED, place, &stored),
        &warnings,
    ))
}

pub(super) fn replace(
    call: &Call<'_>,
    place: &Place,
    name: &str,
    part: Part,
) -> Result<Response, Status> {
    let store = store_for(call, "UpdateOptions")?;
    let draft = draft::object(call, place, Some(name))?;
    let expected = draft::expected_version(&draft.object)?;
    if place.resource.custom && expected.is_none() {
        store.get(&place.key(name))?;
        return Err(version_required(place, name));
    }
    let written = update(call, &store, place, name, part, |old| {
        check_uid(place, old, &draft.object)?;
        check_version(place, old, expected)?;
        Ok(draft.clone())
    })?;
    Ok(written.reply(place))
}

pub(super) fn patch(
    call: &Call<'_>,
    place: &Place,
    name: &str,
    part: Part,
) -> Result<Response, Status> {
    let of = schema::kubernetes::of(place.resource, place.version);
    let patch = Patch::parse(call, place.resource, of.map(|of| &**of))?;
    let store = store_for(call, "PatchOptions")?;
    let strictness = strictness(&call.query);
    let written = update(call, &store, place, name, part, |old| {
        let object = patch.apply(object::in_version(place.resource, old, place.version))?;
        let draft = draft::patched(place, old, object, strictness)?;
        check_version(place, old, draft::expected_version(&draft.object)?)?;
        Ok(draft)
    })?;
    Ok(written.reply(place))
}

/// An object after a write, and what to tell about it.
pub(super) struct Written {
    pub(super) object: Arc<Value>,
    pub(super) warnings: Vec<String>,
}

impl Written {
    fn reply(&self, place: &Place) -> Response {
        reply::with_warnings(
            reply::object(StatusCode::OK, place, &self.object),
            &self.warnings,
        )
    }
}

/// The store for this request: the real one, or one that only tries.
pub(super) fn store_for(call: &Call<'_>, options: &str) -> Result<Store, Status> {
    let store = &call.cluster.store;
    Ok(if dry_run(&call.query, options)? {
        store.dry_run()
    } else {
        store.clone()
    })
}

/// Changes one part of an object, with defaults and review for the main part.
pub(super) fn update(
    call: &Call<'_>,
    store: &Store,
    place: &Place,
    name: &str,
    part: Part,
    mut change: impl FnMut(&Value) -> Result<Draft, Status>,
) -> Result<Written, Status> {
    let mut warnings = Vec::new();
    let object = store.modify(&place.key(name), part, |old| {
        let draft = change(old)?;
        let mut new = preserve(place.resource, old, draft.object, part);
        // Anew at each try.
        warnings = draft.warnings;
        if part == Part::Main {
            warnings.extend(admit::change(call, place, old, &mut new)?);
        }
        Ok::<_, Status>(new)
    })?;
    Ok(Written { object, warnings })
}

pub(super) fn check_version(
    place: &Place,
    old: &Value,
    expected: Option<u64>,
) -> Result<(), Status> {
    match expected {
        Some(version) if version != object::resource_version(old) => {
            Err(Error::Conflict(place.key(object::name(old))).into())
        }
        _ => Ok(()),
    }
}

fn check_uid(place: &Place, old: &Value, new: &Value) -> Result<(), Status> {
    let (given, stored) = (object::uid(new), object::uid(old));
    if given.is_empty() || given == stored {
        return Ok(());
    }
    let (resource, name) = (place.resource, object::name(old));
    let group = if resource.custom {
        format!("{}/", resource.group)
    } else {
        String::new()
    };
    let namespace = place
        .namespace
        .as_ref()
        .map(|name| format!("{name}/"))
        .unwrap_or_default();
    let storage_key = format!("/registry/{group}{}/{namespace}{name}", resource.plural);
    Err(Status::conflict(
        resource,
        name,
        format!(
            "StorageError: invalid object, Code: 4, Key: {storage_key}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {given}, \
             UID in object meta: {stored}"
        ),
    ))
}

/// Kubernetes: custom resources are only replaced by who read them; the message names the plural.
fn version_required(place: &Place, name: &str) -> Status {
    let cause = Cause::invalid(
        "metadata.resourceVersion",
        0,
        "must be specified for an update",
    );
    Status::invalid_kind(
        place.resource.group,
        place.resource.plural,
        name,
        vec![cause],
    )
}
