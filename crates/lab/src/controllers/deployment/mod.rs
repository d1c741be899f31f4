//! Deployment → ReplicaSets: rolling update and Recreate, decided purely.

mod sets;
mod status;
mod template;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use sets::{available, changed, existing, label, revision_of, wanted};
use template::hash as template_hash;

/// Annotation that numbers the revisions of a Deployment.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// Label that tells the pods of one template from those of another.
pub const TEMPLATE_HASH: &str = "pod-template-hash";

/// What is to be done for one Deployment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// A ReplicaSet to create.
    pub create: Option<Value>,
    /// ReplicaSets to scale: name, replicas.
    pub scale: Vec<(String, i32)>,
    /// ReplicaSets to delete: beyond the history limit.
    pub delete: Vec<String>,
    /// The Deployment's new status.
    pub status: Value,
    /// The Deployment's revision.
    pub revision: i64,
}

/// Decides the next step; repeated until nothing is left to do.
pub fn plan(deployment: &Deployment, owned: &[ReplicaSet], now: &str) -> Plan {
    let view = View::of(deployment, owned);
    let mut plan = Plan {
        revision: view.revision(),
        ..Plan::default()
    };
    match (view.new, view.paused) {
        (None, false) if view.may_create() => plan.create = Some(view.new_set(plan.revision)),
        (None, _) => {
            if view.recreate && !view.paused {
                plan.scale = view.old_to_zero();
            }
        }
        (Some(_), _) => plan.scale = view.scaling(),
    }
    if plan.scale.is_empty() && plan.create.is_none() {
        plan.delete = view.beyond_history();
    }
    plan.status = status::status(&view, now);
    plan
}

/// A Deployment and its ReplicaSets, read once.
struct View<'a> {
    deployment: &'a Deployment,
    hash: String,
    new: Option<&'a ReplicaSet>,
    old: Vec<&'a ReplicaSet>,
    desired: i32,
    recreate: bool,
    paused: bool,
    surge: i32,
    unavailable: i32,
}

impl<'a> View<'a> {
    fn of(deployment: &'a Deployment, owned: &'a [ReplicaSet]) -> Self {
        let spec = &deployment.spec;
        let hash = template_hash(&serde_json::to_value(&spec.template).unwrap_or_default());
        let is_new = |set: &&ReplicaSet| label(set, TEMPLATE_HASH) == Some(&hash);
        let desired = spec.replicas.unwrap_or(1);
        let strategy = spec.strategy.as_ref();
        let rolling = strategy.and_then(|it| it.rolling_update.as_ref());
        let surge = rolling.and_then(|it| it.max_surge.as_ref());
        let unavailable = rolling.and_then(|it| it.max_unavailable.as_ref());
        let surge = absolute(surge, desired, true);
        let unavailable = absolute(unavailable, desired, false);
        Self {
            deployment,
            new: owned.iter().find(is_new),
            old: owned.iter().filter(|set| !is_new(set)).collect(),
            hash,
            desired,
            recreate: strategy.is_some_and(|it| it.type_.as_deref() == Some("Recreate")),
            paused: spec.paused.unwrap_or(false),
            surge,
            // Kubernetes: both 0 would never move, so one pod may be missing.
            unavailable: if surge == 0 && unavailable == 0 {
                1
            } else {
                unavailable
            },
        }
    }

    fn may_create(&self) -> bool {
        !self.recreate
            || self
                .old
                .iter()
                .all(|set| existing(set) == 0 && wanted(set) == 0)
    }

    fn revision(&self) -> i64 {
        let highest =
            |sets: &[&ReplicaSet]| sets.iter().map(|set| revision_of(set)).max().unwrap_or(0);
        match self.new {
            Some(new) if revision_of(new) > highest(&self.old) => revision_of(new),
            _ => highest(&self.old) + 1,
        }
    }

