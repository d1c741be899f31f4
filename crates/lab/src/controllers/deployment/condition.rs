//! The conditions of a Deployment, and how one takes another's place.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Whether enough pods are available.
pub(super) const AVAILABLE: &str = "Available";
/// Whether a rollout goes on.
pub(super) const PROGRESSING: &str = "Progressing";
/// Whether pods cannot be made.
pub(super) const REPLICA_FAILURE: &str = "ReplicaFailure";

/// The rollout is over.
pub(super) const NEW_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
/// The rollout takes too long.
pub(super) const TIMED_OUT: &str = "ProgressDeadlineExceeded";
/// The rollout stands still as it was told to.
pub(super) const PAUSED: &str = "DeploymentPaused";

/// A condition that holds from now on.
pub(super) fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
    now: Timestamp,
) -> DeploymentCondition {
    let now = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    DeploymentCondition {
        type_: Some(kind.to_owned()),
        status: Some(status.to_owned()),
        reason: Some(reason.to_owned()),
        message: Some(message.into()),
        last_transition_time: Some(now.clone()),
        last_update_time: Some(now),
    }
}

/// The condition of a kind.
pub(super) fn find<'a>(
    status: &'a DeploymentStatus,
    kind: &str,
) -> Option<&'a DeploymentCondition> {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    conditions
        .iter()
        .find(|it| it.type_.as_deref() == Some(kind))
}

/// The reason of the condition of a kind.
pub(super) fn reason<'a>(status: &'a DeploymentStatus, kind: &str) -> Option<&'a str> {
    find(status, kind)?.reason.as_deref()
}

/// Puts a condition last, in the place of the one of its kind.
///
/// Kubernetes: one with the same status and reason stays as it is, whatever its message; and a
/// transition is a change of the status alone.
pub(super) fn set(status: &mut DeploymentStatus, new: DeploymentCondition) {
    let kind = new.type_.clone().unwrap_or_default();
    match find(status, &kind) {
        Some(old) if old.status == new.status && old.reason == new.reason => {}
        _ => replace(status, new),
    }
}

/// The same, even where status and reason stay: a rollout that progresses says when it last did.
pub(super) fn replace(status: &mut DeploymentStatus, mut new: DeploymentCondition) {
    let kind = new.type_.clone().unwrap_or_default();
    if let Some(old) = find(status, &kind).filter(|old| old.status == new.status) {
        new.last_transition_time = old.last_transition_time.clone();
    }
    remove(status, &kind);
    status.conditions.get_or_insert_default().push(new);
}

/// Takes the condition of a kind away.
pub(super) fn remove(status: &mut DeploymentStatus, kind: &str) {
    let conditions = status.conditions.iter_mut();
    conditions.for_each(|it| it.retain(|it| it.type_.as_deref() != Some(kind)));
}
