//! Any sequence of writes keeps the promises: versions grow, and a list plus the events after it
//! give the final state.

use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver::object;
use apiserver::resource::{Resource, rows};
use apiserver::store::{
    DeleteOptions, Error, EventType, Key, Part, RingLimits, Store, SystemSource,
};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
enum Write {
    Create(usize, u8, bool),
    Update(usize, u8, u8),
    Status(usize, u8, u8),
    Patch(usize, u8, u8),
    Finalize(usize, u8),
    Delete(usize, u8, u64),
}

static KINDS: [&Resource; 3] = [&rows::CONFIG_MAPS, &rows::PODS, &rows::DEPLOYMENTS];

fn any_write() -> impl Strategy<Value = Write> {
    let (kind, name, value) = (0..KINDS.len(), 0..4_u8, 0..3_u8);
    prop_oneof![
        (kind.clone(), name.clone(), any::<bool>()).prop_map(|(k, n, f)| Write::Create(k, n, f)),
        (kind.clone(), name.clone(), value.clone()).prop_map(|(k, n, v)| Write::Update(k, n, v)),
        (kind.clone(), name.clone(), value.clone()).prop_map(|(k, n, v)| Write::Status(k, n, v)),
        (kind.clone(), name.clone(), value).prop_map(|(k, n, v)| Write::Patch(k, n, v)),
        (kind.clone(), name.clone()).prop_map(|(k, n)| Write::Finalize(k, n)),
        (kind, name, 0..3_u64).prop_map(|(k, n, g)| Write::Delete(k, n, g)),
    ]
}

fn key(kind: usize, name: u8) -> Key {
    Key::new(KINDS[kind], "shop", format!("n{name}"))
}

/// Applies one write; refusals are part of the game.
fn apply(store: &Store, write: &Write) -> Result<(), Error> {
    match *write {
        Write::Create(kind, name, held) => {
            let finalizers = if held { json!(["x/y"]) } else { json!([]) };
            let metadata = json!({"name": format!("n{name}"), "finalizers": finalizers});
            let spec = json!({"nodeName": if name % 2 == 0 { "n" } else { "" }});
            store
                .create(
                    KINDS[kind],
                    "shop",
                    json!({"metadata": metadata, "spec": spec}),
                )
                .map(drop)
        }
        Write::Update(kind, name, value) => {
            let object = json!({"metadata": {"name": format!("n{name}")}, "spec": {"v": value}});
            store.update(&key(kind, name), object, None).map(drop)
        }
        Write::Status(kind, name, value) => {
            let change = |_: &Value| Ok::<_, Error>(json!({"status": {"v": value}}));
            store
                .modify(&key(kind, name), Part::Status, change)
                .map(drop)
        }
        Write::Patch(kind, name, value) => {
            let change = |old: &Value| {
                let mut new = old.clone();
                json_patch::merge(
                    &mut new,
                    &json!({"metadata": {"labels": {"v": value.to_string()}}}),
                );
                Ok::<_, Error>(new)
            };
            store.modify(&key(kind, name), Part::Main, change).map(drop)
        }
        Write::Finalize(kind, name) => {
            let change = |old: &Value| {
                let mut new = old.clone();
                new["metadata"]["finalizers"] = json!([]);
                Ok::<_, Error>(new)
            };
            store.modify(&key(kind, name), Part::Main, change).map(drop)
        }
        Write::Delete(kind, name, grace) => {
            let options = DeleteOptions {
                grace_period_seconds: Some(grace),
                ..DeleteOptions::default()
            };
            store.delete(&key(kind, name), &options).map(drop)
        }
    }
}

fn state(store: &Store, kind: &'static Resource) -> (BTreeMap<String, Arc<Value>>, u64) {
    let list = store.list(kind, None);
    let named = list
        .items
        .into_iter()
        .map(|object| (object::name(&object).to_owned(), object));
    (named.collect(), list.resource_version)
}

/// The events after a list, applied to it.
fn replay(
    store: &Store,
    kind: &'static Resource,
    (mut objects, from): (BTreeMap<String, Arc<Value>>, u64),
) -> BTreeMap<String, Arc<Value>> {
    let mut watch = store.watch(kind, Some("shop"), from).unwrap();
    let mut last = from;
    loop {
        let events = watch.ready().unwrap();
        if events.is_empty() {
            return objects;
        }
        for event in events {
            assert!(event.resource_version > last, "versions grow");
            assert_eq!(
                object::resource_version(&event.object),
                event.resource_version
            );
            last = event.resource_version;
            let name = object::name(&event.object).to_owned();
            let before = match event.kind {
                EventType::Deleted => objects.remove(&name),
                _ => objects.insert(name, Arc::clone(&event.object)),
            };
            assert_eq!(
                before, event.previous,
                "an event follows from the one before"
            );
            assert_eq!(before.is_none(), event.kind == EventType::Added);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_list_and_the_events_after_it_give_the_final_state(
        early in prop::collection::vec(any_write(), 0..40),
        late in prop::collection::vec(any_write(), 0..80),
    ) {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        store.create(&rows::NAMESPACES, "", json!({"metadata": {"name": "shop"}})).unwrap();
        let run = |writes: &[Write]| {
            for write in writes {
                let before = store.resource_version();
                let result = apply(&store, write);
                let grown = store.resource_version() - before;
                prop_assert!(grown <= 1 && (result.is_ok() || grown == 0), "{write:?}: {result:?}");
            }
            Ok(())
        };
        run(&early)?;
        let lists: Vec<_> = KINDS.iter().map(|kind| state(&store, kind)).collect();
        run(&late)?;
        for (kind, list) in KINDS.iter().zip(lists) {
            prop_assert_eq!(replay(&store, kind, list), state(&store, kind).0);
        }
    }
}