    /// Kubernetes scales the new set up within the surge first, then the old ones down
    /// as far as enough pods stay available.
    fn scaling(&self) -> Vec<(String, i32)> {
        let Some(new) = self.new else {
            return Vec::new();
        };
        if self.recreate {
            let old = self.old_to_zero();
            let clear = self.old.iter().all(|set| existing(set) == 0);
            return if clear {
                changed(new, self.desired)
            } else {
                old
            };
        }
        if self.paused {
            return Vec::new();
        }
        let total: i32 = self.old.iter().map(|set| wanted(set)).sum::<i32>() + wanted(new);
        let room = self.desired + self.surge - total;
        let up = match wanted(new) {
            too_many if too_many > self.desired => self.desired,
            current => current + room.clamp(0, self.desired - current),
        };
        let mut steps = changed(new, up);
        steps.extend(self.old_down(new, total));
        steps
    }

    fn old_down(&self, new: &ReplicaSet, total: i32) -> Vec<(String, i32)> {
        let least = self.desired - self.unavailable;
        let new_unavailable = (wanted(new) - available(new)).max(0);
        let mut spare = (total - least - new_unavailable).max(0);
        let mut steps = Vec::new();
        let available_now: i32 =
            self.old.iter().map(|set| available(set)).sum::<i32>() + available(new);
        let mut spare_available = (available_now - least).max(0);
        for set in &self.old {
            // What is not available serves nobody and goes first.
            let dead = (wanted(set) - available(set)).clamp(0, spare);
            let alive = (wanted(set) - dead)
                .min(spare_available)
                .min(spare - dead)
                .max(0);
            spare -= dead + alive;
            spare_available -= alive;
            steps.extend(changed(set, wanted(set) - dead - alive));
        }
        steps
    }

    fn old_to_zero(&self) -> Vec<(String, i32)> {
        self.old.iter().flat_map(|set| changed(set, 0)).collect()
    }

    fn beyond_history(&self) -> Vec<String> {
        let limit = self.deployment.spec.revision_history_limit;
        let mut idle: Vec<_> = self
            .old
            .iter()
            .filter(|set| wanted(set) == 0 && existing(set) == 0)
            .collect();
        idle.sort_by_key(|set| revision_of(set));
        let keep = usize::try_from(limit.unwrap_or(10)).unwrap_or(0);
        let surplus = idle.len().saturating_sub(keep);
        idle[..surplus]
            .iter()
            .filter_map(|set| set.metadata.name.clone())
            .collect()
    }

    fn new_set(&self, revision: i64) -> Value {
        let metadata = &self.deployment.metadata;
        let name = metadata.name.as_deref().unwrap_or_default();
        let spec = serde_json::to_value(&self.deployment.spec).unwrap_or_default();
        let mut template = spec["template"].clone();
        template["metadata"]["labels"][TEMPLATE_HASH] = json!(self.hash);
        let mut selector = spec["selector"].clone();
        selector["matchLabels"][TEMPLATE_HASH] = json!(self.hash);
        let replicas = if self.old.is_empty() || self.recreate {
            self.desired
        } else {
            0 // The next pass scales it up within the surge.
        };
        json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{name}-{}", self.hash),
                "namespace": metadata.namespace,
                "labels": template["metadata"]["labels"],
                "annotations": {
                    REVISION: revision.to_string(),
                    "deployment.kubernetes.io/desired-replicas": self.desired.to_string(),
                    "deployment.kubernetes.io/max-replicas": (self.desired + self.surge).to_string(),
                },
                "ownerReferences": [super::owner_reference("apps/v1", "Deployment", metadata)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": template},
        })
    }
}

