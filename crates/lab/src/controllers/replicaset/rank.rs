//! Which pods go first when there are too many.

use std::cmp::Reverse;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::{is_ready, phase, ready_condition};
use crate::controllers::scheduler::node_of;

/// Kubernetes: pods of a lower cost go first.
pub(super) const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Sorts by Kubernetes' criteria, each of which decides only where those before it do not: not
/// placed, not running, not ready, cheap to delete, on a node with many siblings, not ready for
/// long, often restarted, young.
///
/// Kubernetes lets uids decide between unlike times of one magnitude and restarts between equal
/// times, which is no total order; here uids come last.
pub(super) fn least_useful_first(
    pods: &mut [&Pod],
    siblings: &dyn Fn(&str) -> usize,
    now: Timestamp,
) {
    pods.sort_by_cached_key(|pod| {
        let usefulness = (
            node_of(pod).is_some(),
            progress(pod),
            is_ready(pod),
            deletion_cost(pod),
            Reverse(node_of(pod).map_or(0, siblings)),
        );
        let age = (
            ready_since(pod).map(|since| magnitude(since, now)),
            Reverse(restarts(pod)),
            created(pod).map(|since| magnitude(since, now)),
        );
        (usefulness, age, pod.metadata.uid.clone())
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
/// particular order.
fn magnitude(since: Timestamp, now: Timestamp) -> Option<u32> {
    now.duration_since(since).as_nanos().max(0).checked_ilog2()
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
