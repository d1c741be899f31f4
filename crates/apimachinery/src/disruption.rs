//! Whether a pod may be evicted, by the PodDisruptionBudgets that select it; pure.
//!
//! ```text
//! waiting, ended or leaving ──► freely
//! not ready, and enough others are ──► freely, as long as it stays so
//! else ──► one disruption of its budget, or a refusal
//! ```

use serde_json::{Value, json};

use crate::object;
use crate::selector::LabelSelector;
use crate::status::{Cause, Details, Status};

/// Kubernetes: pods a budget lets go before its controller has seen it.
const MOST_UNSEEN: usize = 2_000;
const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

/// On what terms a pod may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// No budget is concerned.
    Free,
    /// Only as it is now, since a budget does not count pods like it.
    AsItIs,
    /// At the cost of one disruption of this budget.
    Charged(String),
}

/// The terms for a pod among the budgets of its namespace.
///
/// # Errors
/// The pod has more than one budget.
pub fn evict(pod: &Value, budgets: &[&Value]) -> Result<Eviction, Status> {
    let phase = object::text(pod, &["status", "phase"]);
    if object::is_terminating(pod) || matches!(phase, "Pending" | "Succeeded" | "Failed") {
        return Ok(Eviction::Free);
    }
    let mut concerned = budgets.iter().filter(|budget| selects(budget, pod));
    let Some(budget) = concerned.next() else {
        return Ok(Eviction::Free);
    };
    if concerned.next().is_some() {
        return Err(Status::failure(
            500,
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        ));
    }
    let policy = object::text(budget, &["spec", "unhealthyPodEvictionPolicy"]);
    let desired = count(budget, "desiredHealthy");
    let enough = desired > 0 && count(budget, "currentHealthy") >= desired;
    if !is_ready(pod) && (policy == "AlwaysAllow" || enough) {
        return Ok(Eviction::AsItIs);
    }
    Ok(Eviction::Charged(object::name(budget).to_owned()))
}

/// The budget after it let a pod go at the moment `now`.
///
/// # Errors
/// It lets nobody go.
pub fn charge(budget: &Value, pod: &str, now: &str) -> Result<Value, Status> {
    let name = object::name(budget);
    if count(budget, "observedGeneration") < object::generation(budget).cast_signed() {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(refusal(why, Some(10)));
    }
    let unseen = object::at(budget, &["status", "disruptedPods"]).and_then(Value::as_object);
    if unseen.is_some_and(|unseen| unseen.len() > MOST_UNSEEN) {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        return Err(Status::forbidden(
            &crate::resource::rows::POD_DISRUPTION_BUDGETS,
            name,
            why,
        ));
    }
    let allowed = count(budget, "disruptionsAllowed");
    if allowed <= 0 {
        return Err(refusal(why_none(budget), None));
    }
    let mut charged = budget.clone();
    charged["status"]["disruptionsAllowed"] = json!(allowed - 1);
    charged["status"]["disruptedPods"][pod] = json!(now);
    Ok(charged)
}

/// Kubernetes: a budget without a selector selects nothing, one with an empty selector everything.
pub fn selects(budget: &Value, pod: &Value) -> bool {
    let selector = object::at(budget, &["spec", "selector"]).filter(|it| it.is_object());
    let selector = selector.and_then(|it| LabelSelector::from_object(it).ok());
    selector.is_some_and(|selector| selector.matches(object::labels(pod)))
}

fn why_none(budget: &Value) -> String {
    let name = object::name(budget);
    let (desired, current) = (
        count(budget, "desiredHealthy"),
        count(budget, "currentHealthy"),
    );
    if current <= desired {
        return format!(
            "The disruption budget {name} needs {desired} healthy pods and has {current} currently"
        );
    }
    format!("The disruption budget {name} does not allow evicting pods currently")
}

fn refusal(why: String, retry_after_seconds: Option<u32>) -> Status {
    let details = Details {
        causes: vec![Cause::new("DisruptionBudget", why, "")],
        retry_after_seconds,
        ..Details::default()
    };
    Status::failure(429, REFUSED)
        .reason("TooManyRequests")
        .details(details)
}

fn count(budget: &Value, member: &str) -> i64 {
    let count = object::at(budget, &["status", member]).and_then(Value::as_i64);
    count.unwrap_or(0)
}

fn is_ready(pod: &Value) -> bool {
    let conditions = object::at(pod, &["status", "conditions"]).and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|it| it["type"] == "Ready" && it["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(phase: &str, ready: bool) -> Value {
        let ready = if ready { "True" } else { "False" };
        json!({
            "metadata": {"name": "p", "labels": {"app": "a"}},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
        })
    }

    /// A budget that needs two pods.
    fn budget(current: i64, allowed: i64) -> Value {
        json!({
            "metadata": {"name": "pdb", "generation": 1},
            "spec": {"selector": {"matchLabels": {"app": "a"}}},
            "status": {"desiredHealthy": 2, "currentHealthy": current, "disruptionsAllowed": allowed, "observedGeneration": 1},
        })
    }

    #[test]
    fn who_serves_nobody_goes_freely() {
        let charged = Eviction::Charged("pdb".to_owned());
        let other = json!({"metadata": {"name": "q"}, "spec": {"selector": null}});
        let rows = [
            (pod("Running", true), budget(2, 0), charged.clone()),
            (pod("Running", false), budget(2, 0), Eviction::AsItIs),
            (pod("Running", false), budget(1, 0), charged),
            (pod("Pending", false), budget(1, 0), Eviction::Free),
            (pod("Succeeded", false), budget(1, 0), Eviction::Free),
            (pod("Running", true), other, Eviction::Free),
        ];
        for (pod, budget, expected) in rows {
            assert_eq!(evict(&pod, &[&budget]).unwrap(), expected, "{pod} {budget}");
        }
    }

    #[test]
    fn a_pod_with_two_budgets_cannot_be_evicted() {
        let (budget, pod) = (budget(3, 1), pod("Running", true));
        let refused = evict(&pod, &[&budget, &budget]).unwrap_err();
        assert_eq!(refused.code(), 500);
    }

    #[test]
    fn a_budget_pays_with_a_disruption_and_remembers_the_pod() {
        let charged = charge(&budget(3, 1), "p", "2026-01-01T00:00:00Z").unwrap();
        assert_eq!(charged["status"]["disruptionsAllowed"], 0);
        assert_eq!(
            charged["status"]["disruptedPods"]["p"],
            "2026-01-01T00:00:00Z"
        );
    }

    #[test]
    fn a_budget_that_has_none_left_refuses_in_a_real_servers_words() {
        let refused = serde_json::to_value(charge(&budget(2, 0), "p", "").unwrap_err()).unwrap();
        assert_eq!(refused["code"], 429);
        assert_eq!(refused["message"], REFUSED);
        let causes = json!([{"reason": "DisruptionBudget", "message": "The disruption budget pdb needs 2 healthy pods and has 2 currently"}]);
        assert_eq!(refused["details"], json!({"causes": causes}));
    }

    #[test]
    fn a_budget_whose_controller_has_not_seen_it_refuses_for_now() {
        let mut budget = budget(3, 1);
        budget["metadata"]["generation"] = json!(2);
        let refused = charge(&budget, "p", "").unwrap_err();
        assert_eq!((refused.code(), refused.retry_after()), (429, Some(10)));
    }
}
