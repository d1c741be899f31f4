//! What lost its owner, or lives in a namespace that is going, goes too.

use std::collections::BTreeSet;

use apiserver::object;
use apiserver::resource::{ALL, Resource, rows};
use apiserver::store::{DeleteOptions, Key, Part, Store};
use serde_json::{Value, json};

use crate::objects;

/// Kinds that can own others in the lab, and the kinds they own.
const OWNED: [(&Resource, &Resource); 2] = [
    (&rows::DEPLOYMENTS, &rows::REPLICA_SETS),
    (&rows::REPLICA_SETS, &rows::PODS),
];

/// One pass.
pub(super) fn collect(store: &Store) {
    for (owners, resource) in OWNED {
        let alive: BTreeSet<String> = store
            .list(owners, None)
            .items
            .iter()
            .map(|owner| object::uid(owner).to_owned())
            .collect();
        for item in store.list(resource, None).items {
            let orphaned = owner(&item, owners.kind).is_some_and(|uid| !alive.contains(uid));
            if orphaned && !object::is_terminating(&item) {
                let _ = store.delete(&Key::of(resource, &item), &DeleteOptions::default());
            }
        }
    }
    for namespace in store.list(&rows::NAMESPACES, None).items {
        if object::is_terminating(&namespace) {
            empty(store, object::name(&namespace));
        }
    }
}

fn owner<'a>(item: &'a Value, kind: &str) -> Option<&'a str> {
    let owners = item["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|it| it["kind"] == kind)?["uid"].as_str()
}

/// Deletes what is in a namespace; once nothing is left, lets the namespace go.
fn empty(store: &Store, namespace: &str) {
    let mut left = 0;
    for resource in ALL.iter().copied().filter(|resource| resource.namespaced) {
        for item in store.list(resource, Some(namespace)).items {
            left += 1;
            if !object::is_terminating(&item) {
                let _ = store.delete(&Key::of(resource, &item), &DeleteOptions::default());
            }
        }
    }
    if left == 0 {
        let key = Key::new(&rows::NAMESPACES, "", namespace);
        objects::change(store, &key, Part::Finalizers, |it| {
            it["spec"]["finalizers"] = json!([])
        });
    }
}
