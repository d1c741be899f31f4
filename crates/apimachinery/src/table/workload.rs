//! Columns of what keeps pods running.

use serde_json::Value;

use super::column::{AGE, Column, NAME, Subject, items};
use super::text::{NONE, containers, first, member_of_each, scalar, selector};
use crate::object;

/// Metrics shown of an autoscaler.
const METRICS: usize = 2;
const UNKNOWN: &str = "<unknown>";

const CONTAINERS: Column = Column::text("Containers", "Names of the containers.", |workload| {
    member_of_each(containers(workload.object), "name").into()
})
.wide();
const IMAGES: Column = Column::text("Images", "Images of the containers.", |workload| {
    member_of_each(containers(workload.object), "image").into()
})
.wide();
const SELECTOR: Column = Column::text("Selector", "Labels of its pods.", |workload| {
    selector(workload.at(&["spec", "selector"])).into()
})
.wide();

pub(super) static DEPLOYMENTS: &[Column] = &[
    NAME,
    Column::text("Ready", "Ready pods, of those wanted.", |deployment| {
        let ready = deployment.number(&["status", "readyReplicas"]);
        format!("{ready}/{}", object::replicas(deployment.object)).into()
    }),
    Column::text(
        "Up-to-date",
        "Pods of the present template.",
        |deployment| deployment.number(&["status", "updatedReplicas"]).into(),
    ),
    Column::text("Available", "Pods ready long enough.", |deployment| {
        deployment.number(&["status", "availableReplicas"]).into()
    }),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

pub(super) static REPLICA_SETS: &[Column] = &[
    NAME,
    Column::text("Desired", "Pods wanted.", |set| {
        object::replicas(set.object).into()
    })
    .of("integer"),
    Column::text("Current", "Pods that are there.", |set| {
        set.number(&["status", "replicas"]).into()
    })
    .of("integer"),
    Column::text("Ready", "Pods that are ready.", |set| {
        set.number(&["status", "readyReplicas"]).into()
    })
    .of("integer"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

pub(super) static CONTROLLER_REVISIONS: &[Column] = &[
    NAME,
    Column::text("Controller", "Who owns it.", |revision| {
        controller(revision).into()
    }),
    Column::text("Revision", "Its number.", |revision| {
        revision.number(&["revision"]).into()
    }),
    AGE,
];

pub(super) static AUTOSCALERS: &[Column] = &[
    NAME,
    Column::text("Reference", "What it scales.", |scaler| {
        let [kind, name] =
            ["kind", "name"].map(|member| scaler.text(&["spec", "scaleTargetRef", member]));
        format!("{kind}/{name}").into()
    }),
    Column::text(
        "Targets",
        "Each metric as it is and as it should be.",
        |scaler| targets(scaler).into(),
    ),
    Column::text("MinPods", "Fewest pods.", |scaler| {
        let fewest = scaler.at(&["spec", "minReplicas"]);
        fewest.map_or_else(|| "<unset>".to_owned(), scalar).into()
    }),
    Column::text("MaxPods", "Most pods.", |scaler| {
        scaler.number(&["spec", "maxReplicas"]).into()
    }),
    Column::text("Replicas", "Pods at present.", |scaler| {
        scaler.number(&["status", "currentReplicas"]).into()
    }),
    AGE,
];

pub(super) static DISRUPTION_BUDGETS: &[Column] = &[
    NAME,
    Column::text("Min Available", "Pods that must stay.", |budget| {
        bound(budget, "minAvailable").into()
    }),
    Column::text("Max Unavailable", "Pods that may be missing.", |budget| {
        bound(budget, "maxUnavailable").into()
    }),
    Column::text("Allowed Disruptions", "Pods that may go now.", |budget| {
        budget.number(&["status", "disruptionsAllowed"]).into()
    })
    .of("integer"),
    AGE,
];

fn bound(budget: &Subject<'_>, member: &str) -> String {
    let bound = budget.at(&["spec", member]);
    bound.map_or_else(|| "N/A".to_owned(), scalar)
}

/// The owner that controls the object: `deployment.apps/web`.
fn controller(object: &Subject<'_>) -> String {
    let mut owners = object.items(&["metadata", "ownerReferences"]).iter();
    let Some(owner) = owners.find(|owner| owner.get("controller") == Some(&Value::Bool(true)))
    else {
        return NONE.to_owned();
    };
    let [version, kind, name] =
        ["apiVersion", "kind", "name"].map(|member| object::text(owner, &[member]));
    let kind = kind.to_lowercase();
    match version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

fn targets(scaler: &Subject<'_>) -> String {
    let current = items(scaler.object, &["status", "currentMetrics"]);
    let metrics = scaler.items(&["spec", "metrics"]).iter().enumerate();
    let all: Vec<_> = metrics
        .map(|(at, metric)| target(metric, current.get(at)))
        .collect();
    if all.is_empty() {
        NONE.to_owned()
    } else {
        first(&all, METRICS, ", ")
    }
}

/// How the kinds of metrics differ: the member that holds one, and whether it names a resource.
const SOURCES: [(&str, &str, bool); 5] = [
    ("Resource", "resource", true),
    ("ContainerResource", "containerResource", true),
    ("Pods", "pods", false),
    ("Object", "object", false),
    ("External", "external", false),
];

/// `cpu: 12%/70%`, `100m/1k (avg)`: one metric as it is, and its target.
fn target(metric: &Value, current: Option<&Value>) -> String {
    let kind = object::text(metric, &["type"]);
    let Some((_, member, is_resource)) = SOURCES.iter().find(|(name, ..)| *name == kind) else {
        return "<unknown type>".to_owned();
    };
    let wanted = |field| object::at(metric, &[member, "target", field]);
    let is = |field| object::at(current?, &[member, "current", field]);
    let text = |value: Option<&Value>, none: &str| value.map_or_else(|| none.to_owned(), scalar);
    let percent = |value: Option<&Value>, none: &str| match value {
        Some(value) => format!("{}%", scalar(value)),
        None => none.to_owned(),
    };
    let pair = if wanted("averageValue").is_some() {
        let is = text(is("averageValue"), UNKNOWN);
        format!("{is}/{}", text(wanted("averageValue"), ""))
    } else if *is_resource {
        let is = percent(is("averageUtilization"), UNKNOWN);
        format!("{is}/{}", percent(wanted("averageUtilization"), "<auto>"))
    } else {
        format!(
            "{}/{}",
            text(is("value"), UNKNOWN),
            text(wanted("value"), "0")
        )
    };
    match (is_resource, kind) {
        (true, _) => format!("{}: {pair}", object::text(metric, &[member, "name"])),
        (false, "Object" | "External") if wanted("averageValue").is_some() => {
            format!("{pair} (avg)")
        }
        (false, _) => pair,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::resource::rows;
    use crate::table::cells;

    #[test]
    fn each_kind_of_metric_shows_what_is_and_what_should_be() {
        let resource = |name: &str, target: Value| json!({"type": "Resource", "resource": {"name": name, "target": target}});
        let cpu = resource("cpu", json!({"averageUtilization": 70}));
        let now =
            json!({"resource": {"current": {"averageUtilization": 12, "averageValue": "5m"}}});
        assert_eq!(target(&cpu, Some(&now)), "cpu: 12%/70%");
        assert_eq!(target(&cpu, None), "cpu: <unknown>/70%");
        let memory = resource("memory", json!({"averageValue": "100Mi"}));
        let now = json!({"resource": {"current": {"averageValue": "5Mi"}}});
        assert_eq!(target(&memory, Some(&now)), "memory: 5Mi/100Mi");
        let outside = |target: Value| json!({"type": "External", "external": {"target": target}});
        let now = json!({"external": {"current": {"value": "3", "averageValue": "1"}}});
        assert_eq!(target(&outside(json!({"value": "9"})), Some(&now)), "3/9");
        assert_eq!(
            target(&outside(json!({"averageValue": "9"})), Some(&now)),
            "1/9 (avg)"
        );
        assert_eq!(target(&json!({"type": "New"}), None), "<unknown type>");
    }

    #[test]
    fn more_metrics_than_two_are_counted() {
        let metric = json!({"type": "Pods", "pods": {"target": {"averageValue": "1"}}});
        let scaler = json!({"spec": {"metrics": [metric, metric, metric]}});
        let shown = cells(
            &rows::HORIZONTAL_POD_AUTOSCALERS,
            &scaler,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(shown[2], "<unknown>/1, <unknown>/1 + 1 more...");
    }

    #[test]
    fn a_revision_names_who_controls_it() {
        let revision = json!({"revision": 3, "metadata": {"ownerReferences": [
            {"apiVersion": "v1", "kind": "Pod", "name": "no"},
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": true},
        ]}});
        let shown = cells(
            &rows::CONTROLLER_REVISIONS,
            &revision,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(shown[1..3], [json!("statefulset.apps/db"), json!(3)]);
    }
}
