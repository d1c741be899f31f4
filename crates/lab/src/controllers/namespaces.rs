//! A deleted namespace empties itself, says what is left in it, and goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver::object;
use apiserver::resource::{ALL, Resource, rows};
use apiserver::store::{DeleteOptions, Key, Part, Store};
use serde_json::{Value, json};

use crate::objects;

/// What a namespace says of its end: a condition, its reason and message as long as all is well.
const WELL: [(&str, &str, &str); 5] = [
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    (
        "NamespaceContentRemaining",
        "ContentRemoved",
        "All content successfully removed",
    ),
    (
        "NamespaceFinalizersRemaining",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
];

/// What is left in a namespace: kinds and finalizers, with how many objects have them.
#[derive(Debug, Default)]
struct Left {
    kinds: BTreeMap<String, usize>,
    finalizers: BTreeMap<String, usize>,
}

/// One pass.
pub(super) fn empty(store: &Store, now: &str) {
    for namespace in store.list(&rows::NAMESPACES, None).items {
        if !object::is_terminating(&namespace) {
            continue;
        }
        let name = object::name(&namespace);
        items(store, name).for_each(|(kind, item)| delete(store, kind, &item));
        let left = Left::in_namespace(store, name);
        let key = Key::of(&rows::NAMESPACES, &namespace);
        objects::change(store, &key, Part::Status, |it| {
            let before = it["status"]["conditions"].take();
            it["status"]["conditions"] = left.conditions(&before, now);
        });
        if left.kinds.is_empty() {
            objects::change(store, &key, Part::Finalizers, |it| {
                it["spec"]["finalizers"] = json!([]);
            });
        }
    }
}

fn items<'a>(
    store: &'a Store,
    namespace: &'a str,
) -> impl Iterator<Item = (&'static Resource, Arc<Value>)> + 'a {
    let kinds = ALL.iter().copied().filter(|kind| kind.namespaced);
    kinds.flat_map(move |kind| {
        let items = store.list(kind, Some(namespace)).items;
        items.into_iter().map(move |item| (kind, item))
    })
}

fn delete(store: &Store, kind: &'static Resource, item: &Value) {
    if !object::is_terminating(item) {
        // Somebody else may have deleted it meanwhile.
        let _ = store.delete(&Key::of(kind, item), &DeleteOptions::default());
    }
}

impl Left {
    fn in_namespace(store: &Store, namespace: &str) -> Self {
        let mut left = Self::default();
        for (kind, item) in items(store, namespace) {
            let name = format!("{}.{}", kind.plural, kind.group);
            *left.kinds.entry(name).or_default() += 1;
            let finalizers = item["metadata"]["finalizers"].as_array();
            for finalizer in finalizers.into_iter().flatten().filter_map(Value::as_str) {
                *left.finalizers.entry(finalizer.to_owned()).or_default() += 1;
            }
        }
        left
    }

    /// The conditions; a transition is a change of the status alone.
    fn conditions(&self, before: &Value, now: &str) -> Value {
        let condition = |(kind, reason, message): (&str, &str, &str)| {
            let trouble = self.trouble(kind);
            let status = if trouble.is_some() { "True" } else { "False" };
            let (reason, message) = trouble.unwrap_or((reason, message.to_owned()));
            let known = before.as_array().into_iter().flatten();
            let mut known = known.filter(|it| it["type"] == kind && it["status"] == status);
            let since = known
                .next()
                .map_or(json!(now), |it| it["lastTransitionTime"].clone());
            json!({"type": kind, "status": status, "lastTransitionTime": since,
                "reason": reason, "message": message})
        };
        WELL.map(condition).to_vec().into()
    }

    fn trouble(&self, kind: &str) -> Option<(&'static str, String)> {
        let list = |of: &BTreeMap<String, usize>, word: &str| {
            let parts = of
                .iter()
                .map(|(name, count)| format!("{name} {word} {count} resource instances"));
            parts.collect::<Vec<_>>().join(", ")
        };
        match kind {
            "NamespaceContentRemaining" if !self.kinds.is_empty() => {
                let list = list(&self.kinds, "has");
                Some((
                    "SomeResourcesRemain",
                    format!("Some resources are remaining: {list}"),
                ))
            }
            "NamespaceFinalizersRemaining" if !self.finalizers.is_empty() => {
                let list = list(&self.finalizers, "in");
                let message =
                    format!("Some content in the namespace has finalizers remaining: {list}");
                Some(("SomeFinalizersRemain", message))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apiserver::store::{RingLimits, SystemSource};

    /// A deleted namespace with one ConfigMap.
    fn leaving(finalizers: &Value) -> (Store, Key) {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        let namespace = json!({"metadata": {"name": "a"}});
        store.create(&rows::NAMESPACES, "", namespace).unwrap();
        let item = json!({"metadata": {"name": "c", "finalizers": finalizers}});
        store.create(&rows::CONFIG_MAPS, "a", item).unwrap();
        let key = Key::new(&rows::NAMESPACES, "", "a");
        store.delete(&key, &DeleteOptions::default()).unwrap();
        (store, key)
    }

    #[test]
    fn a_deleted_namespace_empties_itself_and_goes() {
        let (store, key) = leaving(&json!([]));
        empty(&store, "2026-01-01T00:00:00Z");
        assert!(store.get(&key).is_err());
        assert!(store.list(&rows::CONFIG_MAPS, None).items.is_empty());
    }

    #[test]
    fn what_is_left_is_told_until_it_is_gone() {
        let (store, key) = leaving(&json!(["example.com/keep"]));
        empty(&store, "2026-01-01T00:00:00Z");
        empty(&store, "2026-01-01T00:01:00Z");
        let namespace = store.get(&key).unwrap();
        let told: Vec<String> = namespace["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                assert_eq!(it["lastTransitionTime"], "2026-01-01T00:00:00Z");
                let text = |member: &str| it[member].as_str().unwrap().to_owned();
                format!("{} {}: {}", text("status"), text("reason"), text("message"))
            })
            .collect();
        assert_eq!(
            told,
            [
                "False ResourcesDiscovered: All resources successfully discovered",
                "False ParsedGroupVersions: All legacy kube types successfully parsed",
                "False ContentDeleted: All content successfully deleted, may be waiting on finalization",
                "True SomeResourcesRemain: Some resources are remaining: configmaps. has 1 resource instances",
                "True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/keep in 1 resource instances",
            ]
        );
    }
}
