//! ResourceQuotas: what a namespace may hold in all.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::quantity::Quantity;
use apiserver::admission::Review;
use apiserver::resource::{ALL, Resource, rows};
use apiserver::status::Status;
use apiserver::store::{Key, Store};
use serde_json::{Map, Value};

use crate::objects;

/// Amounts by the name a quota has for them.
type Amounts = BTreeMap<String, Quantity>;

/// Names of a quota for what the containers of a pod ask for and may use, all together.
const CONTAINERS: [(&str, &str, &str); 6] = [
    ("cpu", "requests", "cpu"),
    ("memory", "requests", "memory"),
    ("requests.cpu", "requests", "cpu"),
    ("requests.memory", "requests", "memory"),
    ("limits.cpu", "limits", "cpu"),
    ("limits.memory", "limits", "memory"),
];

/// Refuses a new object for which a quota of its namespace has no room.
///
/// # Errors
/// 403 in Kubernetes' words.
pub(super) fn check(store: &Store, review: &Review<'_>, object: &Value) -> Result<(), Status> {
    let wanted = usage(review.resource, object);
    let quotas = store.list(&rows::RESOURCE_QUOTAS, Some(review.namespace));
    if *review.resource == rows::PODS {
        quotas
            .items
            .iter()
            .try_for_each(|it| specified(it, review, object))?;
    }
    for quota in quotas.items {
        let hard = amounts(&quota["spec"]["hard"]);
        let used = used(store, review.namespace, &hard);
        let over: Vec<_> = hard
            .iter()
            .filter(|(name, most)| {
                wanted
                    .get(*name)
                    .is_some_and(|it| used[*name] + *it > **most)
            })
            .map(|(name, _)| name.as_str())
            .collect();
        if !over.is_empty() {
            let list = |of: &Amounts| {
                let parts = over.iter().map(|name| format!("{name}={}", of[*name]));
                parts.collect::<Vec<_>>().join(",")
            };
            let why = format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                quota["metadata"]["name"].as_str().unwrap_or_default(),
                list(&wanted),
                list(&used),
                list(&hard)
            );
            return Err(Status::forbidden(review.resource, review.name, why));
        }
    }
    Ok(())
}

