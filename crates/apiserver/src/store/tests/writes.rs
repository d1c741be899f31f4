//! What a write does to an object, its version and its generation.

use serde_json::json;

use super::*;

#[test]
fn a_new_object_gets_what_only_the_server_gives() {
    let store = store();
    let given = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "uid": "mine", "generation": 7, "resourceVersion": "5", "selfLink": "x",
            "creationTimestamp": "2000-01-01T00:00:00Z", "deletionTimestamp": "2000-01-01T00:00:00Z",
        },
        "spec": {"replicas": 1},
    });
    let (_, stored) = create(&store, &rows::DEPLOYMENTS, given);
    assert_eq!(
        *stored,
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "00000000-0000-0000-0000-000000000001",
                "generation": 1, "resourceVersion": (START + 2).to_string(),
                "creationTimestamp": "2027-01-15T08:00:00Z",
            },
            "spec": {"replicas": 1},
        })
    );
}

#[test]
fn only_kinds_that_count_generations_have_one() {
    let (_, object) = config_map(&store(), "a");
    assert!(field(&object, "generation").is_null());
}

#[test]
fn a_name_is_drawn_for_a_prefix() {
    let store = store();
    let pod = json!({"metadata": {"generateName": "web-"}});
    let (first, _) = create(&store, &rows::PODS, pod.clone());
    let (second, _) = create(&store, &rows::PODS, pod);
    assert!(
        first.name.starts_with("web-") && first.name.len() == 9,
        "{}",
        first.name
    );
    assert_ne!(first.name, second.name);
}

#[test]
fn a_taken_name_is_refused() {
    let store = store();
    let (key, _) = config_map(&store, "a");
    let again = store.create(
        &rows::CONFIG_MAPS,
        "shop",
        json!({"metadata": {"name": "a"}}),
    );
    assert_eq!(again.unwrap_err(), Error::AlreadyExists(key));
}

#[test]
fn objects_need_a_living_namespace() {
    let store = store();
    let object = json!({"metadata": {"name": "a"}});
    let missing = store.create(&rows::CONFIG_MAPS, "none", object.clone());
    assert_eq!(
        missing.unwrap_err(),
        Error::NamespaceNotFound("none".into())
    );
    store
        .delete(&namespace_key("shop"), &DeleteOptions::default())
        .unwrap();
    let ending = store.create(&rows::CONFIG_MAPS, "shop", object);
    assert!(matches!(
        ending.unwrap_err(),
        Error::NamespaceTerminating(_)
    ));
}

#[test]
fn every_change_takes_one_version_and_leaves_one_event() {
    let store = store();
    let before = store.resource_version();
    let (key, _) = config_map(&store, "a");
    set(&store, &key, json!({"a": "2"}));
    store.delete(&key, &DeleteOptions::default()).unwrap();
    assert_eq!(
        events(&store, &rows::CONFIG_MAPS, before),
        [
            (EventType::Added, before + 1),
            (EventType::Modified, before + 2),
            (EventType::Deleted, before + 3),
        ]
    );
    assert_eq!(store.resource_version(), before + 3);
}

#[test]
fn a_write_that_changes_nothing_is_no_write() {
    let store = store();
    let (key, object) = config_map(&store, "a");
    let before = store.resource_version();
    let same = set(&store, &key, json!({"a": "1"}));
    assert!(Arc::ptr_eq(&same, &object));
    let mut forged = Value::clone(&object);
    forged["metadata"]["uid"] = "other".into();
    forged["metadata"]["creationTimestamp"] = "2000-01-01T00:00:00Z".into();
    forged["metadata"]["deletionTimestamp"] = "2000-01-01T00:00:00Z".into();
    store.update(&key, forged, None).unwrap();
    assert_eq!(store.resource_version(), before);
    assert!(events(&store, &rows::CONFIG_MAPS, before).is_empty());
}

#[test]
fn an_update_needs_the_version_it_expects() {
    let store = store();
    let (key, object) = config_map(&store, "a");
    let version = object::resource_version(&object);
    let mut new = Value::clone(&object);
    new["data"] = json!({"a": "2"});
    let stale = store.update(&key, new.clone(), Some(version - 1));
    assert_eq!(stale.unwrap_err(), Error::Conflict(key.clone()));
    assert_eq!(
        object::resource_version(&store.update(&key, new, Some(version)).unwrap()),
        version + 1
    );
}

#[test]
fn generation_counts_changes_outside_metadata_and_status() {
    let store = store();
    let (key, _) = create(
        &store,
        &rows::DEPLOYMENTS,
        json!({"metadata": {"name": "web"}, "spec": {"replicas": 1}}),
    );
    let generation = |part, pointer: &str, value: Value| {
        let change = |old: &Value| {
            let mut new = old.clone();
            let (parent, member) = pointer.rsplit_once('/').unwrap();
            if new.pointer(parent).is_none() {
                new[&parent[1..]] = json!({});
            }
            new.pointer_mut(parent).unwrap()[member] = value.clone();
            Ok::<_, Error>(new)
        };
        object::generation(&store.modify(&key, part, change).unwrap())
    };
    assert_eq!(
        generation(Part::Main, "/metadata/labels", json!({"a": "b"})),
        1
    );
    assert_eq!(generation(Part::Status, "/status/replicas", json!(1)), 1);
    assert_eq!(generation(Part::Main, "/spec/replicas", json!(2)), 2);
    assert_eq!(generation(Part::Main, "/spec/replicas", json!(2)), 2);
    assert_eq!(generation(Part::Main, "/metadata/generation", json!(9)), 2);
}

