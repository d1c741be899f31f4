//! The status of PodDisruptionBudgets: how many pods may be evicted now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use apiserver::resource::rows;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::replicaset::is_ready;
use super::settled::{Settled, versions};
use super::{Cluster, controller_uid, key};
use crate::events::{Reference, Reporter};
use crate::objects;

/// Kubernetes: a pod that was let go and is still there after this long stays.
const GONE_WITHIN: SignedDuration = SignedDuration::from_mins(2);
const ALLOWED: &str = "DisruptionAllowed";

/// The disruption controller.
pub(super) struct Controller {
    events: Reporter,
    settled: Settled,
}

impl Controller {
    pub(super) fn new(events: Reporter) -> Self {
        Self {
            events,
            settled: Settled::default(),
        }
    }

    /// Looks at every budget; returns when to look again at the latest.
    pub(super) fn pass(&mut self, cluster: &mut Cluster, now: Timestamp) -> Option<Timestamp> {
        let budgets = cluster.budgets.list();
        if budgets.is_empty() {
            return self.settled.finish();
        }
        let pods = cluster.pods.list();
        let scales = Scales::of(&cluster.deployments.list(), &cluster.replica_sets.list());
        for budget in &budgets {
            let value = json!(**budget);
            let near = pods
                .iter()
                .filter(|pod| pod.metadata.namespace == budget.metadata.namespace);
            let selects = |pod: &&Arc<Pod>| {
                apiserver::disruption::selects(
                    &value,
                    &json!({"metadata": {"labels": pod.metadata.labels}}),
                )
            };
            let selected: Vec<Arc<Pod>> = near.filter(selects).cloned().collect();
            let expected = scales.expected(&selected);
            let inputs =
                std::iter::once(&budget.metadata).chain(selected.iter().map(|it| &it.metadata));
            let inputs = versions(inputs) ^ u64::from(expected.cast_unsigned());
            let uid = budget.metadata.uid.as_deref().unwrap_or_default();
            if self.settled.is_settled(uid, inputs, now) {
                continue;
            }
            if selected.is_empty() {
                self.events.normal(
                    &Reference::to(&**budget),
                    "NoPods",
                    "No matching pods found",
                );
            }
            let status = status(budget, &selected, expected, now);
            let disrupted = status
                .disrupted_pods
                .as_ref()
                .is_some_and(|it| !it.is_empty());
            let key = key(&rows::POD_DISRUPTION_BUDGETS, &budget.metadata);
            objects::set_status(&cluster.api.store, &key, &status);
            self.settled
                .looked(uid, inputs, disrupted.then(|| now + GONE_WITHIN));
        }
        self.settled.finish()
    }
}

/// How many pods each controller wants, by the uid of the ReplicaSet that makes them.
struct Scales(HashMap<String, (String, i32)>);

impl Scales {
    fn of(deployments: &[Arc<Deployment>], sets: &[Arc<ReplicaSet>]) -> Self {
        let by_uid: HashMap<&str, i32> = deployments
            .iter()
            .filter_map(|it| Some((it.metadata.uid.as_deref()?, it.spec.replicas.unwrap_or(1))))
            .collect();
        let scale = |set: &Arc<ReplicaSet>| {
            let uid = set.metadata.uid.clone()?;
            // Kubernetes: the pods of a Deployment's sets count as the Deployment's.
            let deployment = controller_uid(&set.metadata).and_then(|it| by_uid.get_key_value(it));
            let own = (uid.clone(), set.spec.replicas.unwrap_or(1));
            let scale = deployment.map_or(own, |(uid, wanted)| ((*uid).to_owned(), *wanted));
            Some((uid, scale))
        };
        Self(sets.iter().filter_map(scale).collect())
    }

    fn expected(&self, pods: &[Arc<Pod>]) -> i32 {
        let owners = pods
            .iter()
            .filter_map(|pod| self.0.get(controller_uid(&pod.metadata)?));
        let owners: BTreeMap<&String, i32> = owners.map(|(uid, wanted)| (uid, *wanted)).collect();
        owners
            .values()
            .fold(0, |sum, wanted| sum.saturating_add(*wanted))
    }
}

/// The status of a budget for the pods it selects, whose controllers want so many.
fn status(
    budget: &PodDisruptionBudget,
    pods: &[Arc<Pod>],
    wanted: i32,
    now: Timestamp,
) -> PodDisruptionBudgetStatus {
    let there = i32::try_from(pods.len()).unwrap_or(i32::MAX);
    let spec = budget.spec.clone().unwrap_or_default();
    let (expected, desired) = match (&spec.max_unavailable, &spec.min_available) {
        (Some(most), _) => (wanted, (wanted - scaled(most, wanted)).max(0)),
        (None, Some(IntOrString::Int(least))) => (there, *least),
        (None, Some(least)) => (wanted, scaled(least, wanted)),
        (None, None) => (0, 0),
    };
    let disrupted = still_going(budget, pods, now);
    let healthy = |pod: &&Arc<Pod>| {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        pod.metadata.deletion_timestamp.is_none() && !disrupted.contains_key(name) && is_ready(pod)
    };
    let current = i32::try_from(pods.iter().filter(healthy).count()).unwrap_or(i32::MAX);
    let allowed = match expected {
        ..=0 => 0,
        _ => (current - desired).max(0),
    };
    PodDisruptionBudgetStatus {
        conditions: Some(vec![condition(budget, allowed > 0, now)]),
        current_healthy: Some(current),
        desired_healthy: Some(desired),
        disrupted_pods: (!disrupted.is_empty()).then_some(disrupted),
        disruptions_allowed: Some(allowed),
        expected_pods: Some(expected),
        observed_generation: budget.metadata.generation,
    }
}

