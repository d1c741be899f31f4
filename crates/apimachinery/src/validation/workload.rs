//! Deployments, ReplicaSets and disruption budgets.

use serde_json::{Value, json};

use super::rule::percent;
use super::{Members, Path, labels_of, text};
use crate::selector::LabelSelector;
use crate::status::Cause;

pub(super) fn deployment_selector(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    selector(
        spec,
        path,
        "empty selector is invalid for deployment",
        faults,
    );
}

pub(super) fn replica_set_selector(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    selector(
        spec,
        path,
        "empty selector is invalid for deployment",
        faults,
    );
}

/// The selector is there, selects something, and selects the template.
fn selector(spec: &Members, path: &Path<'_>, empty: &str, faults: &mut Vec<Cause>) {
    let field = path.field("selector");
    let given = spec.get("selector").filter(|it| !it.is_null());
    let parsed = given.map(LabelSelector::from_object);
    match (given, &parsed) {
        (None, _) => faults.push(Cause::required(field.to_string(), "")),
        (Some(it), Some(Ok(selector))) if selector.is_empty() => {
            faults.push(Cause::invalid(field.to_string(), it, empty));
        }
        (Some(it), Some(Err(_))) => {
            faults.push(Cause::invalid(
                field.to_string(),
                it,
                "invalid label selector",
            ));
        }
        _ => {}
    }
    let template = spec.get("template").unwrap_or(&Value::Null);
    let labels = labels_of(template);
    let selected = parsed
        .and_then(Result::ok)
        .is_some_and(|it| it.matches(labels));
    if !selected {
        let (template, why) = (
            path.field("template"),
            "`selector` does not match template `labels`",
        );
        let metadata = template.field("metadata");
        faults.push(Cause::invalid(
            metadata.field("labels").to_string(),
            labels,
            why,
        ));
    }
}

/// Kubernetes: whoever keeps pods running starts their containers again.
pub(super) fn always_restarts(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let policy = spec
        .get("template")
        .map(|it| crate::object::text(it, &["spec", "restartPolicy"]));
    if let Some(policy) = policy.filter(|it| matches!(*it, "Never" | "OnFailure")) {
        let (template, name) = (path.field("template"), "restartPolicy");
        let spec = template.field("spec");
        faults.push(Cause::not_supported(
            spec.field(name).to_string(),
            policy,
            &["Always"],
        ));
    }
}

pub(super) fn strategy(strategy: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    if text(strategy, "type") == "Recreate" && strategy.contains_key("rollingUpdate") {
        let why = "may not be specified when strategy `type` is 'Recreate'";
        faults.push(Cause::forbidden(
            path.field("rollingUpdate").to_string(),
            why,
        ));
    }
}

pub(super) fn rolling_update(rolling: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let amount = |field: &str| match rolling.get(field) {
        Some(Value::String(text)) => percent(text).map(i64::from),
        other => other.and_then(Value::as_i64),
    };
    let field = path.field("maxUnavailable");
    let unavailable = rolling.get("maxUnavailable");
    if amount("maxUnavailable") == Some(0) && amount("maxSurge") == Some(0) {
        let why = "may not be 0 when `maxSurge` is 0";
        faults.push(Cause::invalid(field.to_string(), unavailable, why));
    }
    if unavailable
        .and_then(Value::as_str)
        .and_then(percent)
        .is_some_and(|it| it > 100)
    {
        let why = "must not be greater than 100%";
        faults.push(Cause::invalid(field.to_string(), unavailable, why));
    }
}

pub(super) fn progress_deadline(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let number = |field: &str| spec.get(field).and_then(Value::as_i64);
    let ready = number("minReadySeconds").unwrap_or(0);
    if let Some(deadline) = number("progressDeadlineSeconds").filter(|it| *it <= ready) {
        let field = path.field("progressDeadlineSeconds");
        let why = "must be greater than minReadySeconds";
        faults.push(Cause::invalid(field.to_string(), deadline, why));
    }
}

pub(super) fn disruption_budget(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let (min, max) = (spec.get("minAvailable"), spec.get("maxUnavailable"));
    if min.is_some() && max.is_some() {
        let shown = json!({
            "MinAvailable": min, "Selector": spec.get("selector"), "MaxUnavailable": max,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        });
        let order = [
            "MinAvailable",
            "Selector",
            "MaxUnavailable",
            "UnhealthyPodEvictionPolicy",
        ];
        let why = "minAvailable and maxUnavailable cannot be both set";
        faults.push(Cause::invalid(
            path.to_string(),
            super::Ordered(&shown, &order),
            why,
        ));
    }
}
