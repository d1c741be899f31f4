//! Whose is an object: a controller takes what its selector matches and nobody controls, and
//! lets go of what it controls and its selector no longer matches.

use std::collections::HashMap;
use std::sync::Arc;

use apiserver::resource::Resource;
use apiserver::selector::LabelSelector;
use apiserver::store::{Key, Part, Store};
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{self as meta, ObjectMeta};
use serde_json::{Map, Value, json};

use super::informer::by_controller;
use crate::objects;

/// The objects of one kind, by who controls them.
pub(super) struct Claims<T> {
    resource: &'static Resource,
    owned: HashMap<String, Vec<Arc<T>>>,
}

/// What a controller may have.
pub(super) struct Candidates<T> {
    /// Objects it controls.
    pub(super) owned: Vec<Arc<T>>,
    /// Objects of its namespace that nobody controls.
    pub(super) orphans: Vec<Arc<T>>,
}

impl<T: Metadata<Ty = ObjectMeta>> Claims<T> {
    pub(super) fn of(resource: &'static Resource, items: Vec<Arc<T>>) -> Self {
        Self {
            resource,
            owned: by_controller(items),
        }
    }

    /// What an owner has or might take.
    pub(super) fn candidates(&self, owner: &ObjectMeta) -> Candidates<T> {
        let uid = owner.uid.as_deref().unwrap_or_default();
        let owned = self.owned.get(uid).cloned().unwrap_or_default();
        let nobodys = self.owned.get("").map(Vec::as_slice).unwrap_or_default();
        let near = |item: &&Arc<T>| item.metadata().namespace == owner.namespace;
        Candidates {
            owned,
            orphans: nobodys.iter().filter(near).cloned().collect(),
        }
    }

    /// Takes and releases; what stays the owner's is returned, what was taken comes with the next look.
    pub(super) fn claim<O: Metadata<Ty = ObjectMeta>>(
        &self,
        store: &Store,
        owner: &O,
        selector: &meta::LabelSelector,
        candidates: Candidates<T>,
    ) -> Vec<Arc<T>> {
        let selector = selector_of(selector);
        let is_leaving = owner.metadata().deletion_timestamp.is_some();
        let matched = |item: &Arc<T>| matches(selector.as_ref(), item.metadata());
        for orphan in candidates.orphans.iter().filter(|item| matched(item)) {
            // Kubernetes: what is on its way out is neither taken nor takes.
            if !is_leaving && orphan.metadata().deletion_timestamp.is_none() {
                self.adopt(store, owner, orphan.metadata());
            }
        }
        let (mine, others): (Vec<_>, Vec<_>) = candidates.owned.into_iter().partition(matched);
        for item in others {
            self.release(store, owner.metadata(), item.metadata());
        }
        mine
    }

    fn adopt<O: Metadata<Ty = ObjectMeta>>(&self, store: &Store, owner: &O, item: &ObjectMeta) {
        let reference = super::owner_reference(O::API_VERSION, O::KIND, owner.metadata());
        let uid = item.uid.clone();
        objects::change(store, &self.key(item), Part::Main, |object| {
            // Somebody may have been faster, or the name may be another object's by now.
            let same = object["metadata"]["uid"].as_str() == uid.as_deref();
            let references = &mut object["metadata"]["ownerReferences"];
            if references.is_null() {
                *references = json!([]);
            }
            let Some(list) = references.as_array_mut() else {
                return;
            };
            if same && !list.iter().any(|it| it["controller"] == true) {
                list.push(reference.clone());
            }
        });
    }

    fn release(&self, store: &Store, owner: &ObjectMeta, item: &ObjectMeta) {
        let uid = owner.uid.clone().unwrap_or_default();
        objects::change(store, &self.key(item), Part::Main, |object| {
            let references = object["metadata"]["ownerReferences"].as_array_mut();
            references
                .into_iter()
                .for_each(|it| it.retain(|it| it["uid"] != uid.as_str()));
        });
    }

    fn key(&self, item: &ObjectMeta) -> Key {
        super::key(self.resource, item)
    }
}

/// A selector that cannot be read matches nothing; nor does an empty one, as it would take all.
pub(super) fn selector_of(selector: &meta::LabelSelector) -> Option<LabelSelector> {
    let none = |list: Option<usize>| list.unwrap_or(0) == 0;
    let empty = none(selector.match_labels.as_ref().map(|it| it.len()))
        && none(selector.match_expressions.as_ref().map(Vec::len));
    let value = serde_json::to_value(selector).ok()?;
    LabelSelector::from_object(&value).ok().filter(|_| !empty)
}

/// Whether a selector matches an object's labels.
pub(super) fn matches(selector: Option<&LabelSelector>, metadata: &ObjectMeta) -> bool {
    let labels: Map<String, Value> = metadata
        .labels
        .iter()
        .flatten()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    selector.is_some_and(|selector| selector.matches(Some(&labels)))
}
