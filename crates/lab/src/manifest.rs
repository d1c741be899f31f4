//! The rendered manifests that the lab deploys by itself.
//!
//! They are copies of `kubectl kustomize k8s/ctx1` and `k8s/ctx2`, because a
//! machine with nothing but Rust has no kustomize; a test fails when they
//! differ. The ui ConfigMap's data is left out: the binary holds the page.

use anyhow::{Context, Result};
use apimachinery::ownership::{self, LAST_APPLIED};
use serde_json::{Value, json};

/// Who owns what `kubectl apply` wrote.
pub const MANAGER: &str = "kubectl-client-side-apply";
const CTX1: &str = include_str!("../manifests/ctx1.yaml");
const CTX2: &str = include_str!("../manifests/ctx2.yaml");

/// The objects of a cluster, in the order of the manifest.
///
/// # Errors
/// When the manifest is no YAML: a defect of the build.
pub fn objects(cluster: &str) -> Result<Vec<Value>> {
    let text = match cluster {
        "ctx1" => CTX1,
        _ => CTX2,
    };
    parse(text).with_context(|| format!("the embedded manifest of {cluster} cannot be read"))
}

/// The object as kubectl's apply leaves it: it notes what it applied, and from that note the next
/// apply knows which fields to take away.
pub fn applied(mut object: Value) -> Value {
    let annotations = &mut object["metadata"]["annotations"];
    if annotations.is_null() {
        *annotations = json!({});
    }
    let note = ownership::noted(&object);
    object["metadata"]["annotations"][LAST_APPLIED] = json!(note);
    object
}

/// Every document of a YAML text.
///
/// # Errors
/// When it is no YAML.
pub fn parse(text: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_of_both_manifests_is_named() {
        for (cluster, deployments) in [("ctx1", 4), ("ctx2", 4)] {
            let objects = objects(cluster).unwrap();
            assert!(objects.iter().all(|it| it["metadata"]["name"].is_string()));
            let count = objects
                .iter()
                .filter(|it| it["kind"] == "Deployment")
                .count();
            assert_eq!(count, deployments, "{cluster}");
        }
    }

    #[test]
    fn an_applied_object_notes_itself_without_the_note() {
        let object = applied(json!({"metadata": {"name": "a"}, "spec": {"x": 1}}));
        let note = object["metadata"]["annotations"][LAST_APPLIED]
            .as_str()
            .unwrap();
        assert_eq!(
            note,
            "{\"metadata\":{\"annotations\":{},\"name\":\"a\"},\"spec\":{\"x\":1}}\n"
        );
    }
}
