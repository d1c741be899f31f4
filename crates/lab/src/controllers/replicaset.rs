//! ReplicaSet → Pods, decided purely.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::scheduler::node_of;

/// What is to be done for one ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// How many pods to create.
    pub create: usize,
    /// Names of the pods to delete.
    pub delete: Vec<String>,
    /// The ReplicaSet's new status.
    pub status: Value,
}

/// Decides for a set and the pods it owns.
pub fn plan(set: &ReplicaSet, owned: &[Pod]) -> Plan {
    let wanted = set.spec.replicas.unwrap_or(1);
    let wanted = usize::try_from(wanted).unwrap_or(0);
    let mut active: Vec<&Pod> = owned.iter().filter(|pod| is_active(pod)).collect();
    // Kubernetes deletes unplaced, then not ready, then younger pods first.
    active.sort_by_key(|pod| {
        (
            node_of(pod).is_some(),
            is_ready(pod),
            std::cmp::Reverse(created(pod)),
        )
    });
    let surplus = active.len().saturating_sub(wanted);
    Plan {
        create: wanted.saturating_sub(active.len()),
        delete: active[..surplus]
            .iter()
            .filter_map(|pod| pod.metadata.name.clone())
            .collect(),
        status: status(set, &active),
    }
}

/// A pod of the set's template under a fresh name.
pub fn pod_of(set: &ReplicaSet, suffix: &str) -> Value {
    let name = set.metadata.name.as_deref().unwrap_or_default();
    let template = serde_json::to_value(&set.spec.template).unwrap_or_default();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("{name}-{suffix}"),
            "generateName": format!("{name}-"),
            "namespace": set.metadata.namespace,
            "labels": template["metadata"]["labels"],
            "annotations": template["metadata"]["annotations"],
            "ownerReferences": [super::owner_reference("apps/v1", "ReplicaSet", &set.metadata)],
        },
        "spec": template["spec"],
    })
}

/// Five characters of Kubernetes' alphabet from a random number.
pub fn suffix(mut random: u64) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let letter = || {
        let index = usize::try_from(random % ALPHABET.len() as u64).unwrap_or(0);
        random /= ALPHABET.len() as u64;
        char::from(ALPHABET[index])
    };
    std::iter::repeat_with(letter).take(5).collect()
}

/// Whether the pod counts: not on its way out, not ended.
pub fn is_active(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether the pod's condition Ready is true.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref());
    let ready = conditions
        .unwrap_or_default()
        .iter()
        .find(|it| it.type_ == "Ready");
    ready.is_some_and(|it| it.status == "True")
}

fn created(pod: &Pod) -> Option<String> {
    pod.metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0.to_string())
}

fn status(set: &ReplicaSet, active: &[&Pod]) -> Value {
    let ready = active.iter().filter(|pod| is_ready(pod)).count();
    let mut status = json!({
        "replicas": active.len(),
        "observedGeneration": set.metadata.generation.unwrap_or(0),
    });
    let counts = [
        ("fullyLabeledReplicas", active.len()),
        ("readyReplicas", ready),
        ("availableReplicas", ready),
    ];
    for (field, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        status[field] = json!(count);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::from_value;

    fn set(replicas: i32) -> ReplicaSet {
        from_value(json!({
            "metadata": {"name": "s", "namespace": "n", "uid": "u", "generation": 3},
            "spec": {"replicas": replicas, "selector": {}, "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": []}}},
        }))
        .unwrap()
    }

    fn pod(name: &str, node: Option<&str>, ready: bool, second: u8) -> Pod {
        let ready = if ready { "True" } else { "False" };
        from_value(json!({
            "metadata": {"name": name, "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z")},
            "spec": {"containers": [], "nodeName": node},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    #[test]
    fn missing_pods_are_created_and_surplus_ones_deleted_the_least_useful_first() {
        assert_eq!(plan(&set(3), &[pod("a", Some("n"), true, 1)]).create, 2);
        let pods = [
            pod("old", Some("n"), true, 1),
            pod("young", Some("n"), true, 2),
            pod("sick", Some("n"), false, 0),
            pod("unplaced", None, false, 0),
        ];
        assert_eq!(plan(&set(1), &pods).delete, ["unplaced", "sick", "young"]);
        assert_eq!(plan(&set(0), &pods).delete.len(), 4);
    }

    #[test]
    fn a_terminating_pod_does_not_count() {
        let mut leaving = pod("a", Some("n"), true, 1);
        leaving.metadata.deletion_timestamp = leaving.metadata.creation_timestamp.clone();
        let plan = plan(&set(1), &[leaving]);
        assert_eq!((plan.create, plan.delete.len()), (1, 0));
    }

    #[test]
    fn status_counts_what_is_there_and_ready() {
        let pods = [pod("a", Some("n"), true, 1), pod("b", Some("n"), false, 1)];
        let status = plan(&set(2), &pods).status;
        let expected = json!({"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 1, "availableReplicas": 1, "observedGeneration": 3});
        assert_eq!(status, expected);
    }

    #[test]
    fn a_pod_is_named_after_its_set_and_owned_by_it() {
        let pod = pod_of(&set(1), &suffix(12345));
        assert!(pod["metadata"]["name"].as_str().unwrap().starts_with("s-"));
        assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "u");
        assert_eq!(pod["metadata"]["ownerReferences"][0]["controller"], true);
    }
}
