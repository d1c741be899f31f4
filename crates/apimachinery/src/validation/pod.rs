//! Pods: containers and what they mount, probe, expose and ask for.

use std::collections::HashSet;

use serde_json::Value;

use super::{Members, Path, elements, text};
use crate::object;
use crate::quantity::Quantity;
use crate::status::Cause;

/// The ways to probe.
const HANDLERS: [&str; 4] = ["exec", "grpc", "httpGet", "tcpSocket"];
/// Lists of containers that share volumes and names.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

pub(super) fn image(container: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let (image, field) = (text(container, "image"), path.field("image"));
    if image.is_empty() {
        faults.push(Cause::required(field.to_string(), ""));
    } else if image.trim() != image {
        let why = "must not have leading or trailing whitespace";
        faults.push(Cause::invalid(field.to_string(), image, why));
    }
}

pub(super) fn container_port(port: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    for (name, required) in [("containerPort", true), ("hostPort", false)] {
        let (field, number) = (
            path.field(name),
            port.get(name).and_then(Value::as_i64).unwrap_or(0),
        );
        match number {
            0 if required => faults.push(Cause::required(field.to_string(), "")),
            0..=65_535 => {}
            _ => {
                let why = "must be between 1 and 65535, inclusive";
                faults.push(Cause::invalid(field.to_string(), number, why));
            }
        }
    }
}

pub(super) fn port_names(container: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    duplicates(container, "ports", "name", path, faults);
}

pub(super) fn volume_names(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    duplicates(spec, "volumes", "name", path, faults);
}

pub(super) fn container_names(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    for list in CONTAINERS {
        duplicates(spec, list, "name", path, faults);
    }
}

/// Reports what stands in more than one element of a list.
fn duplicates(
    members: &Members,
    list: &str,
    field: &str,
    path: &Path<'_>,
    faults: &mut Vec<Cause>,
) {
    let mut seen = HashSet::new();
    let path = path.field(list);
    for (at, element) in elements(members, list) {
        let value = text(element, field);
        if !value.is_empty() && !seen.insert(value) {
            faults.push(Cause::duplicate(
                path.index(at).field(field).to_string(),
                value,
            ));
        }
    }
}

pub(super) fn mount_paths(container: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let mut seen = HashSet::new();
    let list = path.field("volumeMounts");
    for (at, mount) in elements(container, "volumeMounts") {
        let value = text(mount, "mountPath");
        if !value.is_empty() && !seen.insert(value) {
            let field = list.index(at).field("mountPath").to_string();
            faults.push(Cause::invalid(field, value, "must be unique"));
        }
    }
}

pub(super) fn mounted_volumes(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let volumes: HashSet<_> = elements(spec, "volumes")
        .map(|(_, it)| text(it, "name"))
        .collect();
    for list in CONTAINERS {
        let containers = path.field(list);
        for (at, container) in elements(spec, list) {
            let container_path = containers.index(at);
            let mounts = container_path.field("volumeMounts");
            for (at, mount) in elements(container, "volumeMounts") {
                let name = text(mount, "name");
                if !name.is_empty() && !volumes.contains(name) {
                    faults.push(Cause::not_found(
                        mounts.index(at).field("name").to_string(),
                        name,
                    ));
                }
            }
        }
    }
}

pub(super) fn one_source(volume: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let sources: Vec<_> = volume.keys().filter(|key| *key != "name").collect();
    for extra in sources.iter().skip(1) {
        let why = "may not specify more than 1 volume type";
        faults.push(Cause::forbidden(path.field(extra).to_string(), why));
    }
}

pub(super) fn env_source(env: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let Some(source) = env.get("valueFrom").and_then(Value::as_object) else {
        return;
    };
    let field = path.field("valueFrom");
    let why = match source.len() {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        1 if text(env, "value").is_empty() => return,
        1 => "may not be specified when `value` is not empty",
        _ => "may not have more than one field specified at a time",
    };
    faults.push(Cause::invalid(field.to_string(), "", why));
}

pub(super) fn probe_handler(probe: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let mut given = HANDLERS
        .into_iter()
        .filter(|name| probe.contains_key(*name));
    if given.next().is_none() {
        faults.push(Cause::required(
            path.to_string(),
            "must specify a handler type",
        ));
    }
    for extra in given {
        let why = "may not specify more than 1 handler type";
        faults.push(Cause::forbidden(path.field(extra).to_string(), why));
    }
}

/// Kubernetes: one success ends a startup and proves life.
pub(super) fn success_thresholds(container: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    for name in ["livenessProbe", "startupProbe"] {
        let threshold = container
            .get(name)
            .and_then(|probe| probe.get("successThreshold"));
        if let Some(threshold) = threshold.filter(|it| it.as_i64().is_some_and(|it| it > 1)) {
            let probe = path.field(name);
            let field = probe.field("successThreshold").to_string();
            faults.push(Cause::invalid(field, threshold, "must be 1"));
        }
    }
}

pub(super) fn requests_within_limits(
    resources: &Members,
    path: &Path<'_>,
    faults: &mut Vec<Cause>,
) {
    let amount = |list: &str, name: &str| {
        let value = object::at(resources.get(list)?, &[name])?;
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    };
    let requests = resources.get("requests").and_then(Value::as_object);
    for name in requests.into_iter().flat_map(|requests| requests.keys()) {
        let (Some(request), Some(limit)) = (amount("requests", name), amount("limits", name))
        else {
            continue;
        };
        if Quantity::parse(&request) > Quantity::parse(&limit) {
            let why = format!("must be less than or equal to {name} limit of {limit}");
            faults.push(Cause::invalid(
                path.field("requests").to_string(),
                request,
                why,
            ));
        }
    }
}
