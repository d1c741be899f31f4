//! Istio's kinds, from the CustomResourceDefinitions of Istio 1.30.3 (Apache-2.0).
//!
//! A definition is read when its kind is first asked for. `scripts/trim-istio-crds` made the files:
//! one a kind, and what all versions of a kind share stands in the first of them only.

mod structural;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::Struct;
use super::validate::Validator;
use crate::object;
use crate::resource::{Resource, rows};

/// What a CustomResourceDefinition says about a kind.
#[derive(Debug)]
pub struct Definition {
    /// The kind it defines.
    pub resource: &'static Resource,
    text: &'static str,
    document: OnceLock<Value>,
    shapes: OnceLock<BTreeMap<&'static str, Arc<Struct>>>,
    validators: OnceLock<BTreeMap<&'static str, Arc<Validator>>>,
}

/// Members that a version has from the first one where it does not say otherwise.
const SHARED: [&str; 3] = ["additionalPrinterColumns", "schema", "subresources"];

/// All definitions, in the order of the table of kinds.
pub static ALL: [Definition; 13] = [
    Definition::new(
        &rows::DESTINATION_RULES,
        include_str!("istio/destinationrules.json"),
    ),
    Definition::new(
        &rows::ENVOY_FILTERS,
        include_str!("istio/envoyfilters.json"),
    ),
    Definition::new(&rows::GATEWAYS, include_str!("istio/gateways.json")),
    Definition::new(
        &rows::PROXY_CONFIGS,
        include_str!("istio/proxyconfigs.json"),
    ),
    Definition::new(
        &rows::SERVICE_ENTRIES,
        include_str!("istio/serviceentries.json"),
    ),
    Definition::new(&rows::SIDECARS, include_str!("istio/sidecars.json")),
    Definition::new(
        &rows::VIRTUAL_SERVICES,
        include_str!("istio/virtualservices.json"),
    ),
    Definition::new(
        &rows::WORKLOAD_ENTRIES,
        include_str!("istio/workloadentries.json"),
    ),
    Definition::new(
        &rows::WORKLOAD_GROUPS,
        include_str!("istio/workloadgroups.json"),
    ),
    Definition::new(
        &rows::AUTHORIZATION_POLICIES,
        include_str!("istio/authorizationpolicies.json"),
    ),
    Definition::new(
        &rows::PEER_AUTHENTICATIONS,
        include_str!("istio/peerauthentications.json"),
    ),
    Definition::new(
        &rows::REQUEST_AUTHENTICATIONS,
        include_str!("istio/requestauthentications.json"),
    ),
    Definition::new(&rows::TELEMETRIES, include_str!("istio/telemetries.json")),
];

/// The definition of a kind; none for built-in kinds.
pub fn definition(resource: &Resource) -> Option<&'static Definition> {
    ALL.iter().find(|it| it.resource == resource)
}

/// The shape of a custom kind in one of its versions.
pub fn of(resource: &Resource, version: &str) -> Option<&'static Arc<Struct>> {
    definition(resource)?.shape(version)
}

/// What judges an object of a custom kind, by the version it is in.
pub fn validator(resource: &Resource, object: &Value) -> Option<&'static Arc<Validator>> {
    let version = object::text(object, &["apiVersion"]).rsplit('/').next()?;
    definition(resource)?.validator(version)
}

impl Definition {
    const fn new(resource: &'static Resource, text: &'static str) -> Self {
        Self {
            resource,
            text,
            document: OnceLock::new(),
            shapes: OnceLock::new(),
            validators: OnceLock::new(),
        }
    }

    /// The object as `kubectl apply` would send it, every version complete.
    pub fn object(&self) -> Value {
        let mut object = self.document().clone();
        let versions = object["spec"]["versions"].as_array_mut();
        if let Some((first, others)) = versions.and_then(|them| them.split_first_mut()) {
            for version in others {
                for member in SHARED {
                    if let Some(shared) = first.get(member).filter(|_| version[member].is_null()) {
                        version[member] = shared.clone();
                    }
                }
            }
        }
        object
    }

    /// The object as a server has it that has accepted it, at this time (RFC 3339).
    pub fn established(&self, now: &str) -> Value {
        let mut object = self.object();
        let condition = |kind, reason, message| {
            json!({
                "type": kind, "status": "True", "lastTransitionTime": now,
                "reason": reason, "message": message,
            })
        };
        object["spec"]["conversion"] = json!({"strategy": "None"});
        object["status"] = json!({
            "acceptedNames": object["spec"]["names"],
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
            "storedVersions": [self.resource.preferred_version()],
        });
        object
    }

    /// The `openAPIV3Schema` of a version, as written.
    pub fn schema(&self, version: &str) -> Option<&Value> {
        self.of_version(version, "schema")?.get("openAPIV3Schema")
    }

    /// The `additionalPrinterColumns` of a version; none where it has none.
    pub fn columns(&self, version: &str) -> Option<&Value> {
        self.of_version(version, "additionalPrinterColumns")
    }

    /// The shape of a version.
    pub fn shape(&self, version: &str) -> Option<&Arc<Struct>> {
        self.shapes.get_or_init(|| self.read_shapes()).get(version)
    }

    /// What judges objects of a version.
    pub fn validator(&self, version: &str) -> Option<&Arc<Validator>> {
        let validators = self.validators.get_or_init(|| self.read_validators());
        validators.get(version)
    }

