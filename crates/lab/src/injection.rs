//! The sidecar in a pod's specification, as Istio's webhook puts it there.

use apiserver::object;
use apiserver::resource::rows;
use apiserver::store::{Key, Store};
use serde_json::{Value, json};

use crate::facts::PROXY_IMAGE;

/// Name of the sidecar's container.
pub const SIDECAR: &str = "istio-proxy";
const INIT: &str = "istio-init";
const STATUS: &str = "sidecar.istio.io/status";
const REVISION: &str = "istio.io/rev";

/// Adds the sidecar to a new pod where its namespace or the pod itself wants it.
pub fn inject(store: &Store, namespace: &str, pod: &mut Value) {
    let key = Key::new(&rows::NAMESPACES, "", namespace);
    let enabled = store
        .get(&key)
        .is_ok_and(|it| object::text(&it, &["metadata", "labels", "istio-injection"]) == "enabled");
    if is_wanted(enabled, pod) {
        add(pod);
    }
}

/// Istio: the pod's own label wins over its namespace's.
fn is_wanted(namespace: bool, pod: &Value) -> bool {
    let own = object::text(pod, &["metadata", "labels", "sidecar.istio.io/inject"]);
    let has = containers(pod, "containers").any(|name| name == SIDECAR);
    let shares_node = object::at(pod, &["spec", "hostNetwork"]) == Some(&Value::Bool(true));
    own != "false" && (namespace || own == "true") && !has && !shares_node
}

fn containers<'a>(pod: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    let all = object::at(pod, &["spec", list]).and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .map(|it| object::text(it, &["name"]))
}

fn add(pod: &mut Value) {
    let first = containers(pod, "containers")
        .next()
        .unwrap_or_default()
        .to_owned();
    let spec = object::member_mut(pod, "spec");
    for (list, container) in [("initContainers", init()), ("containers", sidecar())] {
        let list = spec.entry(list).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(container);
        }
    }
    let metadata = object::member_mut(pod, "metadata");
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    let status = json!({"initContainers": [INIT], "containers": [SIDECAR], "revision": "default"});
    for (name, value) in [
        ("kubectl.kubernetes.io/default-container", first.clone()),
        ("kubectl.kubernetes.io/default-logs-container", first),
        (REVISION, "default".to_owned()),
        (STATUS, status.to_string()),
    ] {
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.entry(name).or_insert(json!(value));
        }
    }
}

/// Redirects a pod's connections; in the lab they come to the proxy by name.
fn init() -> Value {
    json!({
        "name": INIT, "image": PROXY_IMAGE, "imagePullPolicy": "IfNotPresent",
        "args": ["istio-iptables"], "resources": resources(),
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    })
}

fn sidecar() -> Value {
    json!({
        "name": SIDECAR, "image": PROXY_IMAGE, "imagePullPolicy": "IfNotPresent",
        "args": ["proxy", "sidecar"], "resources": resources(),
        "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}],
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    })
}

/// Istio's defaults.
fn resources() -> Value {
    json!({
        "limits": {"cpu": "2", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "128Mi"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pods_label_wins_over_the_namespaces() {
        let pod = |label: Value| json!({"metadata": {"labels": {"sidecar.istio.io/inject": label}}, "spec": {"containers": [{"name": "c"}]}});
        for (namespace, label, expected) in [
            (true, json!(null), true),
            (false, json!(null), false),
            (true, json!("false"), false),
            (false, json!("true"), true),
        ] {
            assert_eq!(
                is_wanted(namespace, &pod(label.clone())),
                expected,
                "{namespace} {label}"
            );
        }
    }

    #[test]
    fn a_sidecar_comes_last_and_only_once() {
        let mut pod = json!({"spec": {"containers": [{"name": "c"}]}});
        add(&mut pod);
        assert_eq!(
            containers(&pod, "containers").collect::<Vec<_>>(),
            ["c", SIDECAR]
        );
        assert_eq!(
            containers(&pod, "initContainers").collect::<Vec<_>>(),
            [INIT]
        );
        assert!(!is_wanted(true, &pod));
        let default = &pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"];
        assert_eq!(default, "c");
    }
}
