//! HorizontalPodAutoscaler: `v2` is stored, `v1` knows one target and keeps the rest in annotations.

use serde_json::{Map, Value, json};

use crate::object;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const TARGET: &str = "targetCPUUtilizationPercentage";
const CURRENT: &str = "currentCPUUtilizationPercentage";

/// What `v1` has no field for: where `v2` has it, and its annotation.
const ANNOTATED: [(&str, &str, &str); 4] = [
    ("spec", "metrics", METRICS),
    ("spec", "behavior", BEHAVIOR),
    ("status", "currentMetrics", CURRENT_METRICS),
    ("status", "conditions", CONDITIONS),
];

pub(super) fn to_v1(autoscaler: &mut Value) {
    take_cpu(autoscaler, ("spec", "metrics"), ("target", TARGET));
    take_cpu(
        autoscaler,
        ("status", "currentMetrics"),
        ("current", CURRENT),
    );
    for (part, field, annotation) in ANNOTATED {
        let Some(members) = autoscaler.get_mut(part).and_then(Value::as_object_mut) else {
            continue;
        };
        let Some(value) = members.remove(field) else {
            continue;
        };
        if !is_empty(&value) {
            annotations(autoscaler).insert(annotation.to_owned(), value.to_string().into());
        }
    }
}

pub(super) fn to_v2(autoscaler: &mut Value) {
    for (part, field, annotation) in ANNOTATED {
        let kept = annotations(autoscaler).remove(annotation);
        let value = kept.and_then(|text| serde_json::from_str::<Value>(text.as_str()?).ok());
        if let Some(value) = value {
            object::member_mut(autoscaler, part).insert(field.to_owned(), value);
        }
    }
    if annotations(autoscaler).is_empty() {
        object::metadata_mut(autoscaler).remove("annotations");
    }
    put_cpu(autoscaler, ("spec", "metrics"), ("target", TARGET));
    put_cpu(
        autoscaler,
        ("status", "currentMetrics"),
        ("current", CURRENT),
    );
}

/// Takes the utilization of the processor out of a list of metrics.
fn take_cpu(autoscaler: &mut Value, (part, list): (&str, &str), (side, field): (&str, &str)) {
    let Some(members) = autoscaler.get_mut(part).and_then(Value::as_object_mut) else {
        return;
    };
    let Some(Value::Array(metrics)) = members.get_mut(list) else {
        return;
    };
    let utilization = |metric: &Value| {
        let cpu = object::text(metric, &["resource", "name"]) == "cpu";
        let value = object::at(metric, &["resource", side, "averageUtilization"])?;
        cpu.then(|| value.clone())
    };
    let found = metrics
        .iter()
        .enumerate()
        .find_map(|(at, it)| Some((at, utilization(it)?)));
    if let Some((at, value)) = found {
        metrics.remove(at);
        members.insert(field.to_owned(), value);
    }
}

fn put_cpu(autoscaler: &mut Value, (part, list): (&str, &str), (side, field): (&str, &str)) {
    let Some(members) = autoscaler.get_mut(part).and_then(Value::as_object_mut) else {
        return;
    };
    let Some(value) = members.remove(field) else {
        return;
    };
    let mut figure = json!({"averageUtilization": value});
    if side == "target" {
        figure["type"] = json!("Utilization");
    }
    let metric = json!({"type": "Resource", "resource": {"name": "cpu", side: figure}});
    let metrics = members.entry(list).or_insert_with(|| json!([]));
    if let Value::Array(metrics) = metrics {
        metrics.insert(0, metric);
    }
}

fn annotations(autoscaler: &mut Value) -> &mut Map<String, Value> {
    let metadata = object::metadata_mut(autoscaler);
    object::map_mut(metadata.entry("annotations").or_insert(Value::Null))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
