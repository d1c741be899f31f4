//! A ReplicaSet's figures, read once for all.

use k8s_openapi::api::apps::v1::ReplicaSet;

use super::REVISION;

/// The one step that gives the set so many replicas; none where it has them.
pub(super) fn changed(set: &ReplicaSet, replicas: i32) -> Vec<(String, i32)> {
    match &set.metadata.name {
        Some(name) if wanted(set) != replicas => vec![(name.clone(), replicas)],
        _ => Vec::new(),
    }
}

/// A label of the set.
pub(super) fn label<'a>(set: &'a ReplicaSet, key: &str) -> Option<&'a String> {
    set.metadata.labels.as_ref()?.get(key)
}

/// The set's revision; 0 where it has none.
pub(super) fn revision_of(set: &ReplicaSet) -> i64 {
    let annotations = set.metadata.annotations.as_ref();
    annotations
        .and_then(|it| it.get(REVISION)?.parse().ok())
        .unwrap_or(0)
}

/// Replicas the set is to have.
pub(super) fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

/// Pods the set has.
pub(super) fn existing(set: &ReplicaSet) -> i32 {
    set.status.as_ref().map_or(0, |status| status.replicas)
}

/// Ready pods of the set.
pub(super) fn ready(set: &ReplicaSet) -> i32 {
    set.status
        .as_ref()
        .and_then(|status| status.ready_replicas)
        .unwrap_or(0)
}

/// Available pods of the set.
pub(super) fn available(set: &ReplicaSet) -> i32 {
    set.status
        .as_ref()
        .and_then(|status| status.available_replicas)
        .unwrap_or(0)
}
