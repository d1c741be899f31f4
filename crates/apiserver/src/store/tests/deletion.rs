//! How objects go.

use serde_json::json;

use super::*;

fn grace(seconds: u64) -> DeleteOptions {
    DeleteOptions {
        grace_period_seconds: Some(seconds),
        ..DeleteOptions::default()
    }
}

#[test]
fn a_pod_on_a_node_goes_in_two_steps() {
    let store = store();
    let (key, _) = pod(
        &store,
        json!({"nodeName": "n1", "terminationGracePeriodSeconds": 5}),
    );
    let before = store.resource_version();
    let marked = store.delete(&key, &DeleteOptions::default()).unwrap();
    assert!(!marked.gone);
    assert_eq!(
        field(&marked.object, "deletionTimestamp"),
        "2027-01-15T08:00:05Z"
    );
    assert_eq!(field(&marked.object, "deletionGracePeriodSeconds"), 5);
    assert_eq!(field(&marked.object, "generation"), 2);
    // A second delete changes nothing, unless it brings the end forward.
    assert!(!store.delete(&key, &grace(30)).unwrap().gone);
    let sooner = store.delete(&key, &grace(2)).unwrap();
    assert_eq!(
        field(&sooner.object, "deletionTimestamp"),
        "2027-01-15T08:00:02Z"
    );
    assert!(store.delete(&key, &grace(0)).unwrap().gone);
    assert!(store.get(&key).is_err());
    assert_eq!(
        events(&store, &rows::PODS, before)
            .iter()
            .map(|event| event.0)
            .collect::<Vec<_>>(),
        [EventType::Modified, EventType::Modified, EventType::Deleted]
    );
}

#[test]
fn a_pod_without_a_node_or_with_nothing_running_goes_at_once() {
    let store = store();
    let (key, _) = pod(&store, json!({}));
    let deleted = store.delete(&key, &DeleteOptions::default()).unwrap();
    assert!(deleted.gone);
    assert_eq!(field(&deleted.object, "deletionGracePeriodSeconds"), 0);
    let (key, _) = pod(&store, json!({"nodeName": "n1"}));
    let ended = |old: &Value| {
        let mut new = old.clone();
        new["status"] = json!({"phase": "Succeeded"});
        Ok::<_, Error>(new)
    };
    store.modify(&key, Part::Status, ended).unwrap();
    assert!(store.delete(&key, &DeleteOptions::default()).unwrap().gone);
}

#[test]
fn finalizers_hold_an_object_until_the_last_is_gone() {
    let store = store();
    let metadata = json!({"name": "a", "finalizers": ["x/one", "x/two"]});
    let (key, _) = create(&store, &rows::CONFIG_MAPS, json!({"metadata": metadata}));
    let marked = store.delete(&key, &DeleteOptions::default()).unwrap();
    assert!(!marked.gone && object::is_terminating(&marked.object));
    let before = store.resource_version();
    assert!(!store.delete(&key, &DeleteOptions::default()).unwrap().gone);
    assert_eq!(store.resource_version(), before);
    let release = |finalizers: Value| {
        let change = |old: &Value| {
            let mut new = old.clone();
            new["metadata"]["finalizers"] = finalizers.clone();
            Ok::<_, Error>(new)
        };
        store.modify(&key, Part::Main, change).unwrap()
    };
    release(json!(["x/two"]));
    assert!(store.get(&key).is_ok());
    let last = release(json!([]));
    assert!(store.get(&key).is_err());
    assert_eq!(
        events(&store, &rows::CONFIG_MAPS, before).last(),
        Some(&(EventType::Deleted, object::resource_version(&last)))
    );
}

#[test]
fn dependents_first_or_not_at_all_is_asked_for_by_a_finalizer() {
    for (propagation, finalizer) in [
        (Propagation::Foreground, "foregroundDeletion"),
        (Propagation::Orphan, "orphan"),
    ] {
        let store = store();
        let (key, _) = create(
            &store,
            &rows::DEPLOYMENTS,
            json!({"metadata": {"name": "d"}}),
        );
        let options = DeleteOptions {
            propagation,
            ..DeleteOptions::default()
        };
        let deleted = store.delete(&key, &options).unwrap();
        assert!(!deleted.gone);
        assert_eq!(field(&deleted.object, "finalizers"), &json!([finalizer]));
        assert_eq!(field(&deleted.object, "deletionGracePeriodSeconds"), 0);
        assert_eq!(field(&deleted.object, "generation"), 2);
    }
}

#[test]
fn a_namespace_waits_for_whoever_empties_it() {
    let store = store();
    let key = namespace_key("shop");
    let namespace = store.get(&key).unwrap();
    assert_eq!(namespace["status"]["phase"], "Active");
    assert_eq!(
        field(&namespace, "labels"),
        &json!({"kubernetes.io/metadata.name": "shop"})
    );
    let deleted = store.delete(&key, &DeleteOptions::default()).unwrap();
    assert!(!deleted.gone);
    assert_eq!(deleted.object["status"]["phase"], "Terminating");
    // A main write cannot take the finalizer away, the finalize subresource can.
    let free = |_: &Value| Ok::<_, Error>(json!({"metadata": {"name": "shop"}, "spec": {}}));
    store.modify(&key, Part::Main, free).unwrap();
    assert_eq!(
        store.get(&key).unwrap()["spec"]["finalizers"],
        json!(["kubernetes"])
    );
    store.modify(&key, Part::Finalizers, free).unwrap();
    assert!(store.get(&key).is_err());
}

#[test]
fn preconditions_of_a_delete_must_hold() {
    let store = store();
    let (key, object) = config_map(&store, "a");
    let other = DeleteOptions {
        uid: Some("other".into()),
        ..DeleteOptions::default()
    };
    let older = DeleteOptions {
        resource_version: Some("1".into()),
        ..DeleteOptions::default()
    };
    assert!(matches!(
        store.delete(&key, &other),
        Err(Error::Precondition { .. })
    ));
    assert!(matches!(
        store.delete(&key, &older),
        Err(Error::Precondition { .. })
    ));
    let right = DeleteOptions {
        uid: Some(object::uid(&object).into()),
        resource_version: Some(object::resource_version(&object).to_string()),
        ..DeleteOptions::default()
    };
    assert!(store.delete(&key, &right).unwrap().gone);
}
