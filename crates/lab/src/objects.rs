//! Typed views of stored objects: JSON inside the store, structs at the edges.

use std::sync::Arc;

use apimachinery::defaults;
use apiserver::admission::{Admission, Operation, Review};
use apiserver::names;
use apiserver::resource::Resource;
use apiserver::status::Status;
use apiserver::store::{Key, Part, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A client of one cluster inside the lab: controllers write what the API would let them.
#[derive(Clone)]
pub struct Client {
    /// The cluster's objects.
    pub store: Store,
    /// Its say in writes.
    pub admission: Arc<dyn Admission>,
}

/// Every readable object of a kind, in all namespaces.
///
/// What does not fit its type is left out and logged: the API validates on
/// write, so this is a defect, but one object must not stop a controller.
pub fn list<T: DeserializeOwned>(store: &Store, resource: &'static Resource) -> Vec<T> {
    let items = store.list(resource, None).items;
    items.iter().filter_map(|object| typed(object)).collect()
}

/// An object as its type.
pub fn typed<T: DeserializeOwned>(object: &Value) -> Option<T> {
    T::deserialize(object)
        .inspect_err(|error| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            tracing::error!(%error, kind = %object["kind"], name, "a stored object cannot be read");
        })
        .ok()
}

/// Creates an object as a client would, under a name drawn from `generateName`.
///
/// # Errors
/// The answer a client would get.
pub fn create(
    api: &Client,
    resource: &'static Resource,
    namespace: &str,
    mut object: Value,
) -> Result<Arc<Value>, Status> {
    // Drawn before the review, so that a refusal names the object.
    let prefix = object["metadata"]["generateName"]
        .as_str()
        .unwrap_or_default();
    let name = names::generated(prefix, uuid::Uuid::new_v4());
    object["metadata"]["name"] = name.clone().into();
    defaults::fill(resource, resource.preferred_version(), &mut object);
    api.admission.default_object(resource, &mut object, None);
    let review = Review {
        operation: Operation::Create,
        resource,
        version: resource.preferred_version(),
        namespace,
        name: &name,
        object: Some(&object),
        old: None,
    };
    api.admission.admit(&review)?;
    Ok(api.store.create(resource, namespace, object)?)
}

/// Writes an object's status, unless it is the same.
pub fn set_status(store: &Store, key: &Key, status: &impl Serialize) {
    let status = serde_json::to_value(status).unwrap_or_default();
    change(store, key, Part::Status, |object| {
        object["status"] = status.clone()
    });
}

/// Changes one part of an object; an object that is gone meanwhile needs no change.
pub fn change(store: &Store, key: &Key, part: Part, mut apply: impl FnMut(&mut Value)) {
    let outcome = store.modify(key, part, |old| -> Result<Value, apiserver::store::Error> {
        let mut new = old.clone();
        apply(&mut new);
        Ok(new)
    });
    if let Err(error) = outcome {
        tracing::debug!(%error, "not changed");
    }
}
