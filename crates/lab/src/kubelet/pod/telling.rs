//! Events of a pod and of its containers, as a kubelet reports them.

use k8s_openapi::api::core::v1::Container;

use super::PodRun;
use crate::events::Reference;

impl PodRun {
    /// An event about a container.
    pub(in crate::kubelet) fn tell(
        &self,
        container: &Container,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.reporter.normal(&self.part(container), reason, message);
    }

    /// A warning about a container.
    pub(in crate::kubelet) fn warn(
        &self,
        container: &Container,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.reporter
            .warning(&self.part(container), reason, message);
    }

    /// An event about the pod.
    pub(in crate::kubelet) fn tell_of_pod(&self, reason: &'static str, message: impl Into<String>) {
        self.reporter.normal(&self.reference, reason, message);
    }

    /// A warning about the pod.
    pub(in crate::kubelet) fn warn_of_pod(&self, reason: &'static str, message: impl Into<String>) {
        self.reporter.warning(&self.reference, reason, message);
    }

    fn part(&self, container: &Container) -> Reference {
        let init = self
            .pod
            .spec
            .iter()
            .flat_map(|spec| spec.init_containers.iter().flatten());
        let is_init = init.into_iter().any(|it| it.name == container.name);
        let list = if is_init {
            "initContainers"
        } else {
            "containers"
        };
        self.reference
            .clone()
            .at(format!("spec.{list}{{{}}}", container.name))
    }
}