#[test]
fn each_part_leaves_the_others_alone() {
    let store = store();
    let (key, _) = create(
        &store,
        &rows::DEPLOYMENTS,
        json!({"metadata": {"name": "web"}, "spec": {"replicas": 1}}),
    );
    let both = json!({"metadata": {"labels": {"x": "y"}}, "spec": {"replicas": 5}, "status": {"replicas": 5}});
    let write = |part| {
        store
            .modify(&key, part, |_| Ok::<_, Error>(both.clone()))
            .unwrap()
    };
    let object = write(Part::Status);
    assert_eq!(
        (&object["spec"]["replicas"], &object["status"]["replicas"]),
        (&json!(1), &json!(5))
    );
    assert!(field(&object, "labels").is_null());
    let mut newer = both.clone();
    newer["status"] = json!({"replicas": 9});
    let object = store.update(&key, newer, None).unwrap();
    assert_eq!(
        (&object["spec"]["replicas"], &object["status"]["replicas"]),
        (&json!(5), &json!(5))
    );
    assert_eq!(object::name(&object), "web");
}

#[test]
fn a_dry_run_computes_and_keeps_nothing() {
    let store = store();
    let (key, _) = config_map(&store, "a");
    let before = store.resource_version();
    let dry = store.dry_run();
    let new = dry
        .create(
            &rows::CONFIG_MAPS,
            "shop",
            json!({"metadata": {"name": "b"}}),
        )
        .unwrap();
    assert_eq!(object::name(&new), "b");
    assert_eq!(set(&dry, &key, json!({"a": "2"}))["data"]["a"], "2");
    assert!(dry.delete(&key, &DeleteOptions::default()).unwrap().gone);
    assert_eq!(
        dry.create(
            &rows::CONFIG_MAPS,
            "shop",
            json!({"metadata": {"name": "a"}})
        )
        .unwrap_err(),
        Error::AlreadyExists(key.clone())
    );
    assert_eq!(store.get(&key).unwrap()["data"]["a"], "1");
    assert_eq!(store.resource_version(), before);
}

#[test]
fn a_failed_modify_passes_its_error_on() {
    let store = store();
    let (key, _) = config_map(&store, "a");
    let refused: Result<_, crate::status::Status> = store.modify(&key, Part::Main, |_| {
        Err(crate::status::Status::bad_request("no"))
    });
    assert_eq!(refused.unwrap_err().message(), "no");
}

#[test]
fn modify_starts_again_when_another_writer_was_faster() {
    let store = store();
    let (key, _) = config_map(&store, "a");
    let mut calls = 0;
    let change = |old: &Value| {
        calls += 1;
        if calls == 1 {
            set(&store, &key, json!({"a": "other"}));
        }
        let mut new = old.clone();
        new["data"]["b"] = "mine".into();
        Ok::<_, Error>(new)
    };
    let object = store.modify(&key, Part::Main, change).unwrap();
    assert_eq!(object["data"], json!({"a": "other", "b": "mine"}));
    assert_eq!(calls, 2);
}

#[test]
fn no_increment_of_many_threads_is_lost() {
    let store = store();
    let (key, _) = create(
        &store,
        &rows::CONFIG_MAPS,
        json!({"metadata": {"name": "n"}, "count": 0}),
    );
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let count = |old: &Value| {
                        let mut new = old.clone();
                        new["count"] = (old["count"].as_u64().unwrap() + 1).into();
                        Ok::<_, Error>(new)
                    };
                    store.modify(&key, Part::Main, count).unwrap();
                }
            });
        }
    });
    assert_eq!(store.get(&key).unwrap()["count"], 200);
}

#[test]
fn lists_are_ordered_and_bound_to_a_namespace() {
    let store = store();
    store
        .create(&rows::NAMESPACES, "", json!({"metadata": {"name": "a"}}))
        .unwrap();
    for (namespace, name) in [("shop", "b"), ("shop", "a"), ("a", "c")] {
        store
            .create(&rows::PODS, namespace, json!({"metadata": {"name": name}}))
            .unwrap();
    }
    let names = |namespace| {
        let list = store.list(&rows::PODS, namespace);
        assert_eq!(list.resource_version, store.resource_version());
        list.items
            .iter()
            .map(|pod| object::name(pod).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(None), ["c", "a", "b"]);
    assert_eq!(names(Some("shop")), ["a", "b"]);
    assert!(names(Some("none")).is_empty());
}
