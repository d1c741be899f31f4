//! One stored object, several served forms.
//!
//! Most versions of a kind differ in nothing but their name. Those that do differ have a row here:
//! the stored form, the served form, and the two ways between them.

mod autoscaler;
mod event;

use std::borrow::Cow;

use serde_json::Value;

use crate::object;
use crate::resource::Resource;

/// Two forms of one kind.
struct Forms {
    kind: &'static str,
    stored: &'static str,
    served: &'static str,
    to_served: fn(&mut Value),
    to_stored: fn(&mut Value),
}

const TABLE: &[Forms] = &[
    Forms {
        kind: "Event",
        stored: "v1",
        served: "events.k8s.io/v1",
        to_served: event::to_events_group,
        to_stored: event::to_core,
    },
    Forms {
        kind: "HorizontalPodAutoscaler",
        stored: "autoscaling/v2",
        served: "autoscaling/v1",
        to_served: autoscaler::to_v1,
        to_stored: autoscaler::to_v2,
    },
];

/// A stored object in the form of `api_version`, borrowed where only that name differs.
pub fn served<'a>(object: &'a Value, api_version: &str) -> Cow<'a, Value> {
    let member = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, stored) = (member("kind"), member("apiVersion"));
    let forms = TABLE
        .iter()
        .find(|it| it.served == api_version && it.kind == kind && it.stored == stored);
    match forms {
        None => Cow::Borrowed(object),
        Some(forms) => {
            let mut object = object.clone();
            (forms.to_served)(&mut object);
            object::map_mut(&mut object).insert("apiVersion".into(), api_version.into());
            Cow::Owned(object)
        }
    }
}

/// Brings what a client of `version` sent into the stored form; its name is the store's business.
pub fn to_stored(resource: &Resource, version: &str, object: &mut Value) {
    let api_version = resource.api_version(version);
    let forms = TABLE
        .iter()
        .find(|it| it.kind == resource.kind && it.served == api_version);
    if let Some(forms) = forms {
        (forms.to_stored)(object);
        object::map_mut(object).insert("apiVersion".into(), forms.stored.into());
    }
}

/// Moves members between names; `from` loses them.
fn rename(object: &mut Value, names: &[(&str, &str)]) {
    let Some(members) = object.as_object_mut() else {
        return;
    };
    for (from, to) in names {
        if let Some(value) = members.remove(*from) {
            members.insert((*to).to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::rows;

    fn there_and_back(resource: &Resource, version: &str, stored: &Value) -> Value {
        let mut object = served(stored, &resource.api_version(version)).into_owned();
        to_stored(resource, version, &mut object);
        object
    }

    #[test]
    fn an_event_of_the_other_group_has_other_names() {
        let stored = json!({
            "apiVersion": "v1", "kind": "Event", "message": "m", "count": 2,
            "involvedObject": {"name": "p"}, "reportingComponent": "kubelet", "type": "Normal",
        });
        let found = served(&stored, "events.k8s.io/v1");
        assert_eq!(
            *found,
            json!({
                "apiVersion": "events.k8s.io/v1", "kind": "Event", "note": "m", "deprecatedCount": 2,
                "regarding": {"name": "p"}, "reportingController": "kubelet", "type": "Normal",
            })
        );
        assert_eq!(there_and_back(&rows::EVENTS_K8S, "v1", &stored), stored);
    }

    #[test]
    fn the_old_autoscaler_has_one_target() {
        let target = json!({"type": "Utilization", "averageUtilization": 70});
        let stored = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
            "spec": {"maxReplicas": 3, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]},
        });
        let found = served(&stored, "autoscaling/v1");
        assert_eq!(
            found["spec"],
            json!({"maxReplicas": 3, "targetCPUUtilizationPercentage": 70})
        );
        assert_eq!(
            there_and_back(&rows::HORIZONTAL_POD_AUTOSCALERS, "v1", &stored),
            stored
        );
    }

    #[test]
    fn what_the_old_autoscaler_cannot_say_survives_in_annotations() {
        let memory = json!({"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}});
        let stored = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h", "annotations": {"a": "b"}},
            "spec": {"maxReplicas": 3, "metrics": [memory], "behavior": {"scaleUp": {"selectPolicy": "Max"}}},
            "status": {"currentReplicas": 1, "conditions": [{"type": "AbleToScale", "status": "True"}]},
        });
        let found = served(&stored, "autoscaling/v1");
        assert_eq!(found["spec"], json!({"maxReplicas": 3}));
        assert_eq!(found["status"], json!({"currentReplicas": 1}));
        assert_eq!(
            there_and_back(&rows::HORIZONTAL_POD_AUTOSCALERS, "v1", &stored),
            stored
        );
    }

    #[test]
    fn other_versions_are_not_copied() {
        let stored = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService"});
        assert!(matches!(
            served(&stored, "networking.istio.io/v1beta1"),
            Cow::Borrowed(_)
        ));
    }
}
