//! What `kubectl get` prints: the columns of a kind, and the cells of an object.
//!
//! ```text
//!  resource ──► columns ──► one cell a column: object, now ──► JSON
//! ```
//!
//! A kind without columns of its own has those a real server falls back to. Ages are texts of the
//! moment they are made, so time is an argument.

mod age;
mod cluster;
mod column;
mod config;
mod event;
mod istio;
mod network;
mod pod;
mod storage;
mod text;
mod workload;

use jiff::Timestamp;
use serde_json::Value;

use crate::resource::{Resource, rows};

pub use age::human_duration;
pub use column::{Column, Subject};

/// The columns of the kinds that have their own.
static TABLES: &[(&Resource, &[Column])] = &[
    (&rows::CONFIG_MAPS, config::CONFIG_MAPS),
    (&rows::ENDPOINTS, network::ENDPOINTS),
    (&rows::EVENTS, event::COLUMNS),
    (&rows::NAMESPACES, cluster::NAMESPACES),
    (&rows::NODES, cluster::NODES),
    (&rows::PERSISTENT_VOLUME_CLAIMS, storage::CLAIMS),
    (&rows::PERSISTENT_VOLUMES, storage::VOLUMES),
    (&rows::PODS, pod::COLUMNS),
    (&rows::RESOURCE_QUOTAS, config::RESOURCE_QUOTAS),
    (&rows::SECRETS, config::SECRETS),
    (&rows::SERVICE_ACCOUNTS, column::NAME_AND_AGE),
    (&rows::SERVICES, network::SERVICES),
    (&rows::CONTROLLER_REVISIONS, workload::CONTROLLER_REVISIONS),
    (&rows::DEPLOYMENTS, workload::DEPLOYMENTS),
    (&rows::REPLICA_SETS, workload::REPLICA_SETS),
    (&rows::HORIZONTAL_POD_AUTOSCALERS, workload::AUTOSCALERS),
    (&rows::INGRESSES, network::INGRESSES),
    (&rows::NETWORK_POLICIES, network::POLICIES),
    (&rows::POD_DISRUPTION_BUDGETS, workload::DISRUPTION_BUDGETS),
    (&rows::CLUSTER_ROLE_BINDINGS, config::ROLE_BINDINGS),
    (&rows::ROLE_BINDINGS, config::ROLE_BINDINGS),
    (&rows::STORAGE_CLASSES, storage::CLASSES),
    (&rows::LEASES, cluster::LEASES),
    (&rows::ENDPOINT_SLICES, network::ENDPOINT_SLICES),
    (&rows::DESTINATION_RULES, istio::DESTINATION_RULES),
    (&rows::SERVICE_ENTRIES, istio::SERVICE_ENTRIES),
    (&rows::VIRTUAL_SERVICES, istio::VIRTUAL_SERVICES),
    (&rows::WORKLOAD_ENTRIES, istio::WORKLOAD_ENTRIES),
    (&rows::AUTHORIZATION_POLICIES, istio::AUTHORIZATION_POLICIES),
    (&rows::PEER_AUTHENTICATIONS, istio::PEER_AUTHENTICATIONS),
];

/// The columns of a kind, in order.
///
/// Kubernetes: a built-in kind without a printer shows when it was created, a custom resource
/// without columns in its definition how old it is.
pub fn columns(resource: &Resource) -> &'static [Column] {
    let own = TABLES.iter().find(|(of, _)| *of == resource);
    own.map_or(
        if resource.custom {
            istio::NAME_AND_AGE
        } else {
            column::NAME_AND_CREATION
        },
        |(_, columns)| columns,
    )
}

/// The cells of one object, one a column.
pub fn cells(resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
    let subject = Subject { object, now };
    columns(resource)
        .iter()
        .map(|column| column.cell(&subject))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::ALL;

    #[test]
    fn every_kind_has_columns_that_stand_an_empty_object() {
        for resource in ALL {
            let columns = columns(resource);
            let named = columns.iter().filter(|column| column.is_name());
            assert_eq!(named.count(), 1, "{}", resource.kind);
            for empty in [
                json!({}),
                json!(null),
                json!({"spec": [], "status": 1, "metadata": ""}),
            ] {
                let cells = cells(resource, &empty, Timestamp::UNIX_EPOCH);
                assert_eq!(cells.len(), columns.len(), "{}", resource.kind);
            }
        }
    }

    #[test]
    fn no_kind_is_in_the_table_twice() {
        for (at, (resource, _)) in TABLES.iter().enumerate() {
            assert!(!TABLES[..at].iter().any(|(other, _)| other == resource));
        }
    }

    #[test]
    fn a_kind_without_a_printer_falls_back() {
        let object =
            json!({"metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:00:00Z"}});
        let shown = |resource| cells(resource, &object, Timestamp::from_second(5).unwrap());
        assert_eq!(shown(&rows::ROLES), ["a", "1970-01-01T00:00:00Z"]);
        assert_eq!(shown(&rows::GATEWAYS), ["a", "5s"]);
        assert_eq!(shown(&rows::SERVICE_ACCOUNTS), ["a", "5s"]);
    }
}
