//! The API described in OpenAPI 3, one document for each group and version.
//!
//! kubectl asks it two things: whether a server judges unknown fields itself (the parameter
//! `fieldValidation`), and what `kubectl explain` prints. The documents hold what these need:
//! paths with their kinds, and the shape of every kind.

mod paths;
mod schemas;

use serde_json::{Map, Value, json};

use crate::resource::{ALL, Resource};

/// What the published documentation says about message types. The table of types has only facts,
/// so the words come from elsewhere.
pub trait Words: Send + Sync {
    /// The JSON schema of a type by its name in OpenAPI, `io.k8s.api.apps.v1.Deployment`.
    fn schema(&self, name: &str) -> Option<&Value>;
}

/// Nothing is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wordless;

impl Words for Wordless {
    fn schema(&self, _: &str) -> Option<&Value> {
        None
    }
}

/// The document of a group and version.
pub fn document(group: &str, version: &str, words: &dyn Words) -> Value {
    let rows: Vec<_> = ALL
        .iter()
        .filter(|row| row.group == group && row.versions.contains(&version))
        .collect();
    let mut paths = Map::new();
    let mut schemas = schemas::Schemas::new(words);
    for row in rows {
        paths.extend(paths::of(row, version));
        schemas.add(row, version);
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.35.4"},
        "paths": paths,
        "components": {"schemas": schemas.done()},
    })
}

/// How OpenAPI names a group, a version and a kind together.
fn kind_of(row: &Resource, version: &str) -> Value {
    json!({"group": row.group, "version": version, "kind": row.kind})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;

    fn documents() -> Vec<(String, Value)> {
        let groups = [""].into_iter().chain(resource::groups());
        groups
            .flat_map(|group| {
                let versions = resource::versions(group).into_iter();
                versions.map(move |version| {
                    let name = resource::group_version(group, version);
                    (name, document(group, version, &Wordless))
                })
            })
            .collect()
    }

    /// All values of a member, however deep.
    fn values<'a>(value: &'a Value, member: &str, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get(member));
                members.values().for_each(|it| values(it, member, found));
            }
            Value::Array(items) => items.iter().for_each(|it| values(it, member, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        for (name, document) in documents() {
            let mut references = Vec::new();
            values(&document, "$ref", &mut references);
            for reference in references {
                let path = reference.as_str().unwrap().strip_prefix('#').unwrap();
                assert!(document.pointer(path).is_some(), "{name}: {path}");
            }
        }
    }

    #[test]
    fn every_kind_that_can_be_patched_says_that_it_judges_fields() {
        for (name, document) in documents() {
            for (path, item) in document["paths"].as_object().unwrap() {
                let Some(patch) = item.get("patch") else {
                    continue;
                };
                let parameters = patch["parameters"].as_array().unwrap();
                let named = |it: &Value| it["name"] == "fieldValidation";
                assert!(parameters.iter().any(named), "{name} {path}");
                assert!(patch["x-kubernetes-group-version-kind"].is_object());
            }
        }
    }

    #[test]
    fn a_client_that_merges_by_schema_is_not_invited_to() {
        // kubectl takes the merge keys from there then, and they are in its own types already.
        for (name, document) in documents() {
            let text = document.to_string();
            assert!(!text.contains("strategic-merge-patch"), "{name}");
        }
    }

    #[test]
    fn the_collection_of_a_kind_leads_to_its_schema() {
        let apps = document("apps", "v1", &Wordless);
        let path = "/apis/apps/v1/namespaces/{namespace}/deployments";
        let kind = &apps["paths"][path]["get"]["x-kubernetes-group-version-kind"];
        assert_eq!(
            kind,
            &json!({"group": "apps", "version": "v1", "kind": "Deployment"})
        );
        let deployment = &apps["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"];
        assert_eq!(deployment["x-kubernetes-group-version-kind"], json!([kind]));
        let nodes = document("", "v1", &Wordless);
        assert!(nodes["paths"]["/api/v1/nodes/{name}"]["patch"].is_object());
    }
}