/// Pods that were let go lately and have not begun to go.
fn still_going(
    budget: &PodDisruptionBudget,
    pods: &[Arc<Pod>],
    now: Timestamp,
) -> BTreeMap<String, Time> {
    let told = budget
        .status
        .as_ref()
        .and_then(|it| it.disrupted_pods.clone());
    let mut told = told.unwrap_or_default();
    told.retain(|name, since| {
        let is_there = |pod: &Arc<Pod>| {
            pod.metadata.name.as_ref() == Some(name) && pod.metadata.deletion_timestamp.is_none()
        };
        now.duration_since(since.0) < GONE_WITHIN && pods.iter().any(is_there)
    });
    told
}

fn condition(budget: &PodDisruptionBudget, allowed: bool, now: Timestamp) -> Condition {
    let (status, reason) = match allowed {
        true => ("True", "SufficientPods"),
        false => ("False", "InsufficientPods"),
    };
    let before = budget
        .status
        .as_ref()
        .and_then(|it| it.conditions.as_deref());
    let mut before = before.unwrap_or_default().iter();
    let same = before.find(|it| it.type_ == ALLOWED && it.status == status);
    let now = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    Condition {
        last_transition_time: same.map_or(now, |it| it.last_transition_time.clone()),
        message: String::new(),
        observed_generation: budget.metadata.generation,
        reason: reason.to_owned(),
        status: status.to_owned(),
        type_: ALLOWED.to_owned(),
    }
}

/// Kubernetes rounds both bounds of a budget up.
fn scaled(value: &IntOrString, of: i32) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: f64 = text.trim_end_matches('%').parse().unwrap_or(0.0);
            #[expect(clippy::cast_possible_truncation, reason = "a cast to i32 saturates")]
            let rounded = (f64::from(of) * percent / 100.0).ceil() as i32;
            rounded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value};

    fn pods(ready: &[bool]) -> Vec<Arc<Pod>> {
        let pod = |(index, ready): (usize, &bool)| {
            let ready = if *ready { "True" } else { "False" };
            let pod = json!({
                "metadata": {"name": format!("p{index}")},
                "status": {"conditions": [{"type": "Ready", "status": ready}]},
            });
            Arc::new(from_value(pod).unwrap())
        };
        ready.iter().enumerate().map(pod).collect()
    }

    fn now() -> Timestamp {
        "2026-01-01T00:01:00Z".parse().unwrap()
    }

    fn figures(spec: Value, status_before: Value, pods: &[Arc<Pod>], wanted: i32) -> [i32; 4] {
        let budget = json!({"metadata": {"name": "b", "generation": 1}, "spec": spec, "status": status_before});
        let status = status(&from_value(budget).unwrap(), pods, wanted, now());
        let figures = [
            status.expected_pods,
            status.desired_healthy,
            status.current_healthy,
            status.disruptions_allowed,
        ];
        figures.map(Option::unwrap_or_default)
    }

    #[test]
    fn a_budget_counts_by_pods_or_by_what_their_controllers_want() {
        let rows = [
            (json!({"minAvailable": 2}), [3, 2, 3, 1]),
            (json!({"minAvailable": "50%"}), [5, 3, 3, 0]),
            (json!({"maxUnavailable": 1}), [5, 4, 3, 0]),
            (json!({"maxUnavailable": "50%"}), [5, 2, 3, 1]),
        ];
        for (spec, expected) in rows {
            assert_eq!(
                figures(spec.clone(), Value::Null, &pods(&[true; 3]), 5),
                expected,
                "{spec}"
            );
        }
    }

    #[test]
    fn without_pods_nothing_may_be_disrupted() {
        assert_eq!(
            figures(json!({"minAvailable": 0}), Value::Null, &[], 0),
            [0, 0, 0, 0]
        );
    }

    #[test]
    fn a_pod_that_was_let_go_does_not_count_until_it_is_clear_that_it_stays() {
        let told = |at: &str| {
            json!({
                "disruptedPods": {"p0": at},
                "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
            })
        };
        let spec = json!({"minAvailable": 1});
        let lately = figures(
            spec.clone(),
            told("2026-01-01T00:00:30Z"),
            &pods(&[true; 3]),
            3,
        );
        assert_eq!(lately, [3, 1, 2, 1]);
        let long_ago = figures(spec, told("2025-12-31T23:58:00Z"), &pods(&[true; 3]), 3);
        assert_eq!(long_ago, [3, 1, 3, 2]);
    }
}
