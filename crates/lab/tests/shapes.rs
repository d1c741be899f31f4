//! The table of message types and Kubernetes' published types say the same, so what the API lets
//! in, every client and controller can read.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use apimachinery::decode;
use apimachinery::resource::{Resource, rows};
use apimachinery::schema::{self, Scalar, Shape, Struct};
use k8s_openapi::api::{
    apps::v1 as apps, autoscaling::v2 as autoscaling, coordination::v1 as coordination,
    core::v1 as core, discovery::v1 as discovery, networking::v1 as networking,
    policy::v1 as policy, rbac::v1 as rbac, storage::v1 as storage,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

type RoundTrip = fn(&Value) -> Result<Value, serde_json::Error>;

const TYPES: [(&Resource, RoundTrip); 28] = [
    (&rows::CONFIG_MAPS, round_trip::<core::ConfigMap>),
    (&rows::ENDPOINTS, round_trip::<core::Endpoints>),
    (&rows::EVENTS, round_trip::<core::Event>),
    (&rows::LIMIT_RANGES, round_trip::<core::LimitRange>),
    (&rows::NAMESPACES, round_trip::<core::Namespace>),
    (&rows::NODES, round_trip::<core::Node>),
    (
        &rows::PERSISTENT_VOLUME_CLAIMS,
        round_trip::<core::PersistentVolumeClaim>,
    ),
    (
        &rows::PERSISTENT_VOLUMES,
        round_trip::<core::PersistentVolume>,
    ),
    (&rows::PODS, round_trip::<core::Pod>),
    (&rows::RESOURCE_QUOTAS, round_trip::<core::ResourceQuota>),
    (&rows::SECRETS, round_trip::<core::Secret>),
    (&rows::SERVICE_ACCOUNTS, round_trip::<core::ServiceAccount>),
    (&rows::SERVICES, round_trip::<core::Service>),
    (
        &rows::CONTROLLER_REVISIONS,
        round_trip::<apps::ControllerRevision>,
    ),
    (&rows::DEPLOYMENTS, round_trip::<apps::Deployment>),
    (&rows::REPLICA_SETS, round_trip::<apps::ReplicaSet>),
    (
        &rows::HORIZONTAL_POD_AUTOSCALERS,
        round_trip::<autoscaling::HorizontalPodAutoscaler>,
    ),
    (&rows::INGRESSES, round_trip::<networking::Ingress>),
    (
        &rows::NETWORK_POLICIES,
        round_trip::<networking::NetworkPolicy>,
    ),
    (
        &rows::POD_DISRUPTION_BUDGETS,
        round_trip::<policy::PodDisruptionBudget>,
    ),
    (&rows::CLUSTER_ROLES, round_trip::<rbac::ClusterRole>),
    (
        &rows::CLUSTER_ROLE_BINDINGS,
        round_trip::<rbac::ClusterRoleBinding>,
    ),
    (&rows::ROLES, round_trip::<rbac::Role>),
    (&rows::ROLE_BINDINGS, round_trip::<rbac::RoleBinding>),
    (&rows::STORAGE_CLASSES, round_trip::<storage::StorageClass>),
    (&rows::LEASES, round_trip::<coordination::Lease>),
    (
        &rows::ENDPOINT_SLICES,
        round_trip::<discovery::EndpointSlice>,
    ),
    (
        &rows::EVENTS_K8S,
        round_trip::<k8s_openapi::api::events::v1::Event>,
    ),
];

fn round_trip<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(object.clone())?)
}

/// An object with every field of its type.
fn full(of: &Struct) -> Map<String, Value> {
    let mut object = Map::new();
    for field in &of.fields {
        match &field.shape {
            Shape::Struct(inner) if field.name.is_empty() => object.extend(full(inner)),
            shape => {
                object.insert(field.name.clone(), sample(shape));
            }
        }
    }
    object
}

fn sample(shape: &Shape) -> Value {
    match shape {
        Shape::Any => json!({"any": 1}),
        Shape::Struct(inner) => full(inner).into(),
        Shape::Map(map) => json!({"key": sample(&map.value)}),
        Shape::List(list) => json!([sample(&list.item)]),
        Shape::Scalar(scalar) => match scalar {
            Scalar::Text { values, .. } => values.first().map_or("x", String::as_str).into(),
            Scalar::Bool => true.into(),
            Scalar::Int32 | Scalar::Int64 | Scalar::IntOrString => 1.into(),
            Scalar::Float64 => json!(1.5),
            Scalar::Bytes => "YQ==".into(),
            Scalar::Time => "2026-11-21T06:29:49Z".into(),
            Scalar::MicroTime => "2026-11-21T06:29:49.000001Z".into(),
            Scalar::Duration => "1m0s".into(),
            Scalar::Quantity => "100m".into(),
        },
    }
}

/// Fields that later versions of Kubernetes do not have; the published types are of 1.37.
const GONE: [&str; 3] = [
    "Pod.spec.workloadRef",
    "Deployment.spec.template.spec.workloadRef",
    "ReplicaSet.spec.template.spec.workloadRef",
];

/// Paths where the second object has something else than the first one.
fn differences(one: &Value, other: &Value, path: &str) -> Vec<String> {
    match (one, other) {
        (Value::Object(members), Value::Object(others)) => members
            .iter()
            .flat_map(|(name, value)| {
                let other = others.get(name).unwrap_or(&Value::Null);
                differences(value, other, &format!("{path}.{name}"))
            })
            .collect(),
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => items
            .iter()
            .zip(others)
            .flat_map(|(one, other)| differences(one, other, path))
            .collect(),
        _ if one == other => Vec::new(),
        _ => vec![path.to_owned()],
    }
}

#[test]
fn every_field_of_the_table_is_one_of_the_published_type() {
    let mut wrong = Vec::new();
    for (resource, round_trip) in TYPES {
        let (kind, version) = (resource.kind, resource.preferred_version());
        let mut object = full(schema::of(resource, version).unwrap());
        object.insert("kind".into(), kind.into());
        object.insert("apiVersion".into(), resource.api_version(version).into());
        let object = Value::Object(object);
        let decoded = decode::object(resource, version, object.clone().into()).unwrap();
        assert_eq!(decoded.faults, [], "{kind}");
        wrong.extend(differences(&object, &decoded.object, kind));
        let published = round_trip(&object).unwrap_or_else(|error| panic!("{kind}: {error}"));
        wrong.extend(differences(&object, &published, kind));
    }
    assert_eq!(wrong, GONE);
}

#[test]
fn no_stored_kind_is_left_out() {
    let stored = apimachinery::resource::ALL.iter().filter(|row| {
        row.allows("get") && !row.custom && schema::of(row, row.preferred_version()).is_some()
    });
    let missing: Vec<_> = stored
        .filter(|row| !TYPES.iter().any(|(known, _)| known == *row))
        .map(|row| row.kind)
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
