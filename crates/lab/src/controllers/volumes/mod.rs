//! Volumes for claims: what becomes of a claim is decided purely.
//!
//! ```text
//! claim ── class? ── used by a pod that has a node, or bound at once? ──► volume, Bound
//!            └── none, or not ours: Pending, and an event that says why
//! claim gone ──► its volume goes too, or is Released, by the class' reclaim policy
//! ```

pub(super) mod sync;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::{Value, json};

use super::now;
use super::replicaset::has_ended;
use super::scheduler::node_of;

/// Who makes the lab's volumes: each is a folder in the state directory.
pub const PROVISIONER: &str = "folder.theater-lab";
/// Kubernetes: a claim that is in use stays until its pods are gone.
pub const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";
const VOLUME_FINALIZER: &str = "kubernetes.io/pv-protection";
const FIRST_CONSUMER: &str = "WaitForFirstConsumer";

/// What becomes of a claim without a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// It gets one now.
    Provision,
    /// It waits; an event says for what.
    Wait(Notice),
}

/// What is told of a claim that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Notice {
    is_warning: bool,
    reason: &'static str,
    message: String,
}

/// Kubernetes' answers, in its order.
fn decide(claim: &PersistentVolumeClaim, class: Option<&StorageClass>, is_used: bool) -> Verdict {
    let wait = |is_warning, reason, message: String| {
        Verdict::Wait(Notice {
            is_warning,
            reason,
            message,
        })
    };
    let Some(class) = class else {
        return match class_of(claim) {
            "" => wait(
                false,
                "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set".into(),
            ),
            name => wait(
                true,
                "ProvisioningFailed",
                format!("storageclass.storage.k8s.io {name:?} not found"),
            ),
        };
    };
    if class.volume_binding_mode.as_deref() == Some(FIRST_CONSUMER) && !is_used {
        let message = "waiting for first consumer to be created before binding";
        return wait(false, FIRST_CONSUMER, message.into());
    }
    if class.provisioner != PROVISIONER {
        let message = format!(
            "Waiting for a volume to be created either by the external provisioner '{}' or manually \
             by the system administrator. If volume creation is delayed, please verify that the \
             provisioner is running and correctly registered.",
            class.provisioner
        );
        return wait(false, "ExternalProvisioning", message);
    }
    Verdict::Provision
}

fn class_of(claim: &PersistentVolumeClaim) -> &str {
    let spec = claim.spec.as_ref();
    let class = spec.and_then(|spec| spec.storage_class_name.as_deref());
    class.unwrap_or_default()
}

/// Whether the claim is mounted by this pod, which has a node and has not ended.
fn uses(pod: &Pod, claim: &PersistentVolumeClaim) -> bool {
    let volumes = pod.spec.iter().flat_map(|it| it.volumes.iter().flatten());
    let mut claims = volumes.filter_map(|it| it.persistent_volume_claim.as_ref());
    node_of(pod).is_some()
        && !has_ended(pod)
        && pod.metadata.namespace == claim.metadata.namespace
        && claims.any(|it| Some(&it.claim_name) == claim.metadata.name.as_ref())
}

fn volume_name(claim: &PersistentVolumeClaim) -> String {
    format!("pvc-{}", claim.metadata.uid.as_deref().unwrap_or_default())
}

/// The volume that a claim gets, bound to it.
fn volume(claim: &PersistentVolumeClaim, class: &StorageClass) -> Value {
    let spec = claim.spec.clone().unwrap_or_default();
    let about = &claim.metadata;
    let policy = class.reclaim_policy.as_deref().unwrap_or("Delete");
    let (namespace, name) = (about.namespace.clone(), about.name.clone());
    let handle = format!(
        "{}/{}",
        namespace.as_deref().unwrap_or_default(),
        name.as_deref().unwrap_or_default()
    );
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {
            "name": volume_name(claim),
            "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
            "finalizers": [VOLUME_FINALIZER],
        },
        "spec": {
            "accessModes": spec.access_modes,
            "capacity": capacity(claim),
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace,
                "name": name, "uid": about.uid, "resourceVersion": about.resource_version,
            },
            "csi": {"driver": PROVISIONER, "volumeHandle": handle},
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": class_of(claim),
            "volumeMode": spec.volume_mode.as_deref().unwrap_or("Filesystem"),
        },
        "status": {"phase": "Bound", "lastPhaseTransitionTime": now()},
    })
}

