//! What a delete does, as pure functions of the object: it goes, or it is marked and waits.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::source::seconds;
use super::state::Change;
use super::{Error, Key};
use crate::object;
use crate::resource::Resource;

/// Kubernetes: a pod that names no grace period has this one, in seconds.
const DEFAULT_GRACE: u64 = 30;
/// Finalizers that stand for the ways of deleting dependents; a garbage collector removes them.
const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";
/// What becomes of objects owned by a deleted one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Propagation {
    /// They are deleted after it.
    #[default]
    Background,
    /// They are deleted before it; it waits with a finalizer.
    Foreground,
    /// They stay; it waits with a finalizer until they are released.
    Orphan,
}

/// How to delete.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeleteOptions {
    /// Seconds a graceful kind may take; the object's own where none are given.
    pub grace_period_seconds: Option<u64>,
    /// Refuse when the object has another uid.
    pub uid: Option<String>,
    /// Refuse when the object has another resourceVersion.
    pub resource_version: Option<String>,
    /// What becomes of owned objects.
    pub propagation: Propagation,
}

/// Whether nothing holds a deleted object back any more. A graceful one also waits until it was
/// deleted without a grace period, which says that its process has ended.
pub(super) fn is_finished(resource: &Resource, object: &Value) -> bool {
    let grace =
        object::at(object, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_u64);
    object::is_terminating(object) && grace.unwrap_or(0) == 0 && !is_held(resource, object)
}

/// # Errors
/// [`Error::Precondition`] naming the one that does not hold.
pub(super) fn check_preconditions(
    key: &Key,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), Error> {
    let refuse = |why| {
        Err(Error::Precondition {
            key: key.clone(),
            why,
        })
    };
    let uid = object::uid(object);
    let version = object::text(object, &["metadata", "resourceVersion"]);
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
        return refuse(format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). \
             The object might have been deleted and then recreated"
        ));
    }
    if let Some(wanted) = options
        .resource_version
        .as_deref()
        .filter(|wanted| *wanted != version)
    {
        return refuse(format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the \
             ResourceVersion in record ({version}). The object might have been modified"
        ));
    }
    Ok(())
}

/// What a delete does: the object goes, or is marked and waits.
pub(super) fn delete(
    resource: &Resource,
    old: &Value,
    options: &DeleteOptions,
    now: Timestamp,
) -> Change {
    let mut new = old.clone();
    set_propagation(&mut new, options.propagation);
    if !resource.graceful && !is_held(resource, &new) {
        return Change::Remove(new);
    }
    let grace = if resource.graceful {
        grace_period(old, options)
    } else {
        0
    };
    mark(resource, &mut new, grace, now);
    if resource.finalize {
        object::member_mut(&mut new, "status").insert("phase".into(), "Terminating".into());
    }
    if is_finished(resource, &new) {
        Change::Remove(new)
    } else {
        Change::Put(new)
    }
}

fn is_held(resource: &Resource, object: &Value) -> bool {
    let any = |path: &[&str]| {
        object::at(object, path)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    any(&["metadata", "finalizers"]) || (resource.finalize && any(&["spec", "finalizers"]))
}

/// Kubernetes: a pod no node runs, or whose containers have ended, needs no grace.
fn grace_period(pod: &Value, options: &DeleteOptions) -> u64 {
    let phase = object::text(pod, &["status", "phase"]);
    if object::text(pod, &["spec", "nodeName"]).is_empty()
        || matches!(phase, "Succeeded" | "Failed")
    {
        return 0;
    }
    let own =
        || object::at(pod, &["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_u64);
    options
        .grace_period_seconds
        .or_else(own)
        .unwrap_or(DEFAULT_GRACE)
}

/// Sets the time the object is to be gone by; a second delete can only bring it forward.
fn mark(resource: &Resource, object: &mut Value, grace: u64, now: Timestamp) {
    let granted =
        object::at(object, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_u64);
    let due: Option<Timestamp> = object::text(object, &["metadata", "deletionTimestamp"])
        .parse()
        .ok();
    let begun = match due {
        Some(_) if granted.is_none_or(|granted| granted <= grace) => return,
        Some(due) => due
            .checked_sub(duration(granted.unwrap_or(0)))
            .unwrap_or(due),
        None => now,
    };
    if due.is_none() && resource.generation {
        let next = object::generation(object) + 1;
        object::metadata_mut(object).insert("generation".into(), next.into());
    }
    let gone_by = begun.checked_add(duration(grace)).unwrap_or(Timestamp::MAX);
    let metadata = object::metadata_mut(object);
    metadata.insert("deletionTimestamp".into(), seconds(gone_by).into());
    // Kubernetes: a namespace ends when it is empty, however long that takes.
    if !resource.finalize {
        metadata.insert("deletionGracePeriodSeconds".into(), grace.into());
    }
}

fn duration(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn set_propagation(object: &mut Value, propagation: Propagation) {
    let finalizer = match propagation {
        Propagation::Background => return,
        Propagation::Foreground => FOREGROUND,
        Propagation::Orphan => ORPHAN,
    };
    let finalizers = object::metadata_mut(object)
        .entry("finalizers")
        .or_insert_with(|| json!([]));
    if let Some(list) = finalizers
        .as_array_mut()
        .filter(|list| !list.contains(&finalizer.into()))
    {
        list.push(finalizer.into());
    }
}