/// A count or a percentage of `desired`; Kubernetes rounds surge up and unavailable down, and
/// takes 25 % where nothing is said.
fn absolute(value: Option<&IntOrString>, desired: i32, round_up: bool) -> i32 {
    let percent = match value {
        Some(IntOrString::Int(count)) => return *count,
        Some(IntOrString::String(text)) => text.trim_end_matches('%').parse().unwrap_or(25),
        None => 25,
    };
    let hundredfold = desired * percent;
    if round_up {
        (hundredfold + 99) / 100
    } else {
        hundredfold / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(replicas: i32, image: &str, strategy: Value) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"name": "d", "namespace": "n", "uid": "u", "generation": 1},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "d"}},
                "strategy": strategy,
                "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": image}]}},
            },
        }))
        .unwrap()
    }

    fn rolling(surge: i32, unavailable: i32) -> Value {
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
    }

    fn set_of(
        deployment: &Deployment,
        revision: i64,
        wanted: i32,
        existing: i32,
        available: i32,
    ) -> ReplicaSet {
        let mut set = View::of(deployment, &[]).new_set(revision);
        set["spec"]["replicas"] = json!(wanted);
        set["status"] = json!({"replicas": existing, "readyReplicas": available, "availableReplicas": available});
        serde_json::from_value(set).unwrap()
    }

    /// Follows the plan to its end with pods that become available one step later.
    fn roll(old: &Deployment, new: &Deployment) -> Vec<(i32, i32)> {
        let replicas = new.spec.replicas.unwrap();
        let mut sets = vec![set_of(old, 1, replicas, replicas, replicas)];
        let mut trace = Vec::new();
        for _ in 0..50 {
            let step = plan(new, &sets, "now");
            if let Some(create) = step.create {
                sets.push(serde_json::from_value(create).unwrap());
            }
            for (name, count) in &step.scale {
                let set = sets
                    .iter_mut()
                    .find(|it| it.metadata.name.as_ref() == Some(name))
                    .unwrap();
                set.spec.replicas = Some(*count);
            }
            for set in &mut sets {
                let count = wanted(set);
                let status = set.status.get_or_insert_default();
                // New pods need one more step to become available; removed ones are gone at once.
                status.available_replicas = Some(status.replicas.min(count));
                status.replicas = count;
            }
            let count = |index: usize| sets.get(index).map_or(0, wanted);
            trace.push((count(0), count(1)));
            if trace.len() > 2 && trace.last() == trace.get(trace.len() - 2) && count(0) == 0 {
                break;
            }
        }
        trace.dedup();
        trace
    }

    #[test]
    fn a_rolling_update_goes_one_by_one_and_never_below_the_desired_count() {
        let (old, new) = (
            deployment(2, "a", rolling(1, 0)),
            deployment(2, "b", rolling(1, 0)),
        );
        assert_eq!(roll(&old, &new), [(2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]);
    }

    #[test]
    fn recreate_empties_the_old_set_first() {
        let strategy = json!({"type": "Recreate"});
        let (old, new) = (
            deployment(2, "a", strategy.clone()),
            deployment(2, "b", strategy),
        );
        assert_eq!(roll(&old, &new), [(0, 0), (0, 2)]);
    }

    #[test]
    fn a_first_deployment_creates_all_its_pods_at_once() {
        let step = plan(&deployment(3, "a", rolling(1, 0)), &[], "now");
        assert_eq!(step.create.unwrap()["spec"]["replicas"], 3);
        assert_eq!(step.revision, 1);
    }

    #[test]
    fn scaling_changes_the_one_set_and_nothing_else() {
        let before = deployment(2, "a", rolling(1, 0));
        let sets = [set_of(&before, 1, 2, 2, 2)];
        let name = sets[0].metadata.name.clone().unwrap();
        for replicas in [0, 1, 5] {
            let step = plan(&deployment(replicas, "a", rolling(1, 0)), &sets, "now");
            assert_eq!(step.scale, [(name.clone(), replicas)]);
            assert_eq!(step.create, None);
        }
    }

    #[test]
    fn going_back_to_an_old_template_reuses_its_set_with_a_new_revision() {
        let (one, two) = (
            deployment(2, "a", rolling(1, 0)),
            deployment(2, "b", rolling(1, 0)),
        );
        let sets = [set_of(&one, 1, 0, 0, 0), set_of(&two, 2, 2, 2, 2)];
        let step = plan(&one, &sets, "now");
        assert_eq!(step.create, None);
        assert_eq!(step.revision, 3);
        assert_eq!(step.scale[0], (sets[0].metadata.name.clone().unwrap(), 1));
    }

    #[test]
    fn percentages_round_as_kubernetes_rounds_them() {
        let text = |text: &str| Some(IntOrString::String(text.to_owned()));
        assert_eq!(absolute(text("25%").as_ref(), 3, true), 1);
        assert_eq!(absolute(text("25%").as_ref(), 3, false), 0);
        assert_eq!(absolute(None, 10, true), 3);
        assert_eq!(absolute(Some(&IntOrString::Int(2)), 10, true), 2);
    }
}
