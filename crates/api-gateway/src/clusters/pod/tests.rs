use serde_json::{Value, json};

use super::*;

fn view(status: Value) -> PodView {
    view_of(json!({
        "metadata": {"name": "p", "labels": {"app": "user-service"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "app"}]},
        "status": status,
    }))
}

fn view_of(pod: Value) -> PodView {
    PodView::of(&serde_json::from_value(pod).unwrap())
}

#[test]
fn a_running_pod_with_its_native_sidecar_counts_both() {
    let pod = json!({
        "metadata": {"name": "user-service-ctx1-abc", "labels": {"app": "user-service"}},
        "spec": {
            "nodeName": "ctx1-node-1",
            "initContainers": [{"name": "istio-init"}, {"name": "istio-proxy", "restartPolicy": "Always"}],
            "containers": [{"name": "user-service"}],
        },
        "status": {
            "phase": "Running", "podIP": "10.1.0.5", "startTime": "2025-11-21T00:00:01Z",
            "conditions": [{"type": "Ready", "status": "True"}],
            "initContainerStatuses": [
                {"name": "istio-init", "ready": true, "restartCount": 7, "image": "", "imageID": ""},
                {"name": "istio-proxy", "ready": true, "restartCount": 1, "image": "", "imageID": ""},
            ],
            "containerStatuses": [
                {"name": "user-service", "ready": true, "restartCount": 2, "image": "", "imageID": ""},
            ],
        },
    });
    let expected = json!({
        "name": "user-service-ctx1-abc", "service": "user-service", "phase": "Running", "reason": null,
        "ready": "2/2", "isReady": true, "restarts": 3, "node": "ctx1-node-1", "ip": "10.1.0.5",
        "startedAt": 1_763_683_201_000_i64, "lastAnswer": null,
    });
    assert_eq!(serde_json::to_value(view_of(pod)).unwrap(), expected);
}

#[test]
fn trouble_is_told_as_kubectl_tells_it() {
    let waiting = |reason: &str| {
        json!({"phase": "Pending", "containerStatuses": [{
            "name": "app", "ready": false, "restartCount": 0, "image": "", "imageID": "",
            "state": {"waiting": {"reason": reason}},
        }]})
    };
    let unscheduled = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},
    ]});
    let rows = [
        (waiting("ImagePullBackOff"), Some("ImagePullBackOff")),
        (waiting("CrashLoopBackOff"), Some("CrashLoopBackOff")),
        (unscheduled, Some("Unschedulable")),
        (
            json!({"phase": "Failed", "reason": "Evicted"}),
            Some("Evicted"),
        ),
        (json!({"phase": "Running"}), None),
    ];
    for (status, expected) in rows {
        assert_eq!(view(status.clone()).reason.as_deref(), expected, "{status}");
    }
}

#[test]
fn a_pod_on_its_way_out_is_terminating() {
    let pod = json!({
        "metadata": {"name": "p", "deletionTimestamp": "2025-11-21T00:00:01Z"},
        "status": {"phase": "Running"},
    });
    assert_eq!(view_of(pod).reason.as_deref(), Some("Terminating"));
}

#[test]
fn containers_that_report_nothing_yet_are_wanted_all_the_same() {
    let pod = view(json!({"phase": "Pending"}));
    assert_eq!((pod.ready.as_deref(), pod.is_ready), (Some("0/1"), false));
}
