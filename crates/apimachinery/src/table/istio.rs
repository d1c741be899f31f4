//! Columns of Istio's kinds, as their definitions have them.
//!
//! Kubernetes: a column of a custom resource is a path into the object. Where the path ends
//! nowhere the cell is null; a list or an object in a column of text is shown as JSON.

use serde_json::Value;

use super::column::{self, Column, NAME, Subject};
use super::text::scalar;

/// A custom resource's age is a date, printed like an age.
const AGE: Column = column::AGE.of("date");

pub(super) static NAME_AND_AGE: &[Column] = &[NAME, AGE];

pub(super) static DESTINATION_RULES: &[Column] = &[
    NAME,
    Column::text(
        "Host",
        "The name of a service from the service registry",
        |rule| path(rule, &["spec", "host"]),
    ),
    AGE,
];

pub(super) static SERVICE_ENTRIES: &[Column] = &[
    NAME,
    Column::text(
        "Hosts",
        "The hosts associated with the ServiceEntry",
        |entry| path(entry, &["spec", "hosts"]),
    ),
    Column::text(
        "Location",
        "Whether the service is external to the mesh or part of the mesh (MESH_EXTERNAL or MESH_INTERNAL)",
        |entry| path(entry, &["spec", "location"]),
    ),
    Column::text(
        "Resolution",
        "Service resolution mode for the hosts (NONE, STATIC, or DNS)",
        |entry| path(entry, &["spec", "resolution"]),
    ),
    AGE,
];

pub(super) static VIRTUAL_SERVICES: &[Column] = &[
    NAME,
    Column::text(
        "Gateways",
        "The names of gateways and sidecars that should apply these routes",
        |service| path(service, &["spec", "gateways"]),
    ),
    Column::text(
        "Hosts",
        "The destination hosts to which traffic is being sent",
        |service| path(service, &["spec", "hosts"]),
    ),
    AGE,
];

pub(super) static WORKLOAD_ENTRIES: &[Column] = &[
    NAME,
    AGE,
    Column::text(
        "Address",
        "Address associated with the network endpoint.",
        |entry| path(entry, &["spec", "address"]),
    ),
];

pub(super) static AUTHORIZATION_POLICIES: &[Column] = &[
    NAME,
    Column::text("Action", "The operation to take.", |policy| {
        path(policy, &["spec", "action"])
    }),
    AGE,
];

pub(super) static PEER_AUTHENTICATIONS: &[Column] = &[
    NAME,
    Column::text(
        "Mode",
        "Defines the mTLS mode used for peer authentication.",
        |policy| path(policy, &["spec", "mtls", "mode"]),
    ),
    AGE,
];

fn path(object: &Subject<'_>, path: &[&str]) -> Value {
    object
        .at(path)
        .map_or(Value::Null, |value| scalar(value).into())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::resource::rows;
    use crate::table::cells;

    #[test]
    fn lists_are_json_and_what_is_missing_is_null() {
        let service = json!({"metadata": {"name": "v"}, "spec": {"hosts": ["a", "b.c"]}});
        let cells = cells(&rows::VIRTUAL_SERVICES, &service, Timestamp::UNIX_EPOCH);
        assert_eq!(
            cells[..3],
            [json!("v"), Value::Null, json!(r#"["a","b.c"]"#)]
        );
    }
}
