//! Which pods go first when there are too many.

use std::cmp::{Ordering, Reverse};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::{is_ready, phase, ready_condition};
use crate::controllers::scheduler::node_of;

/// Kubernetes: pods of a lower cost go first.
pub(super) const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Sorts by Kubernetes' criteria, each of which decides only where those before it do not: not
/// placed, not running, not ready, cheap to delete, on a node with many siblings, not ready for
/// long, often restarted, young.
pub(super) fn least_useful_first(
    pods: &mut [&Pod],
    siblings: &dyn Fn(&str) -> usize,
    now: Timestamp,
) {
    let usefulness = |pod: &Pod| {
        (
            node_of(pod).is_some(),
            progress(pod),
            is_ready(pod),
            deletion_cost(pod),
            Reverse(node_of(pod).map_or(0, siblings)),
        )
    };
    pods.sort_by(|a, b| {
        usefulness(a)
            .cmp(&usefulness(b))
            .then_with(|| by_age(ready_since(a), ready_since(b), (a, b), now))
            .then_with(|| restarts(b).cmp(&restarts(a)))
            .then_with(|| by_age(created(a), created(b), (a, b), now))
    });
}

fn progress(pod: &Pod) -> u8 {
    match phase(pod) {
        None | Some("Pending") => 0,
        Some("Unknown") => 1,
        Some(_) => 2,
    }
}

fn deletion_cost(pod: &Pod) -> i32 {
    let annotations = pod.metadata.annotations.as_ref();
    let cost = annotations.and_then(|it| it.get(DELETION_COST)?.parse().ok());
    cost.unwrap_or(0)
}

/// Kubernetes compares ages on a logarithmic scale, so that pods of about the same age go in no
/// particular order: by their uids.
fn by_age(
    a: Option<Timestamp>,
    b: Option<Timestamp>,
    (pod_a, pod_b): (&Pod, &Pod),
    now: Timestamp,
) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else {
        return a.is_some().cmp(&b.is_some());
    };
    if a == b {
        return Ordering::Equal;
    }
    let magnitude = |since: Timestamp| now.duration_since(since).as_nanos().max(0).checked_ilog2();
    magnitude(a)
        .cmp(&magnitude(b))
        .then_with(|| pod_a.metadata.uid.cmp(&pod_b.metadata.uid))
}

fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let ready = ready_condition(pod).filter(|it| it.status == "True")?;
    Some(ready.last_transition_time.as_ref()?.0)
}

fn created(pod: &Pod) -> Option<Timestamp> {
    Some(pod.metadata.creation_timestamp.as_ref()?.0)
}

fn restarts(pod: &Pod) -> i32 {
    let containers = pod
        .status
        .as_ref()
        .and_then(|it| it.container_statuses.as_deref());
    let restarts = containers
        .unwrap_or_default()
        .iter()
        .map(|it| it.restart_count);
    restarts.max().unwrap_or(0)
}
