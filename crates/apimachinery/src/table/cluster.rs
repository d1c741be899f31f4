//! Columns of namespaces, nodes and leases.

use serde_json::Value;

use super::column::{AGE, Column, NAME, Subject, or};
use super::text::NONE;
use crate::object;

const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
const ROLE: &str = "kubernetes.io/role";
const UNKNOWN: &str = "<unknown>";

pub(super) static NAMESPACES: &[Column] = &[
    NAME,
    Column::text("Status", "Its phase.", |namespace| {
        namespace.text(&["status", "phase"]).into()
    }),
    AGE,
];

pub(super) static NODES: &[Column] = &[
    NAME,
    Column::text("Status", "Whether it is ready and takes pods.", |node| {
        status(node).into()
    }),
    Column::text("Roles", "From its labels.", |node| roles(node).into()),
    AGE,
    Column::text("Version", "Of its kubelet.", |node| {
        node.text(&["status", "nodeInfo", "kubeletVersion"]).into()
    }),
    Column::text("Internal-IP", "Address inside the cluster.", |node| {
        address(node, "InternalIP").into()
    })
    .wide(),
    Column::text("External-IP", "Address from outside.", |node| {
        address(node, "ExternalIP").into()
    })
    .wide(),
    Column::text("OS-Image", "Its operating system.", |node| {
        info(node, "osImage").into()
    })
    .wide(),
    Column::text("Kernel-Version", "Its kernel.", |node| {
        info(node, "kernelVersion").into()
    })
    .wide(),
    Column::text("Container-Runtime", "What runs its containers.", |node| {
        info(node, "containerRuntimeVersion").into()
    })
    .wide(),
];

pub(super) static LEASES: &[Column] = &[
    NAME,
    Column::text("Holder", "Who holds it.", |lease| {
        lease.text(&["spec", "holderIdentity"]).into()
    }),
    AGE,
];

fn status(node: &Subject<'_>) -> String {
    let conditions = node.items(&["status", "conditions"]);
    let ready = conditions
        .iter()
        .rfind(|condition| object::text(condition, &["type"]) == "Ready");
    let ready = match ready.map(|ready| object::text(ready, &["status"])) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let closed = node.at(&["spec", "unschedulable"]) == Some(&Value::Bool(true));
    let closed = if closed { ",SchedulingDisabled" } else { "" };
    format!("{ready}{closed}")
}

fn roles(node: &Subject<'_>) -> String {
    let labels = object::labels(node.object).into_iter().flatten();
    let mut roles: Vec<_> = labels
        .filter_map(|(key, value)| match key.strip_prefix(ROLE_PREFIX) {
            None if key == ROLE => value.as_str(),
            role => role,
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    or(&roles.join(","), NONE).to_owned()
}

fn address<'a>(node: &Subject<'a>, kind: &str) -> &'a str {
    let addresses = node.items(&["status", "addresses"]).iter();
    addresses
        .filter(|address| object::text(address, &["type"]) == kind)
        .map(|address| object::text(address, &["address"]))
        .next()
        .unwrap_or(NONE)
}

fn info<'a>(node: &Subject<'a>, member: &str) -> &'a str {
    node.text_or(&["status", "nodeInfo", member], UNKNOWN)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use crate::resource::rows;
    use crate::table::cells;

    #[test]
    fn a_cordoned_node_says_so_and_shows_its_roles_in_order() {
        let node = json!({
            "metadata": {"name": "n", "labels": {
                "node-role.kubernetes.io/worker": "", "kubernetes.io/role": "edge",
                "node-role.kubernetes.io/": "", "other": "x",
            }},
            "spec": {"unschedulable": true},
            "status": {
                "conditions": [{"type": "Ready", "status": "Unknown"}],
                "addresses": [{"type": "ExternalIP", "address": "1.2.3.4"}],
                "nodeInfo": {"kubeletVersion": "v1.35.4", "osImage": "Linux"},
            },
        });
        let shown = cells(&rows::NODES, &node, Timestamp::UNIX_EPOCH);
        assert_eq!(
            shown,
            [
                "n",
                "NotReady,SchedulingDisabled",
                "edge,worker",
                "<unknown>",
                "v1.35.4",
                "<none>",
                "1.2.3.4",
                "Linux",
                "<unknown>",
                "<unknown>"
            ]
        );
    }
}
