//! What the lab says about writes: defaults that Kubernetes fills in, and the
//! checks without which a controller could not go on.

mod istio;

use std::sync::Arc;

use anyhow::{Context, Result};
use apimachinery::decode::{self, Strictness};
use apimachinery::defaults;
use apimachinery::ownership::{self, Author};
use apiserver::admission::{Admission, Operation, Review};
use apiserver::resource::{ALL, Resource, rows};
use apiserver::status::{Cause, Status};
use apiserver::store::Store;
use serde_json::{Value, json};

use crate::network::Addresses;

/// The rules of one cluster.
pub struct Rules {
    store: Store,
    addresses: Arc<Addresses>,
}

impl Rules {
    /// For the cluster of this store.
    pub fn new(store: Store, addresses: Arc<Addresses>) -> Self {
        Self { store, addresses }
    }

    /// Creates an object of a manifest as a client would, one known as `manager` where the object
    /// shall look like a user's.
    ///
    /// # Errors
    /// When its kind is unknown or it is refused.
    pub fn create(&self, object: Value, manager: Option<&str>) -> Result<()> {
        let (kind, version) = (text(&object, "/kind"), text(&object, "/apiVersion"));
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let known = |it: &&&Resource| {
            it.kind == kind && it.group == group && it.versions.contains(&version)
        };
        let resource = ALL
            .iter()
            .find(known)
            .with_context(|| format!("no kind {kind} in {group}/{version}"))?;
        let decoded = decode::object(resource, version, object.into())?;
        let (mut object, _) = decoded.settle(Strictness::Strict)?;
        let (namespace, name) = (
            text(&object, "/metadata/namespace"),
            text(&object, "/metadata/name"),
        );
        defaults::fill(resource, version, &mut object);
        self.default_object(resource, &mut object, None);
        let review = Review {
            operation: Operation::Create,
            resource,
            version,
            namespace: &namespace,
            name: &name,
            object: Some(&object),
            old: None,
        };
        let refused =
            |status: Status| anyhow::anyhow!("{kind} {namespace}/{name}: {}", status.message());
        self.admit(&review).map_err(refused)?;
        if let Some(manager) = manager {
            let author = Author {
                manager,
                api_version: &resource.api_version(version),
                subresource: "",
                time: &self.store.timestamp(),
            };
            ownership::update(resource, None, &mut object, &author);
        }
        self.store.create(resource, &namespace, object)?;
        Ok(())
    }
}

impl Admission for Rules {
    fn default_object(&self, resource: &'static Resource, object: &mut Value, old: Option<&Value>) {
        if *resource == rows::SERVICES {
            default_service(object, old, &self.addresses);
        }
    }

    fn admit(&self, review: &Review<'_>) -> Result<Vec<String>, Status> {
        let Some(object) = review.object else {
            return Ok(Vec::new());
        };
        let resource = review.resource;
        if resource.custom {
            return istio::admit(object);
        }
        let causes = if *resource == rows::DEPLOYMENTS {
            deployment_causes(object)
        } else if *resource == rows::PODS {
            container_causes(&object["spec"], "spec")
        } else {
            Vec::new()
        };
        match causes.is_empty() {
            true => Ok(Vec::new()),
            false => Err(Status::invalid(resource, review.name, causes)),
        }
    }
}

fn default_service(service: &mut Value, old: Option<&Value>, addresses: &Addresses) {
    let spec = &mut service["spec"];
    if let Some(ip) = old
        .map(|old| old["spec"]["clusterIP"].clone())
        .filter(|ip| !ip.is_null())
    {
        or(spec, "clusterIP", ip);
    }
    if spec["clusterIP"].is_null() {
        spec["clusterIP"] = json!(addresses.next_service());
    }
    let ip = spec["clusterIP"].clone();
    or(spec, "clusterIPs", json!([ip]));
}

/// Sets a field that the client left out.
fn or(object: &mut Value, field: &str, value: Value) {
    if object[field].is_null() {
        object[field] = value;
    }
}

fn deployment_causes(object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    let mut causes = Vec::new();
    if spec["replicas"]
        .as_i64()
        .is_some_and(|replicas| replicas < 0)
    {
        let why = "must be greater than or equal to 0";
        causes.push(Cause::invalid(
            "spec.replicas",
            spec["replicas"].clone(),
            why,
        ));
    }
    let selector = spec["selector"]["matchLabels"].as_object();
    if selector.is_none_or(serde_json::Map::is_empty)
        && spec["selector"]["matchExpressions"].is_null()
    {
        causes.push(Cause::invalid(
            "spec.selector",
            "{}",
            "empty selector is invalid for deployment",
        ));
    }
    let labels = &spec["template"]["metadata"]["labels"];
    if selector
        .into_iter()
        .flatten()
        .any(|(key, value)| labels[key] != *value)
    {
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            labels.to_string(),
            why,
        ));
    }
    causes.extend(container_causes(
        &spec["template"]["spec"],
        "spec.template.spec",
    ));
    causes
}

fn container_causes(spec: &Value, path: &str) -> Vec<Cause> {
    let containers = spec["containers"].as_array().cloned().unwrap_or_default();
    if containers.is_empty() {
        return vec![Cause::required(format!("{path}.containers"), "")];
    }
    let mut causes = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        for field in ["name", "image"] {
            if container[field].as_str().is_none_or(str::is_empty) {
                causes.push(Cause::required(
                    format!("{path}.containers[{index}].{field}"),
                    "",
                ));
            }
        }
    }
    causes
}

fn text(object: &Value, pointer: &str) -> String {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
