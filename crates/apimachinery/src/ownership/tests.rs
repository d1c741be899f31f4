use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::resource::rows;
use crate::status::Status;

const TIME: &str = "2030-01-01T00:00:00Z";

fn author<'a>(manager: &'a str, resource: &Resource, api_version: &'a str) -> Author<'a> {
    assert!(
        resource
            .versions
            .iter()
            .any(|it| resource.api_version(it) == api_version)
    );
    Author {
        manager,
        api_version,
        subresource: "",
        time: TIME,
    }
}

fn config_map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
}

fn apply_by(manager: &str, live: Option<&Value>, config: &Value) -> Result<Value, Refusal> {
    apply(&Apply {
        resource: &rows::CONFIG_MAPS,
        live,
        config,
        author: author(manager, &rows::CONFIG_MAPS, "v1"),
        force: false,
    })
}

fn updated(live: Option<&Value>, mut new: Value, by: &Author<'_>) -> Value {
    update(&rows::CONFIG_MAPS, live, &mut new, by);
    new
}

/// Names of the managers in the order of the metadata.
fn managers(object: &Value) -> Vec<&str> {
    let entries = object["metadata"]["managedFields"].as_array();
    entries
        .into_iter()
        .flatten()
        .map(|it| it["manager"].as_str().unwrap())
        .collect()
}

#[test]
fn what_a_controller_made_stays_without_owners() {
    let live = config_map(json!({"a": "1"}));
    let edit = author("kubectl-edit", &rows::CONFIG_MAPS, "v1");
    let new = updated(Some(&live), config_map(json!({"a": "2"})), &edit);
    assert!(managers(&new).is_empty());
    // Until somebody applies: then all of it has an owner.
    let refusal = apply_by("a", Some(&live), &config_map(json!({"a": "3"}))).unwrap_err();
    let message = Status::from(refusal).message().to_owned();
    assert_eq!(
        message,
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a"
    );
}

#[test]
fn a_write_that_changes_only_times_changes_nothing() {
    let first = Author {
        time: "2029-01-01T00:00:00Z",
        ..author("a", &rows::CONFIG_MAPS, "v1")
    };
    let live = updated(None, config_map(json!({"x": "1"})), &first);
    let again = updated(
        Some(&live),
        live.clone(),
        &author("b", &rows::CONFIG_MAPS, "v1"),
    );
    assert_eq!(again, live);
    let applied = apply_by("a", Some(&live), &config_map(json!({"x": "1"}))).unwrap();
    let mut once_more = apply_by("a", Some(&applied), &config_map(json!({"x": "1"}))).unwrap();
    keep_times(&rows::CONFIG_MAPS, &applied, &mut once_more);
    assert_eq!(once_more, applied);
}

#[test]
fn owners_are_forgotten_on_demand() {
    let by = author("a", &rows::CONFIG_MAPS, "v1");
    let live = updated(None, config_map(json!({"x": "1"})), &by);
    assert_eq!(managers(&live), ["a"]);
    for reset in [json!([]), json!([{}])] {
        let mut new = live.clone();
        new["metadata"]["managedFields"] = reset;
        assert!(managers(&updated(Some(&live), new, &by)).is_empty());
    }
    let mut unaware = live.clone();
    unaware["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("managedFields");
    assert_eq!(managers(&updated(Some(&live), unaware, &by)), ["a"]);
}

#[test]
fn many_updaters_are_summed_up() {
    let mut object = updated(
        None,
        config_map(json!({})),
        &author("m", &rows::CONFIG_MAPS, "v1"),
    );
    object["metadata"]["labels"] = json!({"l": "1"});
    object = updated(None, object, &author("m", &rows::CONFIG_MAPS, "v1"));
    for number in 0..40 {
        let mut new = object.clone();
        new["data"][format!("k{number}")] = "1".into();
        let name = format!("m{number:02}");
        object = updated(Some(&object), new, &author(&name, &rows::CONFIG_MAPS, "v1"));
    }
    let managers = managers(&object);
    assert_eq!(managers.len(), 10);
    assert!(managers.contains(&"ancient-changes"));
}

#[test]
fn misshapen_configurations_are_refused_with_every_fault() {
    let config = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n"},
        "spec": {"replicas": "x", "template": {"spec": {"containers": [{"name": "a"}, {"name": "a"}, {}]}}},
    });
    let refusal = apply(&Apply {
        resource: &rows::DEPLOYMENTS,
        live: None,
        config: &config,
        author: author("a", &rows::DEPLOYMENTS, "apps/v1"),
        force: false,
    });
    assert_eq!(
        refusal.unwrap_err().to_string(),
        "failed to create typed patch object (n/d; apps/v1, Kind=Deployment): errors:\n  \
         .spec.replicas: expected numeric (int or float), got string\n  \
         .spec.template.spec.containers: duplicate entries for key [name=\"a\"]\n  \
         .spec.template.spec.containers: element 2: associative list with keys has an element that \
         omits all key fields [\"name\"] (and doesn't have default values for any key fields)"
    );
}

