//! What Kubernetes' own admission adds to a new claim: the default class, and that it stays while
//! it is in use.

use apiserver::object;
use apiserver::resource::rows;
use apiserver::store::Store;
use serde_json::{Value, json};

use crate::controllers::volumes::CLAIM_FINALIZER;

const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";

/// Fills in class and finalizer.
pub(super) fn fill(store: &Store, claim: &mut Value) {
    if claim["spec"]["storageClassName"].is_null()
        && let Some(class) = default_class(store)
    {
        claim["spec"]["storageClassName"] = json!(class);
    }
    let finalizers = &mut claim["metadata"]["finalizers"];
    if finalizers.is_null() {
        *finalizers = json!([]);
    }
    if let Some(all) = finalizers.as_array_mut()
        && !all.iter().any(|it| it == CLAIM_FINALIZER)
    {
        all.push(json!(CLAIM_FINALIZER));
    }
}

/// Kubernetes: of several the newest.
fn default_class(store: &Store) -> Option<String> {
    let classes = store.list(&rows::STORAGE_CLASSES, None).items;
    let is_default =
        |it: &Value| object::text(it, &["metadata", "annotations", IS_DEFAULT]) == "true";
    let defaults = classes.iter().filter(|it| is_default(it));
    let newest =
        defaults.max_by_key(|it| object::text(it, &["metadata", "creationTimestamp"]).to_owned());
    newest.map(|it| object::name(it).to_owned())
}
