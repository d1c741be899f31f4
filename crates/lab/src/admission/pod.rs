//! What Kubernetes' own admission adds to a new pod.

use apiserver::admission::Review;
use apiserver::object;
use apiserver::resource::rows;
use apiserver::status::Status;
use apiserver::store::{Key, Store};
use serde_json::{Value, json};

/// Every namespace has this account; a new one gets it a moment after it was made.
const DEFAULT_ACCOUNT: &str = "default";
/// A node that does not answer keeps its pods this long, in seconds.
const PATIENCE: u32 = 300;
const UNHEALTHY: [&str; 2] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
];

/// Fills in account, priority, tolerations and the state a pod begins with.
pub(super) fn fill(pod: &mut Value) {
    let spec = &mut pod["spec"];
    or(spec, "serviceAccountName", json!(DEFAULT_ACCOUNT));
    let account = spec["serviceAccountName"].clone();
    or(spec, "serviceAccount", account);
    or(spec, "priority", json!(0));
    or(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    tolerate(spec);
    let class = quality(spec);
    or(pod, "status", json!({}));
    or(&mut pod["status"], "phase", json!("Pending"));
    or(&mut pod["status"], "qosClass", json!(class));
}

/// Refuses a new pod whose account is not there.
///
/// # Errors
/// 403 in Kubernetes' words, which name a pod by the beginning of a name that is yet to be drawn.
pub(super) fn check_account(store: &Store, review: &Review<'_>, pod: &Value) -> Result<(), Status> {
    let account = object::text(pod, &["spec", "serviceAccountName"]);
    let key = Key::new(&rows::SERVICE_ACCOUNTS, review.namespace, account);
    if matches!(account, "" | DEFAULT_ACCOUNT) || store.get(&key).is_ok() {
        return Ok(());
    }
    let name = match object::text(pod, &["metadata", "generateName"]) {
        "" => review.name,
        prefix => prefix,
    };
    let namespace = review.namespace;
    let why = format!(
        "error looking up service account {namespace}/{account}: serviceaccount {account:?} not found"
    );
    Err(Status::forbidden(review.resource, name, why))
}

/// Kubernetes adds its tolerations after the pod's own, unless one of those covers them.
fn tolerate(spec: &mut Value) {
    or(spec, "tolerations", json!([]));
    let Some(tolerations) = spec["tolerations"].as_array_mut() else {
        return;
    };
    for key in UNHEALTHY {
        let covers = |it: &Value| {
            let effect = it["effect"].as_str().unwrap_or("NoExecute");
            it["key"].as_str().is_none_or(|given| given == key) && effect == "NoExecute"
        };
        if !tolerations.iter().any(covers) {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": PATIENCE,
            }));
        }
    }
}

/// Kubernetes' class of a pod by what its containers ask for and may use.
fn quality(spec: &Value) -> &'static str {
    let containers: Vec<&Value> = ["containers", "initContainers"]
        .iter()
        .filter_map(|list| spec[*list].as_array())
        .flatten()
        .collect();
    let amount = |it: &Value, of: &str, what: &str| it["resources"][of][what].clone();
    let guaranteed = |it: &&Value| {
        ["cpu", "memory"].iter().all(|what| {
            let limit = amount(it, "limits", what);
            !limit.is_null() && amount(it, "requests", what) == limit
        })
    };
    let some = |it: &&Value| {
        ["limits", "requests"].iter().any(|of| {
            ["cpu", "memory"]
                .iter()
                .any(|what| !amount(it, of, what).is_null())
        })
    };
    match containers {
        all if !all.is_empty() && all.iter().all(guaranteed) => "Guaranteed",
        all if all.iter().any(some) => "Burstable",
        _ => "BestEffort",
    }
}

fn or(object: &mut Value, field: &str, value: Value) {
    if object[field].is_null() {
        object[field] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pod_is_pending_and_tolerates_a_lost_node_for_a_while() {
        let mut pod = json!({"spec": {"containers": [{"name": "a"}]}});
        fill(&mut pod);
        assert_eq!(
            pod["status"],
            json!({"phase": "Pending", "qosClass": "BestEffort"})
        );
        assert_eq!(pod["spec"]["serviceAccountName"], "default");
        assert_eq!(pod["spec"]["tolerations"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_toleration_of_everything_with_an_effect_of_its_own_covers_nothing_else() {
        for (given, all) in [
            (json!({"operator": "Exists"}), 1),
            (json!({"operator": "Exists", "effect": "NoSchedule"}), 3),
            (json!({"key": "b", "operator": "Exists"}), 3),
        ] {
            let mut pod = json!({"spec": {"containers": [], "tolerations": [given]}});
            fill(&mut pod);
            assert_eq!(pod["spec"]["tolerations"].as_array().unwrap().len(), all);
        }
    }

    #[test]
    fn the_class_follows_from_requests_and_limits() {
        let class = |resources: Value| {
            quality(&json!({"containers": [{"name": "a", "resources": resources}]}))
        };
        let full = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(
            class(json!({"limits": full, "requests": full})),
            "Guaranteed"
        );
        assert_eq!(class(json!({"requests": {"cpu": "1"}})), "Burstable");
        assert_eq!(class(json!({})), "BestEffort");
    }
}
