//! The environment of a container: exactly what Kubernetes would give it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVar, EnvVarSource, Pod};

use super::downward;

/// The data of a ConfigMap or a Secret, decoded.
pub(super) type Data = BTreeMap<String, Vec<u8>>;

/// The two kinds that hold settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    ConfigMap,
    Secret,
}

impl Holder {
    /// As messages name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }

    /// Its kind.
    fn kind(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// Where ConfigMaps and Secrets are looked up.
pub(super) trait Lookup {
    /// The data of an object of the pod's namespace; none where there is no such object.
    fn data(&self, holder: Holder, name: &str) -> Option<Data>;
    /// The pod's namespace, for messages.
    fn namespace(&self) -> &str;
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
    for source in container.env_from.iter().flatten() {
        variables.extend(all_of(source, lookup)?);
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value_of(variable, pod, container, place, lookup)? {
            let value = expand(&value, &variables);
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

/// Every entry of an object whose key can be a variable's name.
fn all_of(source: &EnvFromSource, lookup: &dyn Lookup) -> Result<Vec<(String, String)>, String> {
    let (holder, name, optional) = match (&source.config_map_ref, &source.secret_ref) {
        (Some(it), _) => (Holder::ConfigMap, &it.name, it.optional),
        (None, Some(it)) => (Holder::Secret, &it.name, it.optional),
        (None, None) => return Ok(Vec::new()),
    };
    let Some(data) = lookup.data(holder, name) else {
        return match optional {
            Some(true) => Ok(Vec::new()),
            _ => Err(format!("{} \"{name}\" not found", holder.name())),
        };
    };
    let prefix = source.prefix.as_deref().unwrap_or_default();
    let usable = data
        .into_iter()
        .filter(|(key, _)| !key.is_empty() && !key.contains('='));
    let text = |(key, value)| Some((format!("{prefix}{key}"), String::from_utf8(value).ok()?));
    Ok(usable.filter_map(text).collect())
}

fn value_of(
    variable: &EnvVar,
    pod: &Pod,
    container: &Container,
    place: &Place,
    lookup: &dyn Lookup,
) -> Result<Option<String>, String> {
    let Some(source) = &variable.value_from else {
        return Ok(Some(variable.value.clone().unwrap_or_default()));
    };
    if let Some(field) = &source.field_ref {
        return Ok(Some(downward::field(&field.field_path, pod, place)));
    }
    if let Some(resource) = &source.resource_field_ref {
        return Ok(Some(downward::resource(resource, pod, container)));
    }
    referenced(source, lookup)
}

fn referenced(source: &EnvVarSource, lookup: &dyn Lookup) -> Result<Option<String>, String> {
    let (holder, name, key, optional) = match (&source.secret_key_ref, &source.config_map_key_ref) {
        (Some(it), _) => (Holder::Secret, &it.name, &it.key, it.optional),
        (None, Some(it)) => (Holder::ConfigMap, &it.name, &it.key, it.optional),
        (None, None) => return Ok(None),
    };
    let kind = holder.name();
    let data = lookup.data(holder, name);
    let found = data.as_ref().and_then(|data| data.get(key));
    match (found, optional) {
        (Some(value), _) => Ok(String::from_utf8(value.clone()).ok()),
        (None, Some(true)) => Ok(None),
        (None, _) if data.is_none() => Err(format!("{kind} \"{name}\" not found")),
        (None, _) => {
            let (kind, namespace) = (holder.kind(), lookup.namespace());
            Err(format!(
                "couldn't find key {key} in {kind} {namespace}/{name}"
            ))
        }
    }
}

/// Kubernetes: `$(NAME)` refers to a variable defined before, `$$(NAME)` is the text itself, and a
/// reference to nothing stays as it is.
pub(super) fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
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
        fn data(&self, holder: Holder, name: &str) -> Option<Data> {
            let data = [("mode", "calm"), ("level", "3")];
            let data = data.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()));
            (holder == Holder::ConfigMap && name == "settings").then(|| data.into())
        }

        fn namespace(&self) -> &str {
            "n"
        }
    }

    fn of(env: Value) -> Result<BTreeMap<String, String>, String> {
        with(json!({"name": "c", "env": env}))
    }

    fn with(container: Value) -> Result<BTreeMap<String, String>, String> {
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
    fn all_entries_of_an_object_come_before_the_variables_of_their_own() {
        let from = |name: &str, optional: bool| json!({"prefix": "P_", "configMapRef": {"name": name, "optional": optional}});
        let own = json!([{"name": "P_level", "value": "4"}]);
        let variables = with(json!({"name": "c", "env": own, "envFrom": [from("settings", false), from("none", true)]})).unwrap();
        assert_eq!(
            (&*variables["P_mode"], &*variables["P_level"]),
            ("calm", "4")
        );
        let missing = with(json!({"name": "c", "envFrom": [from("none", false)]}));
        assert_eq!(missing.unwrap_err(), "configmap \"none\" not found");
    }

    #[test]
    fn a_key_that_is_missing_is_named_with_its_object() {
        let missing = of(
            json!([{"name": "P", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "x"}}}]),
        );
        assert_eq!(
            missing.unwrap_err(),
            "couldn't find key x in ConfigMap n/settings"
        );
    }

    #[test]
    fn an_optional_reference_may_be_missing_a_required_one_may_not() {
        let reference = |optional: bool| json!([{"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": optional}}}]);
        assert!(!of(reference(true)).unwrap().contains_key("P"));
        assert_eq!(of(reference(false)).unwrap_err(), "secret \"s\" not found");
    }
}
