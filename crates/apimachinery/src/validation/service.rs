//! Services.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Members, Ordered, Path, elements, text};
use crate::status::Cause;

/// Kubernetes: what a NodePort may be unless the cluster says otherwise.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

/// Ports, and names for them where there are several; a name outside for an alias.
pub(super) fn required(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let (kind, ports) = (text(spec, "type"), path.field("ports"));
    let count = elements(spec, "ports").count();
    let headless = text(spec, "clusterIP") == "None";
    if kind == "ExternalName" && text(spec, "externalName").is_empty() {
        faults.push(Cause::required(path.field("externalName").to_string(), ""));
    }
    if count == 0 && !headless && kind != "ExternalName" {
        faults.push(Cause::required(ports.to_string(), ""));
    }
    for (at, port) in elements(spec, "ports") {
        if count > 1 && text(port, "name").is_empty() {
            faults.push(Cause::required(
                ports.index(at).field("name").to_string(),
                "",
            ));
        }
    }
}

pub(super) fn unique_ports(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
    let ports = path.field("ports");
    for (at, port) in elements(spec, "ports") {
        let (path, name) = (ports.index(at), text(port, "name"));
        if !name.is_empty() && !names.insert(name) {
            faults.push(Cause::duplicate(path.field("name").to_string(), name));
        }
        let (protocol, number) = (
            text(port, "protocol"),
            port.get("port").and_then(Value::as_i64),
        );
        if !numbers.insert((protocol, number)) {
            let shown = json!({
                "Name": "", "Protocol": protocol, "AppProtocol": null, "Port": number,
                "TargetPort": 0, "NodePort": 0,
            });
            let order = [
                "Name",
                "Protocol",
                "AppProtocol",
                "Port",
                "TargetPort",
                "NodePort",
            ];
            faults.push(Cause::duplicate(path.to_string(), Ordered(&shown, &order)));
        }
    }
}

pub(super) fn node_ports(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let (inside, ports) = (text(spec, "type") == "ClusterIP", path.field("ports"));
    for (at, port) in elements(spec, "ports") {
        let Some(number) = port
            .get("nodePort")
            .and_then(Value::as_i64)
            .filter(|it| *it != 0)
        else {
            continue;
        };
        let field = ports.index(at).field("nodePort").to_string();
        if inside {
            let why = "may not be used when `type` is 'ClusterIP'";
            faults.push(Cause::forbidden(field, why));
        } else if !NODE_PORTS.contains(&number) {
            let why =
                "provided port is not in the valid range. The range of valid ports is 30000-32767";
            faults.push(Cause::invalid(field, number, why));
        }
    }
}
