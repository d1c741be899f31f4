//! Which pods count: what a pod uses while it starts says nothing about the load.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::figures::{Figures, PodFigures};
use crate::controllers::replicaset::{phase, ready_condition};

/// Kubernetes: so long after its start a pod may still be getting ready.
const INITIALIZATION: SignedDuration = SignedDuration::from_mins(5);
/// Kubernetes: a pod that was not ready within this time of its start never was.
const FIRST_READINESS: SignedDuration = SignedDuration::from_secs(30);

/// The pods of a target, told apart.
#[derive(Debug, Default)]
pub(super) struct Groups<'a> {
    /// What the pods that count use, in thousandths.
    pub(super) used: BTreeMap<&'a str, i64>,
    /// How many of them there are.
    pub(super) ready: usize,
    /// Pods that are starting.
    pub(super) unready: Vec<&'a str>,
    /// Pods that were not measured.
    pub(super) missing: Vec<&'a str>,
}

impl<'a> Groups<'a> {
    /// Tells the pods apart for one resource, of one container or all of them.
    pub(super) fn of(
        pods: &'a [Arc<Pod>],
        figures: &Figures,
        (resource, container): (&str, Option<&str>),
        now: Timestamp,
    ) -> Self {
        let mut groups = Self::default();
        let staying = pods.iter().filter(|pod| {
            pod.metadata.deletion_timestamp.is_none() && phase(pod) != Some("Failed")
        });
        for pod in staying {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let measured = figures.get(name);
            let used = measured.and_then(|it| used(it, resource, container));
            match (measured, used) {
                _ if phase(pod) == Some("Pending") => groups.unready.push(name),
                (Some(measured), Some(used)) => {
                    // Kubernetes: memory is not used up in starting.
                    if resource == "cpu" && is_starting(pod, measured, now) {
                        groups.unready.push(name);
                    } else {
                        groups.used.insert(name, used);
                        groups.ready += 1;
                    }
                }
                _ => groups.missing.push(name),
            }
        }
        groups
    }
}

/// Kubernetes: a pod of which some container lacks a figure is not measured.
fn used(measured: &PodFigures, resource: &str, container: Option<&str>) -> Option<i64> {
    let counted = measured.containers.iter();
    let counted = counted.filter(|(name, _)| container.is_none_or(|wanted| wanted == *name));
    let amounts: Option<Vec<i64>> = counted.map(|(_, of)| of.get(resource).copied()).collect();
    amounts
        .filter(|amounts| !amounts.is_empty())
        .map(|it| it.iter().sum())
}

fn is_starting(pod: &Pod, measured: &PodFigures, now: Timestamp) -> bool {
    let started = pod.status.as_ref().and_then(|it| it.start_time.as_ref());
    let (Some(started), Some(ready)) = (started, ready_condition(pod)) else {
        return true;
    };
    let is_unready = ready.status == "False";
    let since = ready.last_transition_time.as_ref().map_or(now, |it| it.0);
    if started.0 + INITIALIZATION > now {
        // A figure from before the pod was ready tells of its start.
        return is_unready || measured.at < since + measured.window;
    }
    is_unready && started.0 + FIRST_READINESS > since
}
