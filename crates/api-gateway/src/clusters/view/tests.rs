use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::theater::Service;

fn object<T: serde::de::DeserializeOwned>(object: Value) -> Arc<T> {
    Arc::new(serde_json::from_value(object).unwrap())
}

fn live() -> Contact {
    let mut contact = Contact::default();
    contact.reached();
    contact
}

fn with_pods(contact: Contact, names: &[&str]) -> ClusterView {
    let pods = names
        .iter()
        .map(|name| object(json!({"metadata": {"name": name}})));
    let pods: Vec<Arc<Pod>> = pods.collect();
    ClusterView::new((contact, &pods), (live(), &[]), (live(), &[]))
}

fn sightings(names: &[&str]) -> BTreeMap<String, Sighting> {
    let seen = Sighting {
        service: Service::User,
        last_answer: 5,
    };
    names
        .iter()
        .map(|name| ((*name).to_owned(), seen))
        .collect()
}

fn last_answers(view: &ClusterView) -> Vec<(&str, Option<i64>)> {
    view.pods
        .iter()
        .map(|pod| (&*pod.name, pod.last_answer))
        .collect()
}

#[test]
fn everything_is_in_the_order_of_its_name() {
    let view = with_pods(live(), &["b", "a"]);
    assert_eq!(last_answers(&view), [("a", None), ("b", None)]);
}

#[test]
fn a_live_cluster_knows_its_pods_better_than_answers_do() {
    let view = with_pods(live(), &["a", "b"]).with_sightings(&sightings(&["b", "gone"]));
    assert_eq!(last_answers(&view), [("a", None), ("b", Some(5))]);
}

#[test]
fn where_the_api_is_lost_or_never_was_answers_add_pods() {
    let mut stale = live();
    stale.lost(Reason::Unreachable, 1);
    let view = with_pods(stale, &["a"]).with_sightings(&sightings(&["a", "new"]));
    assert_eq!(last_answers(&view), [("a", Some(5)), ("new", Some(5))]);

    let view = ClusterView::unknown(Reason::NoKubeconfig).with_sightings(&sightings(&["seen"]));
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(
        (&json["state"], &json["reason"]),
        (&json!("unknown"), &json!("no kubeconfig"))
    );
    let pod = &json["pods"][0];
    assert_eq!(
        (&pod["name"], &pod["service"]),
        (&json!("seen"), &json!("user-service"))
    );
    assert_eq!(
        (&pod["phase"], &pod["isReady"]),
        (&Value::Null, &json!(false))
    );
}

#[test]
fn nodes_and_deployments_are_what_their_objects_say() {
    let node = object(json!({
        "metadata": {"name": "n1", "labels": {
            "topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z",
        }},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }));
    let deployment = object(json!({
        "metadata": {"name": "user-service-ctx1"},
        "spec": {"replicas": 2, "selector": {}, "template": {}},
        "status": {"readyReplicas": 1},
    }));
    let view = ClusterView::new((live(), &[]), (live(), &[deployment]), (live(), &[node]));
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(
        json["nodes"],
        json!([{"name": "n1", "region": "r", "zone": "z", "ready": true}])
    );
    assert_eq!(
        json["deployments"],
        json!([{"name": "user-service-ctx1", "ready": 1, "replicas": 2}])
    );
}