    /// Versions that share a schema share what judges by it.
    fn read_validators(&self) -> BTreeMap<&'static str, Arc<Validator>> {
        let mut read: Vec<(&Value, Arc<Validator>)> = Vec::new();
        let mut validators = BTreeMap::new();
        for version in self.resource.versions {
            let Some(schema) = self.schema(version) else {
                continue;
            };
            let known = read.iter().find(|(known, _)| std::ptr::eq(*known, schema));
            let validator = known.map(|(_, it)| Arc::clone(it)).unwrap_or_else(|| {
                let validator = Validator::read(schema);
                Arc::new(validator.expect("the schemas in the repository are structural"))
            });
            read.push((schema, Arc::clone(&validator)));
            validators.insert(*version, validator);
        }
        validators
    }

    fn read_shapes(&self) -> BTreeMap<&'static str, Arc<Struct>> {
        let versions = self.resource.versions.iter().copied();
        versions
            .filter_map(|version| {
                let name = format!("{}.{version}.{}", self.resource.group, self.resource.kind);
                let root = structural::root(name, self.schema(version)?);
                Some((version, Arc::new(root)))
            })
            .collect()
    }

    fn of_version(&self, version: &str, member: &str) -> Option<&Value> {
        let versions = self.document()["spec"]["versions"].as_array()?;
        let own = versions.iter().find(|it| it["name"] == version)?;
        own.get(member).or_else(|| versions.first()?.get(member))
    }

    fn document(&self) -> &Value {
        self.document.get_or_init(|| {
            serde_json::from_str(self.text).expect("the definitions in the repository are JSON")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;
    use crate::schema::{Ownership, Scalar, Shape};

    fn field(resource: &Resource, version: &str, path: &[&str]) -> Shape {
        let mut shape = Shape::Struct(Arc::clone(of(resource, version).unwrap()));
        for name in path {
            shape = match shape {
                Shape::Struct(message) => message.field(name).unwrap().shape.clone(),
                Shape::List(list) => match &list.item {
                    Shape::Struct(item) => item.field(name).unwrap().shape.clone(),
                    other => panic!("{name} in {other:?}"),
                },
                other => panic!("{name} in {other:?}"),
            };
        }
        shape
    }

    #[test]
    fn every_custom_kind_is_defined_as_its_row_says() {
        for row in resource::ALL.iter().filter(|row| row.custom) {
            let object = definition(row).unwrap().object();
            let (spec, names) = (&object["spec"], &object["spec"]["names"]);
            assert_eq!(object["metadata"]["name"], row.qualified());
            assert_eq!(spec["group"], row.group);
            assert_eq!(names["kind"], row.kind);
            assert_eq!(names["plural"], row.plural);
            assert_eq!(names["singular"], row.singular);
            assert_eq!(spec["scope"] == "Namespaced", row.namespaced);
            for version in spec["versions"].as_array().unwrap() {
                let name = version["name"].as_str().unwrap();
                assert!(row.versions.contains(&name), "{} {name}", row.kind);
                assert!(version["schema"].is_object(), "{} {name}", row.kind);
            }
            for version in row.versions {
                assert!(of(row, version).is_some(), "{} {version}", row.kind);
            }
        }
    }

    #[test]
    fn an_accepted_definition_says_so() {
        let now = "2026-11-21T06:11:24Z";
        let gateways = definition(&rows::GATEWAYS).unwrap().established(now);
        let status = &gateways["status"];
        assert_eq!(status["storedVersions"], json!(["v1"]));
        assert_eq!(status["acceptedNames"], gateways["spec"]["names"]);
        assert_eq!(status["conditions"][1]["type"], "Established");
        assert_eq!(status["conditions"][1]["lastTransitionTime"], now);
    }

    #[test]
    fn lists_are_owned_whole_unless_the_definition_says_otherwise() {
        let http = field(&rows::VIRTUAL_SERVICES, "v1beta1", &["spec", "http"]);
        let ports = field(&rows::SERVICE_ENTRIES, "v1", &["spec", "ports"]);
        let ownership = |shape| match shape {
            Shape::List(list) => list.ownership.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(ownership(http), Ownership::Atomic);
        assert_eq!(ownership(ports), Ownership::Map(vec!["name".into()]));
    }

    #[test]
    fn values_have_the_type_of_the_schema() {
        let route = ["spec", "http", "route", "weight"];
        let weight = field(&rows::VIRTUAL_SERVICES, "v1", &route);
        assert_eq!(weight, Shape::Scalar(Scalar::Int32));
        let mode = field(&rows::PEER_AUTHENTICATIONS, "v1", &["spec", "mtls", "mode"]);
        let Shape::Scalar(Scalar::Text { values, .. }) = mode else {
            panic!("{mode:?}");
        };
        assert_eq!(*values, ["DISABLE", "PERMISSIVE", "STRICT", "UNSET"]);
        let value = ["spec", "configPatches", "patch", "value"];
        assert_eq!(field(&rows::ENVOY_FILTERS, "v1alpha3", &value), Shape::Any);
        let labels = field(
            &rows::DESTINATION_RULES,
            "v1",
            &["spec", "subsets", "labels"],
        );
        assert!(matches!(labels, Shape::Map(_)), "{labels:?}");
    }

    #[test]
    fn only_what_the_definition_leaves_open_takes_unknown_fields() {
        let root = of(&rows::GATEWAYS, "v1").unwrap();
        let Shape::Struct(status) = &root.field("status").unwrap().shape else {
            panic!("{root:?}");
        };
        assert!(status.open && !root.open);
    }
}