fn capacity(claim: &PersistentVolumeClaim) -> Value {
    let spec = claim.spec.clone().unwrap_or_default();
    let requests = spec.resources.and_then(|it| it.requests);
    let storage = requests.and_then(|mut it| it.remove("storage"));
    json!({"storage": storage})
}

/// Notes in a claim which volume it is bound to.
fn bind(claim: &mut Value, volume: &str) {
    claim["spec"]["volumeName"] = json!(volume);
    let annotations = &mut claim["metadata"]["annotations"];
    for (name, value) in [
        ("pv.kubernetes.io/bind-completed", "yes"),
        ("pv.kubernetes.io/bound-by-controller", "yes"),
        ("volume.kubernetes.io/storage-provisioner", PROVISIONER),
    ] {
        annotations[name] = json!(value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;

    fn claim(class: Value) -> PersistentVolumeClaim {
        from_value(json!({
            "metadata": {"name": "data", "namespace": "n", "uid": "u"},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": class,
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }))
        .unwrap()
    }

    fn class(provisioner: &str, mode: &str) -> StorageClass {
        from_value(json!({"provisioner": provisioner, "volumeBindingMode": mode})).unwrap()
    }

    #[test]
    fn a_claim_gets_a_volume_when_its_class_says_so_and_is_told_why_not_else() {
        let rows = [
            (json!(null), None, true, "FailedBinding"),
            (json!("x"), None, true, "ProvisioningFailed"),
            (
                json!("x"),
                Some((PROVISIONER, FIRST_CONSUMER)),
                false,
                FIRST_CONSUMER,
            ),
            (json!("x"), Some((PROVISIONER, FIRST_CONSUMER)), true, ""),
            (json!("x"), Some((PROVISIONER, "Immediate")), false, ""),
            (
                json!("x"),
                Some(("other", "Immediate")),
                false,
                "ExternalProvisioning",
            ),
        ];
        for (name, given, is_used, expected) in rows {
            let given = given.map(|(provisioner, mode)| class(provisioner, mode));
            let reason = match decide(&claim(name.clone()), given.as_ref(), is_used) {
                Verdict::Provision => "",
                Verdict::Wait(notice) => notice.reason,
            };
            assert_eq!(reason, expected, "{name} {given:?} {is_used}");
        }
    }

    #[test]
    fn only_a_pod_with_a_node_that_has_not_ended_uses_a_claim() {
        let pod = |namespace: &str, node: Value, phase: &str| -> Pod {
            from_value(json!({
                "metadata": {"namespace": namespace},
                "spec": {"nodeName": node, "containers": [], "volumes": [
                    {"name": "v", "persistentVolumeClaim": {"claimName": "data"}},
                ]},
                "status": {"phase": phase},
            }))
            .unwrap()
        };
        let claim = claim(json!("x"));
        assert!(uses(&pod("n", json!("a"), "Running"), &claim));
        assert!(!uses(&pod("m", json!("a"), "Running"), &claim));
        assert!(!uses(&pod("n", json!(null), "Pending"), &claim));
        assert!(!uses(&pod("n", json!("a"), "Succeeded"), &claim));
    }

    #[test]
    fn a_volume_is_as_large_as_asked_and_names_its_claim() {
        let volume = volume(&claim(json!("x")), &class(PROVISIONER, "Immediate"));
        assert_eq!(volume["metadata"]["name"], "pvc-u");
        assert_eq!(volume["spec"]["capacity"]["storage"], "1Gi");
        assert_eq!(volume["spec"]["claimRef"]["uid"], "u");
        assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Delete");
    }
}
