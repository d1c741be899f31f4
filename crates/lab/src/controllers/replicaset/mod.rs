//! ReplicaSet → Pods, decided purely.

mod rank;
pub(super) mod sync;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

/// Kubernetes: the condition of a set that cannot make or delete its pods.
const REPLICA_FAILURE: &str = "ReplicaFailure";
/// Kubernetes: pods that a set makes or deletes in one go.
const BURST: usize = 500;

/// What is to be done for one ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// How many pods to create.
    pub create: usize,
    /// Names of the pods to delete.
    pub delete: Vec<String>,
}

/// Decides for a set and the pods it owns; `siblings` counts the pods of all sets of the same
/// Deployment on a node.
pub fn plan(
    set: &ReplicaSet,
    owned: &[Arc<Pod>],
    siblings: &dyn Fn(&str) -> usize,
    now: Timestamp,
) -> Plan {
    if set.metadata.deletion_timestamp.is_some() {
        return Plan::default();
    }
    let wanted = usize::try_from(wanted(set)).unwrap_or(0);
    let mut active: Vec<&Pod> = owned
        .iter()
        .map(|it| &**it)
        .filter(|it| is_active(it))
        .collect();
    let surplus = active.len().saturating_sub(wanted).min(BURST);
    if surplus > 0 {
        rank::least_useful_first(&mut active, siblings, now);
    }
    Plan {
        create: wanted.saturating_sub(active.len()).min(BURST),
        delete: active[..surplus]
            .iter()
            .filter_map(|pod| pod.metadata.name.clone())
            .collect(),
    }
}

/// A pod of the set's template, its name to be drawn.
pub fn pod_of(set: &ReplicaSet) -> Value {
    let name = set.metadata.name.as_deref().unwrap_or_default();
    let template = serde_json::to_value(&set.spec.template).unwrap_or_default();
    let mut metadata = json!({
        "generateName": format!("{name}-"),
        "namespace": set.metadata.namespace,
        "ownerReferences": [super::owner_reference("apps/v1", "ReplicaSet", &set.metadata)],
    });
    for member in ["labels", "annotations", "finalizers"] {
        let given = &template["metadata"][member];
        if !given.is_null() {
            metadata[member] = given.clone();
        }
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": template["spec"],
    })
}

/// The status of a set with the pods it had before the plan, and why the plan failed.
pub fn status(
    set: &ReplicaSet,
    owned: &[Arc<Pod>],
    failure: Option<(&str, String)>,
    now: Timestamp,
) -> ReplicaSetStatus {
    let active: Vec<&Arc<Pod>> = owned.iter().filter(|pod| is_active(pod)).collect();
    let least = set.spec.min_ready_seconds.unwrap_or(0);
    let labelled = |pod: &&&Arc<Pod>| has_template_labels(set, pod);
    let available =
        |pod: &&&Arc<Pod>| until_available(pod, least, now).is_some_and(|it| it.is_zero());
    // Kubernetes leaves a count of 0 out.
    let count = |count: usize| i32::try_from(count).ok().filter(|count| *count > 0);
    ReplicaSetStatus {
        replicas: i32::try_from(active.len()).unwrap_or(i32::MAX),
        fully_labeled_replicas: count(active.iter().filter(labelled).count()),
        ready_replicas: count(active.iter().filter(|pod| is_ready(pod)).count()),
        available_replicas: count(active.iter().filter(available).count()),
        terminating_replicas: i32::try_from(owned.iter().filter(|it| is_terminating(it)).count())
            .ok(),
        observed_generation: set.metadata.generation,
        conditions: conditions(set, failure, now),
    }
}

/// How long until the next ready pod counts as available.
pub fn next_available(
    set: &ReplicaSet,
    owned: &[Arc<Pod>],
    now: Timestamp,
) -> Option<SignedDuration> {
    let least = set.spec.min_ready_seconds.unwrap_or(0);
    let waits = owned.iter().filter(|pod| is_active(pod));
    let waits = waits.filter_map(|pod| until_available(pod, least, now));
    waits.filter(|wait| !wait.is_zero()).min()
}

/// Whether the pod counts: not on its way out, not ended.
pub fn is_active(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none() && !has_ended(pod)
}

/// Whether the pod's condition Ready is true.
pub fn is_ready(pod: &Pod) -> bool {
    ready_condition(pod).is_some_and(|it| it.status == "True")
}

/// Whether every container has ended for good.
pub(super) fn has_ended(pod: &Pod) -> bool {
    matches!(phase(pod), Some("Succeeded" | "Failed"))
}

/// The pod's phase.
pub(super) fn phase(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.phase.as_deref()
}

fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some() && !has_ended(pod)
}

/// The pod's condition Ready.
pub(super) fn ready_condition(pod: &Pod) -> Option<&PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|it| it.type_ == "Ready")
}

/// How long until a ready pod is available: zero when it is; `None` when it is not ready.
fn until_available(pod: &Pod, seconds: i32, now: Timestamp) -> Option<SignedDuration> {
    let ready = ready_condition(pod).filter(|it| it.status == "True")?;
    let least = SignedDuration::from_secs(i64::from(seconds));
    let since = ready.last_transition_time.as_ref().map(|time| time.0);
    let waited = since.map_or(SignedDuration::MAX, |since| now.duration_since(since));
    // Kubernetes: without a time to wait for, no clock is asked.
    Some((least - waited).clamp(SignedDuration::ZERO, least))
}

fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

fn has_template_labels(set: &ReplicaSet, pod: &Pod) -> bool {
    let template = set
        .spec
        .template
        .as_ref()
        .and_then(|it| it.metadata.as_ref());
    let wanted = template.and_then(|it| it.labels.as_ref());
    let has = |key: &String, value: &String| {
        pod.metadata.labels.as_ref().and_then(|it| it.get(key)) == Some(value)
    };
    wanted
        .into_iter()
        .flatten()
        .all(|(key, value)| has(key, value))
}

/// Kubernetes: the first failure stays until there is none.
fn conditions(
    set: &ReplicaSet,
    failure: Option<(&str, String)>,
    now: Timestamp,
) -> Option<Vec<ReplicaSetCondition>> {
    let before = set.status.as_ref().and_then(|it| it.conditions.clone());
    let mut conditions = before.unwrap_or_default();
    let is_failure = |it: &ReplicaSetCondition| it.type_.as_deref() == Some(REPLICA_FAILURE);
    let known = conditions.iter().any(is_failure);
    match failure {
        None => conditions.retain(|it| !is_failure(it)),
        Some((reason, message)) if !known => conditions.push(ReplicaSetCondition {
            type_: Some(REPLICA_FAILURE.to_owned()),
            status: Some("True".to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: Some(Time(
                Timestamp::from_second(now.as_second()).unwrap_or(now),
            )),
        }),
        Some(_) => {}
    }
    (!conditions.is_empty()).then_some(conditions)
}

#[cfg(test)]
mod tests;
