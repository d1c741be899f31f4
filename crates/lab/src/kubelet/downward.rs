//! What a pod may be told about itself: the downward API of Kubernetes.

use std::collections::BTreeMap;

use apimachinery::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, Pod, ResourceFieldSelector};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use super::environment::Place;

/// The value of a field of the pod; empty where it has none.
pub(super) fn field(path: &str, pod: &Pod, place: &Place) -> String {
    let (metadata, spec) = (&pod.metadata, pod.spec.as_ref());
    let text = match path {
        "metadata.name" => metadata.name.clone(),
        "metadata.namespace" => metadata.namespace.clone(),
        "metadata.uid" => metadata.uid.clone(),
        "metadata.labels" => metadata.labels.as_ref().map(lines),
        "metadata.annotations" => metadata.annotations.as_ref().map(lines),
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.podIP" | "status.podIPs" => Some(place.pod_ip.to_string()),
        "status.hostIP" | "status.hostIPs" => Some(place.host_ip.to_string()),
        _ => entry(path, "metadata.labels", metadata.labels.as_ref())
            .or_else(|| entry(path, "metadata.annotations", metadata.annotations.as_ref())),
    };
    text.unwrap_or_default()
}

/// One entry of a map: `metadata.labels['app']`.
fn entry(path: &str, map: &str, entries: Option<&BTreeMap<String, String>>) -> Option<String> {
    let key = path
        .strip_prefix(map)?
        .strip_prefix("['")?
        .strip_suffix("']")?;
    entries?.get(key).cloned()
}

/// Kubernetes: a whole map is one `key="value"` a line.
fn lines(map: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    lines.join("\n")
}

/// A request or limit of a container, in whole units of the divisor, rounded up.
pub(super) fn resource(selector: &ResourceFieldSelector, pod: &Pod, own: &Container) -> String {
    let named = selector.container_name.as_deref();
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let container = containers
        .into_iter()
        .find(|it| named.is_some_and(|name| it.name == name))
        .unwrap_or(own);
    let value = quantity_of(container, &selector.resource);
    let divisor = selector.divisor.as_ref().and_then(thousandths).unwrap_or(0);
    let divisor = if divisor == 0 { 1000 } else { divisor };
    value.unwrap_or(0).div_ceil(divisor).to_string()
}

fn thousandths(text: &Text) -> Option<u64> {
    Quantity::parse(&text.0).map(Quantity::thousandths)
}

/// In thousandths.
fn quantity_of(container: &Container, path: &str) -> Option<u64> {
    let resources = container.resources.as_ref()?;
    let (list, name) = path.split_once('.')?;
    let list: &BTreeMap<String, Text> = match list {
        "limits" => resources.limits.as_ref()?,
        "requests" => resources.requests.as_ref()?,
        _ => return None,
    };
    thousandths(list.get(name)?)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn fields_and_resources_are_told() {
        let pod: Pod = from_value(json!({
            "metadata": {"name": "p", "labels": {"a": "1", "b": "2"}, "annotations": {"x": "y"}},
            "spec": {"nodeName": "n", "containers": [
                {"name": "c", "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}}},
            ]},
        }))
        .unwrap();
        let place = Place {
            pod_ip: Ipv4Addr::new(10, 1, 0, 2),
            host_ip: Ipv4Addr::new(192, 168, 1, 10),
            api: Ipv4Addr::new(10, 96, 0, 1),
        };
        for (path, expected) in [
            ("metadata.name", "p"),
            ("metadata.labels['b']", "2"),
            ("metadata.labels", "a=\"1\"\nb=\"2\""),
            ("metadata.annotations['x']", "y"),
            ("metadata.labels['none']", ""),
            ("spec.nodeName", "n"),
            ("status.podIP", "10.1.0.2"),
        ] {
            assert_eq!(field(path, &pod, &place), expected, "{path}");
        }
        let own = &pod.spec.as_ref().unwrap().containers[0];
        for (path, divisor, expected) in [
            ("limits.cpu", "1", "1"),
            ("limits.cpu", "1m", "500"),
            ("limits.memory", "1Mi", "128"),
            ("limits.memory", "0", "134217728"),
            ("requests.cpu", "1m", "0"),
        ] {
            let selector: ResourceFieldSelector =
                from_value(json!({"resource": path, "divisor": divisor})).unwrap();
            assert_eq!(
                resource(&selector, &pod, own),
                expected,
                "{path} / {divisor}"
            );
        }
    }
}