/// Refuses a pod whose containers do not say of what the quota is about.
fn specified(quota: &Value, review: &Review<'_>, pod: &Value) -> Result<(), Status> {
    let hard = amounts(&quota["spec"]["hard"]);
    let mut missing = Vec::new();
    for (name, of, what) in CONTAINERS.iter().filter(|it| hard.contains_key(it.0)) {
        let lists = [&pod["spec"]["containers"], &pod["spec"]["initContainers"]];
        let all = lists.into_iter().filter_map(Value::as_array).flatten();
        let silent = all.filter(|it| it["resources"][*of][*what].is_null());
        let silent: BTreeSet<_> = silent.filter_map(|it| it["name"].as_str()).collect();
        if !silent.is_empty() {
            let silent: Vec<&str> = silent.into_iter().collect();
            missing.push(format!("{name} for: {}", silent.join(",")));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort();
    let quota = quota["metadata"]["name"].as_str().unwrap_or_default();
    let why = format!("failed quota: {quota}: must specify {}", missing.join("; "));
    Err(Status::forbidden(review.resource, review.name, why))
}

/// Writes into every quota what is used of it.
pub(crate) fn count(store: &Store) {
    for quota in store.list(&rows::RESOURCE_QUOTAS, None).items {
        let namespace = quota["metadata"]["namespace"].as_str().unwrap_or_default();
        let hard = amounts(&quota["spec"]["hard"]);
        let written = |of: &Amounts| -> Map<String, Value> {
            of.iter()
                .map(|(name, it)| (name.clone(), it.to_string().into()))
                .collect()
        };
        let status = serde_json::json!({
            "hard": quota["spec"]["hard"], "used": written(&used(store, namespace, &hard)),
        });
        objects::set_status(store, &Key::of(&rows::RESOURCE_QUOTAS, &quota), &status);
    }
}

/// What a namespace holds of everything that is limited.
fn used(store: &Store, namespace: &str, hard: &Amounts) -> Amounts {
    let mut used: Amounts = hard
        .keys()
        .map(|name| (name.clone(), Quantity::default()))
        .collect();
    for kind in ALL.iter().copied().filter(|kind| kind.namespaced) {
        for item in store.list(kind, Some(namespace)).items {
            for (name, amount) in usage(kind, &item) {
                if let Some(sum) = used.get_mut(&name) {
                    *sum = *sum + amount;
                }
            }
        }
    }
    used
}

/// What one object counts for. Kubernetes: a pod that has ended counts for nothing.
fn usage(kind: &Resource, object: &Value) -> Amounts {
    let ended = matches!(
        object["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    );
    if *kind == rows::PODS && ended {
        return Amounts::new();
    }
    let mut usage = Amounts::from([(format!("count/{}", kind.qualified()), Quantity::count(1))]);
    if kind.group.is_empty() {
        usage.insert(kind.plural.to_owned(), Quantity::count(1));
    }
    if *kind == rows::PODS {
        let containers = object["spec"]["containers"].as_array();
        for (name, of, what) in CONTAINERS {
            let each = containers.into_iter().flatten();
            let each = each.filter_map(|it| Quantity::parse(it["resources"][of][what].as_str()?));
            usage.insert(name.to_owned(), each.sum());
        }
    }
    usage
}

fn amounts(hard: &Value) -> Amounts {
    let members = hard.as_object().into_iter().flatten();
    members
        .filter_map(|(name, amount)| Some((name.clone(), Quantity::parse(amount.as_str()?)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use apiserver::admission::Operation;
    use apiserver::store::{RingLimits, SystemSource};
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn a_pod_too_many_is_refused_and_the_quota_knows_what_is_used() {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        store
            .create(&rows::NAMESPACES, "", json!({"metadata": {"name": "a"}}))
            .unwrap();
        let quota = json!({"metadata": {"name": "q", "namespace": "a"},
            "spec": {"hard": {"pods": "1", "requests.memory": "1Gi"}}});
        store.create(&rows::RESOURCE_QUOTAS, "a", quota).unwrap();
        let pod = json!({"metadata": {"name": "p", "namespace": "a"}, "spec": {"containers": [
            {"name": "c", "resources": {"requests": {"memory": "64Mi"}}},
        ]}});
        let review = Review {
            operation: Operation::Create,
            resource: &rows::PODS,
            version: "v1",
            namespace: "a",
            name: "p",
            object: Some(&pod),
            old: None,
        };
        check(&store, &review, &pod).unwrap();
        store.create(&rows::PODS, "a", pod.clone()).unwrap();
        let refusal = check(&store, &review, &pod).unwrap_err();
        assert_eq!(
            refusal.message(),
            "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
        );
        count(&store);
        let quota = store
            .get(&Key::new(&rows::RESOURCE_QUOTAS, "a", "q"))
            .unwrap();
        assert_eq!(
            quota["status"]["used"],
            json!({"pods": "1", "requests.memory": "64Mi"})
        );
    }

    #[test]
    fn a_container_must_say_of_what_a_quota_is_about() {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        let namespace = json!({"metadata": {"name": "a"}});
        store.create(&rows::NAMESPACES, "", namespace).unwrap();
        let quota = json!({"metadata": {"name": "q", "namespace": "a"},
            "spec": {"hard": {"requests.memory": "1Gi", "limits.cpu": "2", "pods": "9"}}});
        store.create(&rows::RESOURCE_QUOTAS, "a", quota).unwrap();
        let pod = json!({"metadata": {"name": "p", "namespace": "a"}, "spec": {
            "containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}, {"name": "b"}],
        }});
        let review = Review {
            operation: Operation::Create,
            resource: &rows::PODS,
            version: "v1",
            namespace: "a",
            name: "p",
            object: Some(&pod),
            old: None,
        };
        let refusal = check(&store, &review, &pod).unwrap_err();
        assert_eq!(
            refusal.message(),
            "pods \"p\" is forbidden: failed quota: q: must specify limits.cpu for: b; requests.memory for: b,c"
        );
    }
}
