//! Objects of a kind as their type, read again only where they changed.

use std::collections::HashMap;
use std::sync::Arc;

use apiserver::object;
use apiserver::resource::Resource;
use apiserver::store::Store;
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::objects;

/// A typed copy of the objects of one kind.
pub(super) struct Informer<T> {
    store: Store,
    resource: &'static Resource,
    known: HashMap<String, (Arc<Value>, Option<Arc<T>>)>,
}

impl<T: DeserializeOwned> Informer<T> {
    pub(super) fn new(store: &Store, resource: &'static Resource) -> Self {
        Self {
            store: store.clone(),
            resource,
            known: HashMap::new(),
        }
    }

    /// Every readable object as it is now, ordered by namespace and name.
    ///
    /// The store replaces what changes, so an object at the same address is the same.
    pub(super) fn list(&mut self) -> Vec<Arc<T>> {
        let items = self.store.list(self.resource, None).items;
        let mut before = std::mem::take(&mut self.known);
        let mut typed = Vec::with_capacity(items.len());
        for item in items {
            let uid = object::uid(&item).to_owned();
            let known = before
                .remove(&uid)
                .filter(|(old, _)| Arc::ptr_eq(old, &item));
            let entry = known.unwrap_or_else(|| {
                let read = objects::typed(&item).map(Arc::new);
                (item, read)
            });
            typed.extend(entry.1.clone());
            self.known.insert(uid, entry);
        }
        typed
    }
}

/// The objects that each controller, by its uid, has; those that have none under "".
pub(super) fn by_controller<T: Metadata<Ty = ObjectMeta>>(
    items: Vec<Arc<T>>,
) -> HashMap<String, Vec<Arc<T>>> {
    let mut owned: HashMap<String, Vec<Arc<T>>> = HashMap::new();
    for item in items {
        let owner = super::controller_uid(item.metadata()).unwrap_or_default();
        owned.entry(owner.to_owned()).or_default().push(item);
    }
    owned
}

#[cfg(test)]
mod tests {
    use super::*;
    use apiserver::resource::rows;
    use apiserver::store::{Key, Part, RingLimits, SystemSource};
    use k8s_openapi::api::core::v1::Node;
    use serde_json::json;

    #[test]
    fn only_what_changed_is_read_again() {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        for name in ["a", "b"] {
            let node = json!({"metadata": {"name": name}});
            store.create(&rows::NODES, "", node).unwrap();
        }
        let mut informer: Informer<Node> = Informer::new(&store, &rows::NODES);
        let before = informer.list();
        let key = Key::new(&rows::NODES, "", "b");
        objects::change(&store, &key, Part::Main, |node| {
            node["spec"] = json!({"unschedulable": true});
        });
        let after = informer.list();
        assert!(Arc::ptr_eq(&before[0], &after[0]));
        let spec = after[1].spec.as_ref().unwrap();
        assert_eq!(spec.unschedulable, Some(true));
    }
}
