//! What watchers and controllers learn.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;

use super::*;
use crate::view::View;

#[test]
fn entering_and_leaving_a_selection_is_adding_and_deleting() {
    let store = store();
    let before = store.resource_version();
    let (key, _) = config_map(&store, "a");
    for value in ["2", "1", "1b", "3"] {
        set(&store, &key, json!({"a": value}));
    }
    store.delete(&key, &DeleteOptions::default()).unwrap();
    let ones = |object: &Value| object["data"]["a"].as_str().unwrap().starts_with('1');
    let seen: Vec<_> = store
        .watch(&rows::CONFIG_MAPS, None, before)
        .unwrap()
        .ready()
        .unwrap()
        .iter()
        .map(|event| event.seen_by(ones))
        .collect();
    use EventType::{Added, Deleted, Modified};
    assert_eq!(
        seen,
        [
            Some(Added),
            Some(Deleted),
            Some(Added),
            Some(Modified),
            Some(Deleted),
            None
        ]
    );
}

#[test]
fn what_left_a_selection_is_shown_as_it_was_at_the_version_of_the_change() {
    let store = store();
    let (key, object) = config_map(&store, "a");
    set(&store, &key, json!({"a": "2"}));
    let from = object::resource_version(&object);
    let events = store
        .watch(&rows::CONFIG_MAPS, None, from)
        .unwrap()
        .ready()
        .unwrap();
    let view = View::whole(&rows::CONFIG_MAPS, "v1");
    let line = |seen| {
        let line = events[0].line(seen, &view, true, store.now());
        serde_json::from_slice::<Value>(&line).unwrap()
    };
    let left = line(EventType::Deleted);
    assert_eq!(
        (&left["type"], &left["object"]["data"]["a"]),
        (&json!("DELETED"), &json!("1"))
    );
    assert_eq!(
        left["object"]["metadata"]["resourceVersion"],
        (from + 1).to_string()
    );
    assert_eq!(line(EventType::Modified)["object"]["data"]["a"], "2");
}

#[test]
fn a_line_is_written_once_for_all_watchers_of_a_version() {
    let store = store();
    let from = store.resource_version();
    create(&store, &rows::GATEWAYS, json!({"metadata": {"name": "g"}}));
    let event = store
        .watch(&rows::GATEWAYS, None, from)
        .unwrap()
        .ready()
        .unwrap()
        .remove(0);
    let line = |version| {
        let view = View::whole(&rows::GATEWAYS, version);
        event.line(EventType::Added, &view, true, store.now())
    };
    assert_eq!(line("v1").as_ptr(), line("v1").as_ptr());
    let older = line("v1beta1");
    assert!(String::from_utf8_lossy(&older).contains("networking.istio.io/v1beta1"));
}

#[tokio::test]
async fn a_watcher_that_falls_behind_the_ring_is_told_so() {
    let store = store_with(RingLimits {
        events: 10,
        ..RingLimits::default()
    });
    let (key, _) = config_map(&store, "a");
    let mut watch = store
        .watch(&rows::CONFIG_MAPS, None, store.resource_version())
        .unwrap();
    for n in 0..20 {
        set(&store, &key, json!({"a": n.to_string()}));
    }
    assert!(matches!(watch.next().await, Err(Expired::TooOld { .. })));
}

#[tokio::test]
async fn a_subscription_tells_once_of_many_changes_and_of_one_made_before() {
    let store = store();
    let changes = store.subscribe(&[&rows::CONFIG_MAPS, &rows::PODS]);
    let (key, _) = config_map(&store, "a");
    set(&store, &key, json!({"a": "2"}));
    pod(&store, json!({}));
    let told = || changes.changed().now_or_never().is_some();
    assert!(told());
    assert!(!told(), "changes are told together");
    create(&store, &rows::SECRETS, json!({"metadata": {"name": "s"}}));
    assert!(!told(), "other resources are not its business");
}

#[tokio::test]
async fn fifty_watchers_see_a_thousand_writes_in_order() {
    let store = store();
    let (key, _) = config_map(&store, "a");
    let from = store.resource_version();
    let watchers: Vec<_> = (0..50)
        .map(|_| {
            let mut watch = store.watch(&rows::CONFIG_MAPS, Some("shop"), from).unwrap();
            tokio::spawn(async move {
                let mut versions = Vec::new();
                while versions.len() < 1_000 {
                    let events = watch.next().await.unwrap();
                    versions.extend(events.iter().map(|event| event.resource_version));
                }
                versions
            })
        })
        .collect();
    for n in 0..1_000 {
        set(&store, &key, json!({"a": n.to_string()}));
        if n % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let expected: Vec<_> = (from + 1..=from + 1_000).collect();
    for watcher in watchers {
        let versions = tokio::time::timeout(Duration::from_secs(60), watcher)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(versions, expected);
    }
}

#[test]
fn history_stays_bounded_over_many_writes() {
    let limits = RingLimits {
        events: 1_000,
        bytes: 1 << 20,
    };
    let store = store_with(limits);
    let (key, _) = config_map(&store, "a");
    for n in 0..100_000 {
        set(&store, &key, json!({"a": n.to_string()}));
    }
    let state = store.read();
    assert!(state.ring().len() <= limits.events && state.ring().bytes() <= limits.bytes);
    assert_eq!(store.list(&rows::CONFIG_MAPS, None).items.len(), 1);
}
