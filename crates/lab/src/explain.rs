//! What `kubectl explain` prints of built-in kinds: Kubernetes' own documentation of its types.

use std::sync::LazyLock;

use apimachinery::openapi::Words;
use k8s_openapi::api::{
    apps::v1 as apps, authentication::v1 as authentication, authorization::v1 as authorization,
    autoscaling, coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
    events::v1 as events, networking::v1 as networking, policy::v1 as policy, rbac::v1 as rbac,
    storage::v1 as storage,
};
use k8s_openapi::schemars::generate::SchemaSettings;
use k8s_openapi::schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// The published documentation; it is put together when it is first asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Documentation;

impl Words for Documentation {
    fn schema(&self, name: &str) -> Option<&Value> {
        SCHEMAS.get(name)
    }
}

/// Notes a kind and all types that it is made of.
type Note = fn(&mut SchemaGenerator) -> Schema;

const KINDS: [Note; 35] = [
    SchemaGenerator::subschema_for::<core::Binding>,
    SchemaGenerator::subschema_for::<core::ConfigMap>,
    SchemaGenerator::subschema_for::<core::Endpoints>,
    SchemaGenerator::subschema_for::<core::Event>,
    SchemaGenerator::subschema_for::<core::LimitRange>,
    SchemaGenerator::subschema_for::<core::Namespace>,
    SchemaGenerator::subschema_for::<core::Node>,
    SchemaGenerator::subschema_for::<core::PersistentVolume>,
    SchemaGenerator::subschema_for::<core::PersistentVolumeClaim>,
    SchemaGenerator::subschema_for::<core::Pod>,
    SchemaGenerator::subschema_for::<core::ResourceQuota>,
    SchemaGenerator::subschema_for::<core::Secret>,
    SchemaGenerator::subschema_for::<core::Service>,
    SchemaGenerator::subschema_for::<core::ServiceAccount>,
    SchemaGenerator::subschema_for::<apps::ControllerRevision>,
    SchemaGenerator::subschema_for::<apps::Deployment>,
    SchemaGenerator::subschema_for::<apps::ReplicaSet>,
    SchemaGenerator::subschema_for::<authentication::SelfSubjectReview>,
    SchemaGenerator::subschema_for::<authorization::LocalSubjectAccessReview>,
    SchemaGenerator::subschema_for::<authorization::SelfSubjectAccessReview>,
    SchemaGenerator::subschema_for::<authorization::SelfSubjectRulesReview>,
    SchemaGenerator::subschema_for::<authorization::SubjectAccessReview>,
    SchemaGenerator::subschema_for::<autoscaling::v1::HorizontalPodAutoscaler>,
    SchemaGenerator::subschema_for::<autoscaling::v2::HorizontalPodAutoscaler>,
    SchemaGenerator::subschema_for::<coordination::Lease>,
    SchemaGenerator::subschema_for::<discovery::EndpointSlice>,
    SchemaGenerator::subschema_for::<events::Event>,
    SchemaGenerator::subschema_for::<networking::Ingress>,
    SchemaGenerator::subschema_for::<networking::NetworkPolicy>,
    SchemaGenerator::subschema_for::<policy::PodDisruptionBudget>,
    SchemaGenerator::subschema_for::<rbac::ClusterRole>,
    SchemaGenerator::subschema_for::<rbac::ClusterRoleBinding>,
    SchemaGenerator::subschema_for::<rbac::Role>,
    SchemaGenerator::subschema_for::<rbac::RoleBinding>,
    SchemaGenerator::subschema_for::<storage::StorageClass>,
];

static SCHEMAS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut generator = SchemaSettings::openapi3().into_generator();
    for note in KINDS {
        note(&mut generator);
    }
    generator.take_definitions(false)
});

#[cfg(test)]
mod tests {
    use apimachinery::openapi;
    use apimachinery::resource::{self, ALL};

    use super::*;

    /// Types that later versions of Kubernetes do not have; the published ones are of 1.37.
    const GONE: [&str; 1] = ["io.k8s.api.core.v1.WorkloadReference"];

    /// All schemas of built-in types, by name, with the document they stand in.
    fn built_in() -> Vec<(String, String, Value)> {
        let groups = [""].into_iter().chain(resource::groups());
        let mut all = Vec::new();
        for (group, version) in groups.flat_map(|group| {
            resource::versions(group)
                .into_iter()
                .map(move |it| (group, it))
        }) {
            let document = openapi::document(group, version, &Documentation);
            let schemas = document["components"]["schemas"].as_object().unwrap();
            let own = schemas
                .iter()
                .filter(|(name, _)| name.starts_with("io.k8s."));
            all.extend(own.map(|(name, schema)| {
                let place = resource::group_version(group, version);
                (place, name.clone(), schema.clone())
            }));
        }
        all
    }

    #[test]
    fn every_built_in_type_is_described() {
        let all = built_in();
        assert!(all.len() > ALL.len());
        let mut wordless: Vec<_> = all
            .iter()
            .filter(|(_, _, schema)| schema["description"].is_null())
            .map(|(_, name, _)| name.as_str())
            .collect();
        wordless.sort_unstable();
        wordless.dedup();
        assert_eq!(wordless, GONE);
    }

    #[test]
    fn a_field_is_described_and_required_as_published() {
        let apps = openapi::document("apps", "v1", &Documentation);
        let spec = &apps["components"]["schemas"]["io.k8s.api.apps.v1.DeploymentSpec"];
        assert_eq!(
            spec["properties"]["strategy"]["description"],
            "The deployment strategy to use to replace existing pods with new ones."
        );
        assert_eq!(
            spec["required"],
            serde_json::json!(["selector", "template"])
        );
    }
}
