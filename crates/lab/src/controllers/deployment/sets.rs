//! What a ReplicaSet says about itself.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};

use super::REVISION;

/// Its name.
pub(super) fn name(set: &ReplicaSet) -> String {
    set.metadata.name.clone().unwrap_or_default()
}

/// An annotation of the set.
pub(super) fn annotation<'a>(set: &'a ReplicaSet, key: &str) -> Option<&'a str> {
    let annotations = set.metadata.annotations.as_ref()?;
    annotations.get(key).map(String::as_str)
}

/// The set's revision; 0 where it has none.
pub(super) fn revision_of(set: &ReplicaSet) -> i64 {
    annotation(set, REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// What sets are ordered by, the oldest first.
pub(super) fn age(set: &ReplicaSet) -> (Option<Timestamp>, Option<&str>) {
    let created = set.metadata.creation_timestamp.as_ref();
    (created.map(|time| time.0), set.metadata.name.as_deref())
}

/// Replicas the set is to have.
pub(super) fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

/// Whether it is to have any.
pub(super) fn is_active(set: &ReplicaSet) -> bool {
    wanted(set) > 0
}

/// Pods the set has.
pub(super) fn existing(set: &ReplicaSet) -> i32 {
    status(set, |status| Some(status.replicas))
}

/// Ready pods of the set.
pub(super) fn ready(set: &ReplicaSet) -> i32 {
    status(set, |status| status.ready_replicas)
}

/// Available pods of the set.
pub(super) fn available(set: &ReplicaSet) -> i32 {
    status(set, |status| status.available_replicas)
}

/// Pods of the set that are on their way out.
pub(super) fn terminating(set: &ReplicaSet) -> i32 {
    status(set, |status| status.terminating_replicas)
}

/// Whether it has no pods, wants none, and its controller has seen so.
pub(super) fn is_idle(set: &ReplicaSet) -> bool {
    let observed = set.status.as_ref().and_then(|it| it.observed_generation);
    wanted(set) == 0 && existing(set) == 0 && set.metadata.generation <= observed
}

/// Whether the set itself is being deleted.
pub(super) fn is_leaving(set: &ReplicaSet) -> bool {
    set.metadata.deletion_timestamp.is_some()
}

fn status(set: &ReplicaSet, figure: fn(&ReplicaSetStatus) -> Option<i32>) -> i32 {
    set.status.as_ref().and_then(figure).unwrap_or(0)
}
