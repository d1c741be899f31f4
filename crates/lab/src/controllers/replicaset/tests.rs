use super::*;
use serde_json::from_value;

fn set(replicas: i32) -> ReplicaSet {
    from_value(json!({
        "metadata": {"name": "s", "namespace": "n", "uid": "u", "generation": 3},
        "spec": {"replicas": replicas, "selector": {}, "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": []}}},
    }))
    .unwrap()
}

/// A running pod; `change` makes it what a test is about.
fn pod(name: &str, change: Value) -> Arc<Pod> {
    let mut pod = json!({
        "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"app": "a"}},
        "spec": {"containers": [], "nodeName": "n1"},
        "status": {"phase": "Running", "conditions": [ready("True", 0)]},
    });
    for part in ["metadata", "spec", "status"] {
        for (member, value) in change[part].as_object().into_iter().flatten() {
            pod[part][member] = value.clone();
        }
    }
    Arc::new(from_value(pod).unwrap())
}

fn ready(status: &str, second: u8) -> Value {
    let since = format!("2026-01-01T00:00:{second:02}Z");
    json!({"type": "Ready", "status": status, "lastTransitionTime": since})
}

fn now() -> Timestamp {
    "2026-01-01T00:01:40Z".parse().unwrap()
}

fn plan_of(replicas: i32, pods: &[Arc<Pod>]) -> Plan {
    plan(&set(replicas), pods, &|_| 0, now())
}

fn status_of(replicas: i32, pods: &[Arc<Pod>]) -> Value {
    json!(status(&set(replicas), pods, None, now()))
}

#[test]
fn missing_pods_are_created_up_to_a_burst() {
    assert_eq!(plan_of(3, &[pod("a", json!({}))]).create, 2);
    assert_eq!(plan_of(2_000, &[]).create, 500);
}

#[test]
fn surplus_pods_go_the_least_useful_first() {
    let restarted =
        json!([{"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 3}]);
    let rows = [
        ("unplaced", json!({"spec": {"nodeName": null}})),
        ("pending", json!({"status": {"phase": "Pending"}})),
        (
            "unready",
            json!({"status": {"conditions": [ready("False", 0)]}}),
        ),
        (
            "cheap",
            json!({"metadata": {"annotations": {rank::DELETION_COST: "-1"}}}),
        ),
        ("crowded", json!({"spec": {"nodeName": "n2"}})),
        (
            "just-ready",
            json!({"status": {"conditions": [ready("True", 59)]}}),
        ),
        (
            "restarted",
            json!({"status": {"containerStatuses": restarted}}),
        ),
        (
            "young",
            json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:59Z"}}),
        ),
        ("old", json!({})),
    ];
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    let mut pods: Vec<_> = rows
        .iter()
        .map(|(name, row)| pod(name, row.clone()))
        .collect();
    pods.reverse();
    let siblings = |node: &str| if node == "n2" { 2 } else { 1 };
    assert_eq!(plan(&set(0), &pods, &siblings, now()).delete, names);
}

#[test]
fn pods_of_about_one_age_go_by_their_uids() {
    let at = |second| json!({"status": {"conditions": [ready("True", second)]}});
    let pods = [pod("b", at(10)), pod("a", at(0))];
    assert_eq!(plan_of(1, &pods).delete, ["a"]);
}

#[test]
fn a_terminating_pod_is_replaced_and_counted_apart() {
    let leaving = pod(
        "a",
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
    );
    let pods = [leaving];
    let plan = plan_of(1, &pods);
    assert_eq!((plan.create, plan.delete.len()), (1, 0));
    let status = status_of(1, &pods);
    assert_eq!(
        (&status["replicas"], &status["terminatingReplicas"]),
        (&json!(0), &json!(1))
    );
}

#[test]
fn a_set_that_is_going_makes_no_pods() {
    let mut set = set(3);
    set.metadata.deletion_timestamp = Some(Time(now()));
    assert_eq!(plan(&set, &[], &|_| 0, now()), Plan::default());
}

#[test]
fn status_counts_what_is_there_ready_and_of_the_template() {
    let other = json!({"metadata": {"labels": {"app": "b"}}, "status": {"conditions": []}});
    let status = status_of(2, &[pod("a", json!({})), pod("b", other)]);
    let expected = json!({
        "replicas": 2, "fullyLabeledReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "terminatingReplicas": 0, "observedGeneration": 3,
    });
    assert_eq!(status, expected);
}

#[test]
fn a_pod_is_available_when_it_was_ready_long_enough() {
    let mut set = set(1);
    set.spec.min_ready_seconds = Some(120);
    let pods = [pod("a", json!({}))];
    let status = status(&set, &pods, None, now());
    assert_eq!(
        (status.ready_replicas, status.available_replicas),
        (Some(1), None)
    );
    let wait = next_available(&set, &pods, now());
    assert_eq!(wait, Some(SignedDuration::from_secs(20)));
}

/// With a comparison that is no order, sorting this many panics.
#[test]
fn many_pods_of_like_ages_and_unlike_restarts_have_an_order() {
    let of = |index: usize| {
        let status = json!([{"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": index % 5}]);
        let ready_for = u8::try_from(index * 7 % 60).unwrap();
        let change = json!({"status": {"containerStatuses": status, "conditions": [ready("True", ready_for)]}});
        pod(&format!("p{}", index * 37 % 200), change)
    };
    let pods: Vec<_> = (0..200).map(of).collect();
    let reversed: Vec<_> = pods.iter().rev().cloned().collect();
    let deleted = plan_of(20, &pods).delete;
    assert_eq!(deleted.len(), 180);
    assert_eq!(deleted, plan_of(20, &reversed).delete);
}

#[test]
fn the_first_failure_stays_until_there_is_none() {
    let mut set = set(1);
    let fail = |set: &ReplicaSet, why: &str| {
        status(set, &[], Some(("FailedCreate", why.to_owned())), now())
    };
    set.status = Some(fail(&set, "first"));
    set.status = Some(fail(&set, "second"));
    let conditions = set.status.as_ref().unwrap().conditions.as_ref().unwrap();
    assert_eq!(conditions[0].message.as_deref(), Some("first"));
    assert_eq!(status(&set, &[], None, now()).conditions, None);
}

#[test]
fn a_pod_is_named_after_its_set_and_owned_by_it() {
    let pod = pod_of(&set(1));
    assert_eq!(pod["metadata"]["generateName"], "s-");
    assert_eq!(pod["metadata"]["labels"], json!({"app": "a"}));
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "u");
    assert_eq!(pod["metadata"]["ownerReferences"][0]["controller"], true);
}
