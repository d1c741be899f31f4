//! A pod in Kubernetes' own words, shortened as kubectl does.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answers::Sighting;
use crate::clock::UnixMs;

/// A pod. What only its answers tell has no phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodView {
    /// Its name.
    pub name: String,
    /// Its `app` label.
    pub service: Option<String>,
    /// `Pending`, `Running`, …; null where only its answers are known.
    pub phase: Option<String>,
    /// Why it is not as it should be, as kubectl's STATUS says: `CrashLoopBackOff`, `Terminating`, …
    pub reason: Option<String>,
    /// Ready containers of all, `2/2`.
    pub ready: Option<String>,
    /// Whether it receives requests.
    pub is_ready: bool,
    /// Restarts of all its containers.
    pub restarts: Option<i32>,
    /// Its node.
    pub node: Option<String>,
    /// Its address.
    pub ip: Option<String>,
    /// When it was started, Unix milliseconds.
    pub started_at: Option<UnixMs>,
    /// When it last answered through this gateway, Unix milliseconds.
    pub last_answer: Option<UnixMs>,
}

impl PodView {
    /// A pod as its object tells it.
    pub(super) fn of(pod: &Pod) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let containers = containers(pod, &status);
        let ready = containers.iter().filter(|it| it.ready).count();
        let wanted = wanted_containers(pod).max(containers.len());
        Self {
            name: pod.name_any(),
            service: pod.labels().get("app").cloned(),
            phase: status.phase.clone(),
            reason: trouble(pod, &status, &containers),
            ready: Some(format!("{ready}/{wanted}")),
            is_ready: is_ready(&status),
            restarts: Some(containers.iter().map(|it| it.restart_count).sum()),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            ip: status.pod_ip.clone(),
            started_at: status.start_time.as_ref().map(unix_ms),
            last_answer: None,
        }
    }

    /// A pod of which only answers are known.
    pub(super) fn seen(name: &str, sighting: &Sighting) -> Self {
        Self {
            name: name.to_owned(),
            service: Some(sighting.service.name().to_owned()),
            last_answer: Some(sighting.last_answer),
            ..Self::default()
        }
    }
}

/// kubectl: containers, and init containers that stay (native sidecars), make up READY.
fn containers(pod: &Pod, status: &PodStatus) -> Vec<ContainerStatus> {
    let sidecars = sidecars(pod);
    let inits = status.init_container_statuses.iter().flatten();
    let stays = |it: &&ContainerStatus| sidecars.contains(&it.name.as_str());
    let all = inits
        .filter(stays)
        .chain(status.container_statuses.iter().flatten());
    all.cloned().collect()
}

fn sidecars(pod: &Pod) -> Vec<&str> {
    let inits = pod
        .spec
        .iter()
        .flat_map(|spec| spec.init_containers.iter().flatten());
    inits
        .filter(|it| it.restart_policy.as_deref() == Some("Always"))
        .map(|it| it.name.as_str())
        .collect()
}

fn wanted_containers(pod: &Pod) -> usize {
    let own = pod.spec.as_ref().map_or(0, |spec| spec.containers.len());
    own + sidecars(pod).len()
}

fn is_ready(status: &PodStatus) -> bool {
    let mut conditions = status.conditions.iter().flatten();
    conditions.any(|it| it.type_ == "Ready" && it.status == "True")
}

/// kubectl's STATUS where it is not the phase.
fn trouble(pod: &Pod, status: &PodStatus, containers: &[ContainerStatus]) -> Option<String> {
    if pod.metadata.deletion_timestamp.is_some() {
        return Some("Terminating".to_owned());
    }
    let of_container = containers.iter().find_map(|it| {
        let state = it.state.as_ref()?;
        let waiting = state.waiting.as_ref().and_then(|it| it.reason.clone());
        waiting.or_else(|| state.terminated.as_ref().and_then(|it| it.reason.clone()))
    });
    let unscheduled = || {
        let mut conditions = status.conditions.iter().flatten();
        let found = conditions.find(|it| it.type_ == "PodScheduled" && it.status == "False")?;
        found.reason.clone()
    };
    of_container
        .or_else(|| status.reason.clone())
        .or_else(unscheduled)
}

fn unix_ms(time: &Time) -> UnixMs {
    time.0.as_millisecond()
}

#[cfg(test)]
mod tests;
