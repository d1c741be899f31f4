//! The environment of a container: exactly what Kubernetes would give it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, Pod};

/// Where ConfigMaps and Secrets are looked up.
pub(super) trait Lookup {
    /// The value of `key` in the ConfigMap `name`.
    fn config_map(&self, name: &str, key: &str) -> Option<String>;
    /// The value of `key` in the Secret `name`, decoded.
    fn secret(&self, name: &str, key: &str) -> Option<String>;
}

/// What a pod knows of its place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The pod's own address.
    pub pod_ip: Ipv4Addr,
    /// Its node's address.
    pub host_ip: Ipv4Addr,
    /// The API's ClusterIP.
    pub api: Ipv4Addr,
}

/// The variables of `container`, in Kubernetes' order of precedence.
///
/// # Errors
/// The message of the event `CreateContainerConfigError` where a required reference is missing.
pub(super) fn environment(
    pod: &Pod,
    container: &Container,
    place: &Place,
    lookup: &dyn Lookup,
) -> Result<BTreeMap<String, String>, String> {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut variables: BTreeMap<String, String> = [
        ("PATH", path.to_owned()),
        ("HOSTNAME", name),
        ("KUBERNETES_SERVICE_HOST", place.api.to_string()),
        ("KUBERNETES_SERVICE_PORT", "443".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    for variable in container.env.iter().flatten() {
        if let Some(value) = value_of(variable, pod, place, lookup)? {
            let value = expand(&value, &variables);
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

fn value_of(
    variable: &EnvVar,
    pod: &Pod,
    place: &Place,
    lookup: &dyn Lookup,
) -> Result<Option<String>, String> {
    let Some(source) = &variable.value_from else {
        return Ok(Some(variable.value.clone().unwrap_or_default()));
    };
    referenced(source, pod, place, lookup)
}

fn referenced(
    source: &EnvVarSource,
    pod: &Pod,
    place: &Place,
    lookup: &dyn Lookup,
) -> Result<Option<String>, String> {
    if let Some(field) = &source.field_ref {
        return Ok(Some(field_of(&field.field_path, pod, place)));
    }
    let (kind, name, key, optional, found) = if let Some(it) = &source.secret_key_ref {
        (
            "secret",
            &it.name,
            &it.key,
            it.optional,
            lookup.secret(&it.name, &it.key),
        )
    } else if let Some(it) = &source.config_map_key_ref {
        (
            "configmap",
            &it.name,
            &it.key,
            it.optional,
            lookup.config_map(&it.name, &it.key),
        )
    } else {
        return Ok(None);
    };
    match found {
        None if optional != Some(true) => {
            Err(format!("{kind} \"{name}\" with key \"{key}\" not found"))
        }
        found => Ok(found),
    }
}

fn field_of(path: &str, pod: &Pod, place: &Place) -> String {
    let metadata = &pod.metadata;
    let spec = pod.spec.as_ref();
    let text = match path {
        "metadata.name" => metadata.name.clone(),
        "metadata.namespace" => metadata.namespace.clone(),
        "metadata.uid" => metadata.uid.clone(),
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.podIP" => Some(place.pod_ip.to_string()),
        "status.hostIP" => Some(place.host_ip.to_string()),
        _ => {
            let key = path
                .strip_prefix("metadata.labels['")
                .and_then(|rest| rest.strip_suffix("']"));
            key.and_then(|key| metadata.labels.as_ref()?.get(key).cloned())
        }
    };
    text.unwrap_or_default()
}

/// Kubernetes: `$(NAME)` refers to a variable defined before, `$$(NAME)` is the text itself, and a
/// reference to nothing stays as it is.
fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("$(") {
        let (before, reference) = rest.split_at(start);
        let Some(end) = reference.find(')') else {
            break;
        };
        let (reference, after) = reference.split_at(end + 1);
        let name = &reference[2..end];
        match (before.strip_suffix('$'), known.get(name)) {
            (Some(before), _) => out.extend([before, reference]),
            (None, Some(value)) => out.extend([before, value]),
            (None, None) => out.extend([before, reference]),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    struct One;

    impl Lookup for One {
        fn config_map(&self, name: &str, key: &str) -> Option<String> {
            (name == "settings" && key == "mode").then(|| "calm".to_owned())
        }

        fn secret(&self, _: &str, _: &str) -> Option<String> {
            None
        }
    }

    fn of(env: Value) -> Result<BTreeMap<String, String>, String> {
        let container = json!({"name": "c", "env": env});
        let pod = json!({
            "metadata": {"name": "p-1", "namespace": "n", "labels": {"app": "a"}},
            "spec": {"containers": [container], "nodeName": "node-1"},
        });
        let pod: Pod = from_value(pod).unwrap();
        let place = Place {
            pod_ip: Ipv4Addr::new(10, 1, 0, 2),
            host_ip: Ipv4Addr::new(192, 168, 1, 10),
            api: Ipv4Addr::new(10, 96, 0, 1),
        };
        environment(
            &pod,
            &pod.spec.as_ref().unwrap().containers[0],
            &place,
            &One,
        )
    }

    #[test]
    fn a_container_sees_its_pod_the_api_and_what_the_manifest_says() {
        let variables = of(json!([
            {"name": "CLUSTER_NAME", "value": "ctx1"},
            {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}},
            {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "BOTH", "value": "$(APP)-$(IP) $$(APP) $(NOTHING)"},
        ]))
        .unwrap();
        let rows = [
            ("HOSTNAME", "p-1"),
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
            ("CLUSTER_NAME", "ctx1"),
            ("MODE", "calm"),
            ("BOTH", "a-10.1.0.2 $(APP) $(NOTHING)"),
        ];
        for (name, value) in rows {
            assert_eq!(variables[name], value, "{name}");
        }
        assert!(!variables.contains_key("HTTP_PROXY"));
    }

    #[test]
    fn an_optional_reference_may_be_missing_a_required_one_may_not() {
        let reference = |optional: bool| json!([{"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": optional}}}]);
        assert!(!of(reference(true)).unwrap().contains_key("P"));
        assert_eq!(
            of(reference(false)).unwrap_err(),
            "secret \"s\" with key \"k\" not found"
        );
    }
}
