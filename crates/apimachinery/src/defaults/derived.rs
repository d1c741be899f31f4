//! Defaults that follow from other fields of the same message, one function a type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::is_unset;
use crate::object;

type Members = Map<String, Value>;
type Derive = fn(&mut Members);

const TABLE: &[(&str, Derive)] = &[
    ("apps.v1.DeploymentStrategy", deployment_strategy),
    (
        "autoscaling.v2.HorizontalPodAutoscalerBehavior",
        scaling_behavior,
    ),
    ("core.v1.Container", container),
    ("core.v1.LimitRangeItem", limit_range_item),
    ("core.v1.Namespace", namespace),
    ("core.v1.Pod", pod),
    ("core.v1.Secret", secret),
    ("core.v1.ServicePort", service_port),
    ("core.v1.ServiceSpec", service_spec),
    ("core.v1.Volume", volume),
    ("networking.v1.NetworkPolicySpec", network_policy),
    ("rbac.v1.Subject", subject),
];

/// What completes a message type beyond its constants.
pub(super) fn of(name: &str) -> Option<Derive> {
    TABLE
        .iter()
        .find(|(of, _)| *of == name)
        .map(|(_, derive)| *derive)
}

fn or(members: &mut Members, field: &str, value: impl FnOnce() -> Value) {
    if is_unset(members.get(field)) {
        members.insert(field.to_owned(), value());
    }
}

fn text<'a>(members: &'a Members, field: &str) -> &'a str {
    members
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn deployment_strategy(strategy: &mut Members) {
    if text(strategy, "type") == "RollingUpdate" {
        or(strategy, "rollingUpdate", || json!({}));
    }
}

/// Kubernetes: whoever sets one rule gets all of them.
fn scaling_behavior(behavior: &mut Members) {
    const PERIOD: u8 = 15;
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": PERIOD});
    let pods = json!({"type": "Pods", "value": 4, "periodSeconds": PERIOD});
    for (direction, policies) in [
        ("scaleUp", json!([pods, percent])),
        ("scaleDown", json!([percent])),
    ] {
        or(behavior, direction, || json!({}));
        if let Some(Value::Object(rules)) = behavior.get_mut(direction) {
            or(rules, "selectPolicy", || json!("Max"));
            or(rules, "policies", || policies);
            if direction == "scaleUp" {
                or(rules, "stabilizationWindowSeconds", || json!(0));
            }
        }
    }
}

fn container(container: &mut Members) {
    let latest = is_latest(text(container, "image"));
    or(container, "imagePullPolicy", || match latest {
        true => json!("Always"),
        false => json!("IfNotPresent"),
    });
}

/// An image without tag and digest is the latest one.
fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    let digest = name.contains('@');
    match name.split('@').next().unwrap_or(name).split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => !digest,
    }
}

fn limit_range_item(item: &mut Members) {
    if text(item, "type") != "Container" {
        return;
    }
    for (field, from) in [
        ("default", "max"),
        ("defaultRequest", "default"),
        ("defaultRequest", "min"),
    ] {
        fill_quantities(item, field, from);
    }
}

/// Takes over what only `from` names, as one list of quantities from another.
fn fill_quantities(members: &mut Members, field: &str, from: &str) {
    let Some(Value::Object(source)) = members.get(from).cloned() else {
        return;
    };
    let target = members.entry(field).or_insert_with(|| json!({}));
    if let Value::Object(target) = target {
        for (name, quantity) in source {
            target.entry(name).or_insert(quantity);
        }
    }
}

/// Kubernetes: a namespace carries its name as a label, whatever a client makes of it.
fn namespace(namespace: &mut Members) {
    let metadata = namespace.entry("metadata").or_insert_with(|| json!({}));
    let name = metadata
        .get("name")
        .filter(|name| !is_unset(Some(name)))
        .cloned();
    if let (Some(name), Value::Object(metadata)) = (name, metadata) {
        let labels = metadata.entry("labels").or_insert_with(|| json!({}));
        object::map_mut(labels).insert("kubernetes.io/metadata.name".into(), name);
    }
}

/// Kubernetes: only a Pod's own requests follow its limits, not those of a template.
fn pod(pod: &mut Members) {
    let spec = pod.entry("spec").or_insert_with(|| json!({}));
    let Value::Object(spec) = spec else { return };
    or(spec, "enableServiceLinks", || json!(true));
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if let Some(Value::Object(resources)) = container.get_mut("resources") {
                fill_quantities(resources, "requests", "limits");
            }
        }
    }
}

/// Kubernetes: `stringData` is only ever written.
fn secret(secret: &mut Members) {
    let Some(Value::Object(plain)) = secret.remove("stringData") else {
        return;
    };
    let data = secret.entry("data").or_insert_with(|| json!({}));
    if let Value::Object(data) = data {
        for (key, value) in plain {
            let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
            data.insert(key, encoded.into());
        }
    }
}

fn service_port(port: &mut Members) {
    let number = port.get("port").cloned().unwrap_or(json!(0));
    if port
        .get("targetPort")
        .is_none_or(|target| *target == 0 || *target == "")
    {
        port.insert("targetPort".into(), number);
    }
}

fn service_spec(spec: &mut Members) {
    let kind = text(spec, "type").to_owned();
    let outside = matches!(kind.as_str(), "NodePort" | "LoadBalancer");
    if outside || !is_unset(spec.get("externalIPs")) {
        or(spec, "externalTrafficPolicy", || json!("Cluster"));
    }
    if outside || kind == "ClusterIP" {
        or(spec, "internalTrafficPolicy", || json!("Cluster"));
    }
    if kind == "LoadBalancer" {
        or(spec, "allocateLoadBalancerNodePorts", || json!(true));
    }
    match text(spec, "sessionAffinity") {
        "ClientIP" => or(
            spec,
            "sessionAffinityConfig",
            || json!({"clientIP": {"timeoutSeconds": 10_800}}),
        ),
        _ => {
            spec.remove("sessionAffinityConfig");
        }
    }
}

fn volume(volume: &mut Members) {
    if volume.keys().all(|key| key == "name") {
        volume.insert("emptyDir".into(), json!({}));
    }
}

fn network_policy(spec: &mut Members) {
    let mut types = vec!["Ingress"];
    if !is_unset(spec.get("egress")) {
        types.push("Egress");
    }
    or(spec, "policyTypes", || json!(types));
}

fn subject(subject: &mut Members) {
    if matches!(text(subject, "kind"), "User" | "Group") {
        or(subject, "apiGroup", || json!("rbac.authorization.k8s.io"));
    }
}
