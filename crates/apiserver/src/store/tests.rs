//! The store as its users see it.

mod deletion;
mod events;
mod writes;

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::*;

const START: u64 = 1_800_000_000_000;

/// A clock that stands still and ids that count up.
#[derive(Default)]
struct Fixed(AtomicU64);

impl Source for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(self.0.fetch_add(1, Ordering::Relaxed).into())
    }
}

fn store() -> Store {
    store_with(RingLimits::default())
}

fn store_with(limits: RingLimits) -> Store {
    let store = Store::new(Arc::new(Fixed::default()), limits);
    store
        .create(&rows::NAMESPACES, "", json!({"metadata": {"name": "shop"}}))
        .unwrap();
    store
}

fn create(store: &Store, resource: &'static Resource, object: Value) -> (Key, Arc<Value>) {
    let object = store.create(resource, "shop", object).unwrap();
    (Key::of(resource, &object), object)
}

fn config_map(store: &Store, name: &str) -> (Key, Arc<Value>) {
    create(
        store,
        &rows::CONFIG_MAPS,
        json!({"metadata": {"name": name}, "data": {"a": "1"}}),
    )
}

fn set(store: &Store, key: &Key, data: Value) -> Arc<Value> {
    let change = |old: &Value| {
        let mut new = old.clone();
        new["data"] = data.clone();
        Ok::<_, Error>(new)
    };
    store.modify(key, Part::Main, change).unwrap()
}

fn events(store: &Store, resource: &'static Resource, from: u64) -> Vec<(EventType, u64)> {
    let events = store.watch(resource, None, from).unwrap().ready().unwrap();
    events
        .iter()
        .map(|event| (event.kind, event.resource_version))
        .collect()
}

fn field<'a>(object: &'a Value, member: &str) -> &'a Value {
    &object["metadata"][member]
}

fn pod(store: &Store, spec: Value) -> (Key, Arc<Value>) {
    create(
        store,
        &rows::PODS,
        json!({"metadata": {"name": "p"}, "spec": spec}),
    )
}
