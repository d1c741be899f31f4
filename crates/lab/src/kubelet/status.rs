//! `status` of a pod as users see it, built purely from what the kubelet knows. Time is an argument.

mod conditions;
mod container;
mod phase;

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Container, Pod};
use serde_json::{Value, json};

use conditions::Transitions;
pub(super) use container::{ContainerView, State};
pub(super) use phase::RestartPolicy;

/// What the kubelet knows of one pod.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Init containers, in their order.
    pub init: Vec<ContainerView>,
    /// Containers, in the manifest's order.
    pub main: Vec<ContainerView>,
    /// What happens to containers that ended.
    pub policy: RestartPolicy,
    /// The pod's address, from the first moment on.
    pub pod_ip: Ipv4Addr,
    /// Its node's address.
    pub host_ip: Ipv4Addr,
    /// When the kubelet took the pod, RFC 3339.
    pub since: String,
    /// Why the pod failed whatever its containers' codes are: reason and message.
    pub failure: Option<(&'static str, &'static str)>,
    /// The pod is to end, so that no container starts again.
    pub ending: bool,
    /// The generation of the pod that is obeyed.
    pub generation: i64,
    qos: &'static str,
    transitions: Transitions,
}

impl View {
    /// A pod that was just taken.
    pub(super) fn new(pod: &Pod, pod_ip: Ipv4Addr, host_ip: Ipv4Addr, now: &str) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let init = spec.init_containers.unwrap_or_default();
        let waiting = if init.is_empty() {
            "ContainerCreating"
        } else {
            "PodInitializing"
        };
        let views = |containers: &[Container]| -> Vec<ContainerView> {
            containers
                .iter()
                .map(|it| ContainerView::waiting(it, waiting))
                .collect()
        };
        Self {
            qos: phase::qos(&spec.containers),
            policy: RestartPolicy::of(spec.restart_policy.as_deref()),
            init: views(&init),
            main: views(&spec.containers),
            pod_ip,
            host_ip,
            since: now.to_owned(),
            failure: None,
            ending: false,
            generation: pod.metadata.generation.unwrap_or(1),
            transitions: Transitions::default(),
        }
    }

    /// The container of this name.
    pub(super) fn container(&mut self, name: &str) -> Option<&mut ContainerView> {
        let all = self.init.iter_mut().chain(&mut self.main);
        all.into_iter().find(|it| it.name == name)
    }

    /// Kubernetes' phase.
    pub(super) fn phase(&self) -> &'static str {
        phase::phase(self)
    }

    /// The `status` object; conditions of others in `old` stay.
    pub(super) fn status(&mut self, old: &Value, now: &str) -> Value {
        let conditions = conditions::all(self, old, now);
        let main = self.main.iter().map(|it| it.status(it.is_ready()));
        let main: Vec<Value> = main.collect();
        let mut status = json!({
            "observedGeneration": self.generation,
            "phase": self.phase(),
            "conditions": conditions,
            "hostIP": self.host_ip,
            "hostIPs": [{"ip": self.host_ip}],
            "podIP": self.pod_ip,
            "podIPs": [{"ip": self.pod_ip}],
            "startTime": self.since,
            "containerStatuses": main,
            "qosClass": self.qos,
        });
        if let Some((reason, message)) = self.failure
            && status["phase"] == "Failed"
        {
            status["reason"] = json!(reason);
            status["message"] = json!(message);
        }
        if !self.init.is_empty() {
            let init = self.init.iter().map(|it| it.status(it.is_done()));
            status["initContainerStatuses"] = init.collect();
        }
        status
    }

    /// Whether every init container has done its work.
    pub(super) fn is_initialized(&self) -> bool {
        self.init.iter().all(ContainerView::is_done)
    }
}

#[cfg(test)]
mod tests;
