//! What lost its owners goes too.
//!
//! Kubernetes: an owner deleted with `orphan` waits until its dependents have let go of it, one
//! deleted in the foreground until those that block it are gone.

use std::collections::HashSet;
use std::sync::Arc;

use apiserver::object;
use apiserver::resource::{ALL, Resource, rows};
use apiserver::store::{DeleteOptions, Key, Part, Propagation, Store};
use serde_json::Value;

use crate::objects;

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// An object and the kind it is of.
type Item = (&'static Resource, Arc<Value>);

/// One pass.
pub(super) fn collect(store: &Store) {
    let all = everything(store);
    let owned: Vec<&Item> = all
        .iter()
        .filter(|(_, it)| !owners(it).is_empty())
        .collect();
    let alive: HashSet<&str> = all.iter().map(|(_, it)| object::uid(it)).collect();
    for item in &owned {
        let dangling = |owner: &Value| !alive.contains(owner["uid"].as_str().unwrap_or_default());
        if owners(&item.1).iter().all(dangling) {
            delete(store, item, Propagation::Background);
        }
    }
    for item in all.iter().filter(|(_, it)| object::is_terminating(it)) {
        finish(store, item, &owned);
    }
}

/// Kinds that are stored; a kind that is another form of one is not asked twice.
fn everything(store: &Store) -> Vec<Item> {
    let kinds = ALL.iter().copied().filter(|kind| **kind != rows::EVENTS);
    let items = kinds.map(|kind| (kind, store.list(kind, None).items));
    items
        .flat_map(|(kind, items)| items.into_iter().map(move |item| (kind, item)))
        .collect()
}

/// Does for a deleted object what must be done before it may go.
fn finish(store: &Store, item: &Item, owned: &[&Item]) {
    let uid = object::uid(&item.1);
    let dependents: Vec<_> = owned
        .iter()
        .filter(|it| reference(&it.1, uid).is_some())
        .collect();
    if has_finalizer(&item.1, ORPHAN) {
        for dependent in dependents {
            change(store, dependent, |it| {
                retain(it, "ownerReferences", |owner| owner["uid"] != uid)
            });
        }
        release(store, item, ORPHAN);
    } else if has_finalizer(&item.1, FOREGROUND) {
        let mut blocked = false;
        for dependent in dependents {
            blocked |=
                reference(&dependent.1, uid).is_some_and(|it| it["blockOwnerDeletion"] == true);
            delete(store, dependent, Propagation::Foreground);
        }
        if !blocked {
            release(store, item, FOREGROUND);
        }
    }
}

fn delete(store: &Store, (kind, item): &Item, propagation: Propagation) {
    if !object::is_terminating(item) {
        let options = DeleteOptions {
            propagation,
            ..DeleteOptions::default()
        };
        let _ = store.delete(&Key::of(kind, item), &options);
    }
}

fn release(store: &Store, item: &Item, finalizer: &str) {
    change(store, item, |it| {
        retain(it, "finalizers", |name| name != finalizer)
    });
}

fn change(store: &Store, (kind, item): &Item, apply: impl Fn(&mut Value)) {
    objects::change(store, &Key::of(kind, item), Part::Main, apply);
}

/// Keeps what passes in a list of the metadata.
fn retain(object: &mut Value, list: &str, keep: impl Fn(&Value) -> bool) {
    if let Some(items) = object["metadata"][list].as_array_mut() {
        items.retain(keep);
    }
}

fn owners(item: &Value) -> &[Value] {
    let owners = item["metadata"]["ownerReferences"].as_array();
    owners.map(Vec::as_slice).unwrap_or_default()
}

fn reference<'a>(item: &'a Value, uid: &str) -> Option<&'a Value> {
    owners(item).iter().find(|owner| owner["uid"] == uid)
}

fn has_finalizer(item: &Value, name: &str) -> bool {
    let finalizers = item["metadata"]["finalizers"].as_array();
    finalizers.is_some_and(|all| all.iter().any(|it| it == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apiserver::store::{RingLimits, SystemSource};
    use serde_json::json;

    fn store() -> Store {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        let namespace = json!({"metadata": {"name": "a"}});
        store.create(&rows::NAMESPACES, "", namespace).unwrap();
        store
    }

    /// A ConfigMap `owner` and a ConfigMap `owned` that belongs to it.
    fn family(store: &Store) -> (Key, Key) {
        let owner = store
            .create(
                &rows::CONFIG_MAPS,
                "a",
                json!({"metadata": {"name": "owner"}}),
            )
            .unwrap();
        let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
            "uid": object::uid(&owner), "blockOwnerDeletion": true});
        let owned = json!({"metadata": {"name": "owned", "ownerReferences": [reference]}});
        store.create(&rows::CONFIG_MAPS, "a", owned).unwrap();
        let key = |name| Key::new(&rows::CONFIG_MAPS, "a", name);
        (key("owner"), key("owned"))
    }

    fn deleted(propagation: Propagation) -> (Store, Key, Key) {
        let store = store();
        let (owner, owned) = family(&store);
        let options = DeleteOptions {
            propagation,
            ..DeleteOptions::default()
        };
        store.delete(&owner, &options).unwrap();
        for _ in 0..3 {
            collect(&store);
        }
        (store, owner, owned)
    }

    #[test]
    fn what_lost_its_owner_goes() {
        for propagation in [Propagation::Background, Propagation::Foreground] {
            let (store, owner, owned) = deleted(propagation);
            assert!(store.get(&owner).is_err());
            assert!(store.get(&owned).is_err());
        }
    }

    #[test]
    fn an_orphan_stays_and_knows_its_owner_no_more() {
        let (store, owner, owned) = deleted(Propagation::Orphan);
        assert!(store.get(&owner).is_err());
        assert!(owners(&store.get(&owned).unwrap()).is_empty());
    }
}
