//! The way of a write between decoding and the store: defaults, validation, the caller's say.
//!
//! In Kubernetes' order: defaults, then what the caller fills in, then validation, then the
//! caller's refusal. So nobody but the first two sees an object that is not complete.

use apimachinery::{defaults, validation};
use serde_json::Value;

use super::Call;
use super::target::Place;
use crate::admission::{Operation, Review};
use crate::object;
use crate::status::{Cause, Status};

/// Completes and judges a new object; the warnings to be shown with it.
pub(super) fn creation(
    call: &Call<'_>,
    place: &Place,
    object: &mut Value,
) -> Result<Vec<String>, Status> {
    let (admission, stored) = (&call.cluster.admission, place.resource.storage());
    defaults::fill(stored, stored.preferred_version(), object);
    admission.default_object(stored, object, None);
    refuse(
        place,
        object::name(object),
        validation::create(stored, object),
    )?;
    admission.admit(&Review {
        operation: Operation::Create,
        resource: stored,
        version: place.version,
        namespace: object::namespace(object),
        name: object::name(object),
        object: Some(object),
        old: None,
    })
}

/// Completes and judges the object that is to replace `old`.
pub(super) fn change(
    call: &Call<'_>,
    place: &Place,
    old: &Value,
    new: &mut Value,
) -> Result<Vec<String>, Status> {
    let (admission, stored) = (&call.cluster.admission, place.resource.storage());
    defaults::fill(stored, stored.preferred_version(), new);
    admission.default_object(stored, new, Some(old));
    let name = object::name(old);
    refuse(place, name, validation::update(stored, old, new))?;
    refuse(place, name, new_finalizers(old, new))?;
    admission.admit(&Review {
        operation: Operation::Update,
        resource: stored,
        version: place.version,
        namespace: object::namespace(old),
        name,
        object: Some(new),
        old: Some(old),
    })
}

/// 422 with these faults, where there are any.
fn refuse(place: &Place, name: &str, faults: Vec<Cause>) -> Result<(), Status> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(place.resource, name, faults))
}

/// Kubernetes: what is being deleted can only lose finalizers.
fn new_finalizers(old: &Value, new: &Value) -> Vec<Cause> {
    let list = |object| object::at(object, &["metadata", "finalizers"]).and_then(Value::as_array);
    let before = list(old).map(Vec::as_slice).unwrap_or_default();
    let added: Vec<_> = list(new)
        .into_iter()
        .flatten()
        .filter(|name| !before.contains(name))
        .map(Value::to_string)
        .collect();
    if added.is_empty() || !object::is_terminating(old) {
        return Vec::new();
    }
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        added.join(", ")
    );
    vec![Cause::forbidden("metadata.finalizers", &detail)]
}
