//! A Deployment's status, in the words of Kubernetes' own controller.

use k8s_openapi::api::apps::v1::{DeploymentCondition, ReplicaSet};
use serde_json::{Value, json};

use super::View;
use super::sets::{available, existing, ready};

/// The status that a view amounts to, at the moment `now`.
pub(super) fn status(view: &View<'_>, now: &str) -> Value {
    let all = || view.old.iter().copied().chain(view.new);
    let sum = |part: fn(&ReplicaSet) -> i32| all().map(part).sum::<i32>();
    let (available_now, existing_now) = (sum(available), sum(existing));
    let updated = view.new.map_or(0, existing);
    let mut status = json!({
        "observedGeneration": view.deployment.metadata.generation.unwrap_or(0),
        "conditions": [
            availability(view, available_now).told(view, now),
            progress(view, updated, existing_now, available_now).told(view, now),
        ],
    });
    let missing = (view.desired.max(existing_now) - available_now).max(0);
    let counts = [
        ("replicas", existing_now),
        ("updatedReplicas", updated),
        ("readyReplicas", sum(ready)),
        ("availableReplicas", available_now),
        ("unavailableReplicas", missing),
    ];
    // Kubernetes leaves a count of 0 out.
    for (field, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        status[field] = json!(count);
    }
    status
}

/// A condition before it is dated.
struct Condition {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

fn availability(view: &View<'_>, available: i32) -> Condition {
    let (status, reason, message) = match available >= view.desired - view.unavailable {
        true => (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        ),
        false => (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        ),
    };
    Condition {
        kind: "Available",
        status,
        reason,
        message: message.to_owned(),
    }
}

fn progress(view: &View<'_>, updated: i32, existing: i32, available: i32) -> Condition {
    let complete = updated == view.desired && existing == updated && available >= view.desired;
    let name = view
        .new
        .and_then(|set| set.metadata.name.as_deref())
        .unwrap_or_default();
    let (reason, does) = match complete {
        true => ("NewReplicaSetAvailable", "has successfully progressed"),
        false => ("ReplicaSetUpdated", "is progressing"),
    };
    let message = format!("ReplicaSet \"{name}\" {does}.");
    Condition {
        kind: "Progressing",
        status: "True",
        reason,
        message,
    }
}

impl Condition {
    /// Dated: a time stays while what it belongs to stays.
    fn told(&self, view: &View<'_>, now: &str) -> Value {
        let before = view
            .deployment
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_deref());
        let mut before = before.unwrap_or_default().iter();
        let old = before.find(|it| it.type_.as_deref() == Some(self.kind));
        let same = old.filter(|it| it.status.as_deref() == Some(self.status));
        let unchanged = same.filter(|it| self.says_the_same(it));
        let transition = same
            .and_then(|it| it.last_transition_time.as_ref())
            .map(|time| time.0.to_string());
        let update = unchanged
            .and_then(|it| it.last_update_time.as_ref())
            .map(|time| time.0.to_string());
        json!({
            "type": self.kind,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "lastTransitionTime": transition.as_deref().unwrap_or(now),
            "lastUpdateTime": update.as_deref().unwrap_or(now),
        })
    }

    fn says_the_same(&self, old: &DeploymentCondition) -> bool {
        old.reason.as_deref() == Some(self.reason) && old.message.as_ref() == Some(&self.message)
    }
}
