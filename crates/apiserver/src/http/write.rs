//! POST, PUT and PATCH.

use apimachinery::schema;
use apimachinery::versioned::in_version;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::Call;
use super::change::{Change, store_for};
use super::draft::{self, Draft};
use super::options::{dry_run, strictness};
use super::patch::Patch;
use super::target::Place;
use crate::object;
use crate::status::{Cause, Status};
use crate::store::{Error, Part};

pub(super) fn create(call: &Call<'_>, place: &Place) -> Result<Response, Status> {
    let store = store_for(call, dry_run(&call.query, "CreateOptions")?);
    let draft = draft::object(call, place, None)?;
    if !object::text(&draft.object, &["metadata", "resourceVersion"]).is_empty() {
        let message = "resourceVersion should not be set on objects to be created";
        return Err(Status::internal(message));
    }
    let written = Change::new(&store, place, Part::Main).create(call, draft)?;
    Ok(written.reply(place, StatusCode::CREATED))
}

pub(super) fn replace(
    call: &Call<'_>,
    place: &Place,
    name: &str,
    part: Part,
) -> Result<Response, Status> {
    let store = store_for(call, dry_run(&call.query, "UpdateOptions")?);
    let draft = draft::object(call, place, Some(name))?;
    let expected = draft::expected_version(&draft.object)?;
    if place.resource.custom && expected.is_none() {
        store.get(&place.key(name))?;
        return Err(version_required(place, name));
    }
    let written = Change::new(&store, place, part).update(call, name, |old| {
        check_uid(place, old, &draft.object)?;
        check_version(place, old, expected)?;
        Ok(draft.clone())
    })?;
    Ok(written.reply(place, StatusCode::OK))
}

pub(super) fn patch(
    call: &Call<'_>,
    place: &Place,
    name: &str,
    part: Part,
) -> Result<Response, Status> {
    let of = schema::kubernetes::of(place.resource, place.version);
    let patch = Patch::parse(call, place.resource, of.map(|of| &**of))?;
    let store = store_for(call, dry_run(&call.query, "PatchOptions")?);
    let written = Change::new(&store, place, part).update(call, name, |old| {
        let object = patch.apply(in_version(place.resource, old, place.version))?;
        settled(call, place, old, object)
    })?;
    Ok(written.reply(place, StatusCode::OK))
}

/// Decodes what was made of `old`, if it was made of this very state.
pub(super) fn settled(
    call: &Call<'_>,
    place: &Place,
    old: &Value,
    object: Value,
) -> Result<Draft, Status> {
    let draft = draft::patched(place, old, object, strictness(&call.query))?;
    check_version(place, old, draft::expected_version(&draft.object)?)?;
    Ok(draft)
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

pub(super) fn check_uid(place: &Place, old: &Value, new: &Value) -> Result<(), Status> {
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
