//! Typed views of stored objects: JSON inside the store, structs at the edges.

use apiserver::resource::Resource;
use apiserver::store::{Key, Part, Store};
use serde::de::DeserializeOwned;
use serde_json::Value;

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

/// Writes an object's status, unless it is the same.
pub fn set_status(store: &Store, key: &Key, status: &Value) {
    change(store, key, Part::Status, |object| {
        object["status"] = status.clone()
    });
}

/// Changes one part of an object; an object that is gone meanwhile needs no change.
pub fn change(store: &Store, key: &Key, part: Part, apply: impl Fn(&mut Value)) {
    let outcome = store.modify(key, part, |old| -> Result<Value, apiserver::store::Error> {
        let mut new = old.clone();
        apply(&mut new);
        Ok(new)
    });
    if let Err(error) = outcome {
        tracing::debug!(%error, "not changed");
    }
}
