//! Taints of nodes, and pods that do not mind them.

use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};

use super::filter::Objection;

/// Kubernetes: the taint that a cordoned node has.
const CORDON: &str = "node.kubernetes.io/unschedulable";

/// Kubernetes: the first taint that keeps the pod away, if the pod does not tolerate it.
pub(super) fn objection(pod: &Pod, node: &Node) -> Option<Objection> {
    let taints = node.spec.as_ref()?.taints.as_deref()?;
    let mut keeping = taints
        .iter()
        .filter(|it| matches!(it.effect.as_str(), "NoSchedule" | "NoExecute"));
    keeping.find(|taint| !is_tolerated(pod, taint))?;
    Some(Objection::lasting("node(s) had untolerated taint(s)"))
}

/// Whether a pod may go to a cordoned node.
pub(super) fn tolerates_cordon(pod: &Pod) -> bool {
    let taint = Taint {
        effect: "NoSchedule".to_owned(),
        key: CORDON.to_owned(),
        ..Taint::default()
    };
    is_tolerated(pod, &taint)
}

fn is_tolerated(pod: &Pod, taint: &Taint) -> bool {
    let tolerations = pod.spec.as_ref().and_then(|it| it.tolerations.as_deref());
    let mut tolerations = tolerations.unwrap_or_default().iter();
    tolerations.any(|toleration| tolerates(toleration, taint))
}

/// Whether a pod with this toleration bears the taint.
///
/// Kubernetes: a missing effect or key stands for every one.
pub(in crate::controllers) fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let same = |wanted: Option<String>, found: &str| wanted.is_none_or(|wanted| wanted == found);
    let by_value = || given(&toleration.value) == given(&taint.value);
    same(given(&toleration.effect), &taint.effect)
        && same(given(&toleration.key), &taint.key)
        && match given(&toleration.operator).as_deref() {
            None | Some("Equal") => by_value(),
            Some("Exists") => true,
            Some(_) => false,
        }
}