#[test]
fn a_configuration_of_another_kind_or_with_owners_is_refused() {
    let mut config = config_map(json!({}));
    config["kind"] = "Secret".into();
    let refusal = apply_by("a", None, &config).unwrap_err();
    assert_eq!(refusal.to_string(), "invalid object type: /v1, Kind=Secret");
    let mut config = config_map(json!({}));
    config["metadata"]["managedFields"] = json!([]);
    let refusal = apply_by("a", None, &config).unwrap_err();
    assert_eq!(refusal.to_string(), "metadata.managedFields must be nil");
}

#[test]
fn an_applied_list_goes_in_its_own_order_around_what_others_own() {
    let service = |ports: &[i64]| {
        let ports: Vec<_> = ports.iter().map(|port| json!({"port": port})).collect();
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports}})
    };
    let applied = |live: Option<&Value>, manager, config: &Value| {
        let author = author(manager, &rows::SERVICES, "v1");
        apply(&Apply {
            resource: &rows::SERVICES,
            live,
            config,
            author,
            force: false,
        })
        .unwrap()
    };
    let live = applied(None, "a", &service(&[1, 2, 3]));
    let live = applied(Some(&live), "b", &service(&[9]));
    let live = applied(Some(&live), "a", &service(&[3, 4, 1]));
    let ports: Vec<_> = live["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["port"])
        .collect();
    assert_eq!(ports, [3, 9, 4, 1]);
}

/// Deployments of any shape, right and wrong.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        prop::sample::select(vec!["a", "b"]).prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "metadata",
        "labels",
        "finalizers",
        "spec",
        "template",
        "containers",
        "name",
        "env",
        "ports",
        "containerPort",
        "protocol",
        "strategy",
        "nodeSelector",
        "selector",
        "status",
        "x",
    ]);
    leaf.prop_recursive(7, 48, 4, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn data() -> impl Strategy<Value = Value> {
    let pairs = prop::collection::btree_map("[a-d]", "[xy]", 0..4);
    pairs.prop_map(|pairs| config_map(json!(pairs)))
}

proptest! {
    #[test]
    fn any_object_has_owners_or_a_refusal(live in any_json(), mut config in any_json(), force in any::<bool>()) {
        let by = author("a", &rows::DEPLOYMENTS, "apps/v1");
        let mut created = live.clone();
        update(&rows::DEPLOYMENTS, None, &mut created, &by);
        let mut again = config.clone();
        update(&rows::DEPLOYMENTS, Some(&created), &mut again, &by);
        if config.is_object() {
            config["apiVersion"] = "apps/v1".into();
            config["kind"] = "Deployment".into();
        }
        let live = Some(&created);
        let _ = apply(&Apply { resource: &rows::DEPLOYMENTS, live, config: &config, author: by, force });
    }

    #[test]
    fn applying_the_same_again_changes_nothing(config in data()) {
        let once = apply_by("a", None, &config).unwrap();
        let mut twice = apply_by("a", Some(&once), &config).unwrap();
        keep_times(&rows::CONFIG_MAPS, &once, &mut twice);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_single_manager_gets_what_it_applied_last(first in data(), second in data()) {
        let live = apply_by("a", None, &first).unwrap();
        let live = apply_by("a", Some(&live), &second).unwrap();
        let found = live["data"].as_object().cloned().unwrap_or_default();
        prop_assert_eq!(Value::Object(found), second["data"].clone());
    }

    #[test]
    fn nobody_loses_a_field_to_an_unforced_apply(first in data(), second in data()) {
        let live = apply_by("a", None, &first).unwrap();
        let Ok(live) = apply_by("b", Some(&live), &second) else { return Ok(()) };
        for (key, value) in first["data"].as_object().unwrap() {
            prop_assert_eq!(&live["data"][key], value);
        }
    }
}
