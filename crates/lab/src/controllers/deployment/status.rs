//! A Deployment's status, in the words of Kubernetes' own controller.

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus, ReplicaSet};

use super::condition::{
    self, AVAILABLE, NEW_SET_AVAILABLE, PROGRESSING, REPLICA_FAILURE, TIMED_OUT,
};
use super::sets::{available, existing, name, ready, terminating, wanted};
use super::{Plan, Rollout, Write};

impl Rollout<'_> {
    /// A plan that says how far the rollout is.
    pub(super) fn with_progress(&self, writes: Vec<Write>) -> Plan {
        let mut status = self.counted();
        self.tell_progress(&mut status);
        self.tell_failure(&mut status);
        Plan {
            check_in: self.until_deadline(&status),
            writes,
            status,
            ..Plan::default()
        }
    }

    /// A plan that is not about progress.
    pub(super) fn with_status_only(&self, writes: Vec<Write>) -> Plan {
        Plan {
            writes,
            status: self.counted(),
            ..Plan::default()
        }
    }

    /// The status as it is stored.
    pub(super) fn status_before(&self) -> DeploymentStatus {
        self.deployment.status.clone().unwrap_or_default()
    }

    /// Kubernetes: the largest number means no deadline.
    pub(super) fn has_deadline(&self) -> bool {
        let seconds = self.deployment.spec.progress_deadline_seconds;
        seconds.is_some_and(|seconds| seconds != i32::MAX)
    }

    /// Whether all pods are of the present template and available.
    pub(super) fn is_complete(&self, status: &DeploymentStatus) -> bool {
        let desired = self.bounds.desired;
        status.updated_replicas.unwrap_or(0) == desired
            && status.replicas.unwrap_or(0) == desired
            && status.available_replicas.unwrap_or(0) == desired
            && status.observed_generation >= self.deployment.metadata.generation
    }

    fn counted(&self) -> DeploymentStatus {
        let before = self.status_before();
        let all_available = self.sum(available);
        // Kubernetes leaves a count of 0 out.
        let count = |count: i32| (count > 0).then_some(count);
        let mut status = DeploymentStatus {
            observed_generation: self.deployment.metadata.generation,
            replicas: count(self.sum(existing)),
            updated_replicas: count(self.new.map_or(0, existing)),
            ready_replicas: count(self.sum(ready)),
            available_replicas: count(all_available),
            unavailable_replicas: count(self.sum(wanted) - all_available),
            terminating_replicas: Some(self.sum(terminating)),
            collision_count: before.collision_count,
            conditions: before.conditions,
        };
        let (holds, reason, message) = match all_available >= self.bounds.least() {
            true => ("True", "MinimumReplicasAvailable", "has"),
            false => ("False", "MinimumReplicasUnavailable", "does not have"),
        };
        let message = format!("Deployment {message} minimum availability.");
        let new = condition::condition(AVAILABLE, holds, reason, message, self.now);
        condition::set(&mut status, new);
        status
    }

    fn tell_progress(&self, status: &mut DeploymentStatus) {
        let before = self.status_before();
        if !self.has_deadline() {
            return condition::remove(status, PROGRESSING);
        }
        // Kubernetes: once a rollout is over, pods that come and go are no progress of it.
        let over = status.replicas == status.updated_replicas
            && condition::reason(&before, PROGRESSING) == Some(NEW_SET_AVAILABLE);
        if over {
            return;
        }
        if self.is_complete(status) {
            let new = self.progress("True", NEW_SET_AVAILABLE, "has successfully progressed");
            condition::set(status, new);
        } else if has_progressed(&before, status) {
            let new = self.progress("True", "ReplicaSetUpdated", "is progressing");
            condition::replace(status, new);
        } else if self.has_timed_out(status) {
            let new = self.progress("False", TIMED_OUT, "has timed out progressing");
            condition::set(status, new);
        }
    }

    fn progress(&self, holds: &str, reason: &str, does: &str) -> DeploymentCondition {
        let deployment = || self.deployment.metadata.name.clone().unwrap_or_default();
        let message = match self.new {
            Some(new) => format!("ReplicaSet {:?} {does}.", name(new)),
            None => format!("Deployment {:?} {does}.", deployment()),
        };
        condition::condition(PROGRESSING, holds, reason, message, self.now)
    }

    fn has_timed_out(&self, status: &DeploymentStatus) -> bool {
        match condition::reason(status, PROGRESSING) {
            None | Some(NEW_SET_AVAILABLE) => false,
            Some(TIMED_OUT) => true,
            Some(_) => self.left(status).is_some_and(|left| left.is_negative()),
        }
    }

    /// How long the rollout may still stand still.
    fn left(&self, status: &DeploymentStatus) -> Option<SignedDuration> {
        let seconds = self.deployment.spec.progress_deadline_seconds?;
        let since = &condition::find(status, PROGRESSING)?
            .last_update_time
            .as_ref()?
            .0;
        let deadline = SignedDuration::from_secs(i64::from(seconds));
        Some(deadline - self.now.duration_since(*since))
    }

    fn until_deadline(&self, status: &DeploymentStatus) -> Option<SignedDuration> {
        let told = condition::reason(status, PROGRESSING)?;
        if !self.has_deadline() || told == TIMED_OUT || self.is_complete(status) {
            return None;
        }
        // Kubernetes: a second later, so that the deadline has passed for certain.
        let left = self.left(status)?.max(SignedDuration::ZERO);
        Some(left + SignedDuration::from_secs(1))
    }

    /// Kubernetes: a failure of the new set is told rather than one of an old set.
    fn tell_failure(&self, status: &mut DeploymentStatus) {
        let mut newest_first = self.new.into_iter().chain(self.old.iter().copied());
        match newest_first.find_map(failure) {
            Some(failure) => condition::set(status, failure),
            None => condition::remove(status, REPLICA_FAILURE),
        }
    }
}

fn has_progressed(before: &DeploymentStatus, now: &DeploymentStatus) -> bool {
    let count = |count: Option<i32>| count.unwrap_or(0);
    let old = |status: &DeploymentStatus| count(status.replicas) - count(status.updated_replicas);
    count(now.updated_replicas) > count(before.updated_replicas)
        || old(now) < old(before)
        || count(now.ready_replicas) > count(before.ready_replicas)
        || count(now.available_replicas) > count(before.available_replicas)
}

fn failure(set: &ReplicaSet) -> Option<DeploymentCondition> {
    let conditions = set.status.as_ref()?.conditions.as_deref()?;
    let found = conditions
        .iter()
        .find(|it| it.type_.as_deref() == Some(REPLICA_FAILURE))?;
    Some(DeploymentCondition {
        type_: found.type_.clone(),
        status: found.status.clone(),
        reason: found.reason.clone(),
        message: found.message.clone(),
        last_transition_time: found.last_transition_time.clone(),
        last_update_time: found.last_transition_time.clone(),
    })
}
