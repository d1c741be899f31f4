//! Whether an object has its kind's shape, by the types of Kubernetes' own API.
//!
//! What does not decode must not be stored: every reader of the store, ours
//! and a client's, decodes it into these types.

use apiserver::resource::{Resource, rows};
use k8s_openapi::api::{apps::v1 as apps, core::v1 as core, rbac::v1 as rbac};
use serde::de::DeserializeOwned;
use serde_json::Value;

type Decode = fn(&Value) -> Result<(), String>;

/// Kinds that the lab's controllers or the gateway decode.
const SHAPES: [(&Resource, Decode); 15] = [
    (&rows::CONFIG_MAPS, decode::<core::ConfigMap>),
    (&rows::DEPLOYMENTS, decode::<apps::Deployment>),
    (&rows::NAMESPACES, decode::<core::Namespace>),
    (&rows::NODES, decode::<core::Node>),
    (
        &rows::PERSISTENT_VOLUME_CLAIMS,
        decode::<core::PersistentVolumeClaim>,
    ),
    (&rows::PODS, decode::<core::Pod>),
    (&rows::REPLICA_SETS, decode::<apps::ReplicaSet>),
    (&rows::SECRETS, decode::<core::Secret>),
    (&rows::SERVICES, decode::<core::Service>),
    (&rows::SERVICE_ACCOUNTS, decode::<core::ServiceAccount>),
    (&rows::EVENTS, decode::<core::Event>),
    (&rows::ROLES, decode::<rbac::Role>),
    (&rows::ROLE_BINDINGS, decode::<rbac::RoleBinding>),
    (&rows::CLUSTER_ROLES, decode::<rbac::ClusterRole>),
    (
        &rows::CLUSTER_ROLE_BINDINGS,
        decode::<rbac::ClusterRoleBinding>,
    ),
];

/// Decodes an object of a known kind; says what does not fit.
pub(super) fn check(resource: &Resource, object: &Value) -> Result<(), String> {
    let shape = SHAPES.iter().find(|(known, _)| *known == resource);
    shape.map_or(Ok(()), |(_, decode)| decode(object))
}

fn decode<T: DeserializeOwned>(object: &Value) -> Result<(), String> {
    T::deserialize(object)
        .map(drop)
        .map_err(|error| format!("json: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_wrong_type_is_named_and_a_sound_object_passes() {
        let deployment = |replicas: Value, strategy: Value| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {
                "replicas": replicas, "strategy": strategy, "selector": {}, "template": {},
            }})
        };
        check(&rows::DEPLOYMENTS, &deployment(json!(1), json!({}))).unwrap();
        let why = check(&rows::DEPLOYMENTS, &deployment(json!("x"), json!({}))).unwrap_err();
        assert!(why.contains("expected i32"), "{why}");
        assert!(check(&rows::DEPLOYMENTS, &deployment(json!(1), json!("Recreate"))).is_err());
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": "x"});
        assert!(check(&rows::SERVICES, &service).is_err());
    }
}
