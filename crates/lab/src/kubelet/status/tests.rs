use serde_json::from_value;

use super::*;

const THEN: &str = "2026-01-01T00:00:00Z";
const LATER: &str = "2026-01-01T00:00:09Z";

fn view(spec: Value) -> View {
    let pod = json!({"metadata": {"name": "p", "generation": 1}, "spec": spec});
    let pod: Pod = from_value(pod).unwrap();
    let address = Ipv4Addr::new(10, 1, 0, 2);
    View::new(&pod, address, Ipv4Addr::new(192, 168, 1, 10), THEN)
}

/// A pod with the policy, its containers in these states: `w`aiting, `r`unning, ready (`R`),
/// ended with a code, or crashed (`c`) and to be started again.
fn pod(policy: &str, states: &[&str]) -> View {
    let containers: Vec<Value> = (0..states.len())
        .map(|index| json!({"name": format!("c{index}"), "image": "i"}))
        .collect();
    let mut view = view(json!({"containers": containers, "restartPolicy": policy}));
    for (container, state) in view.main.iter_mut().zip(states) {
        match *state {
            "w" => {}
            "r" | "R" => {
                container.begin("containerd://1".to_owned(), THEN);
                container.ready = *state == "R";
            }
            "c" => {
                container.begin("containerd://1".to_owned(), THEN);
                container.end(1, "Error", LATER);
                container.wait("CrashLoopBackOff", String::new());
            }
            code => {
                container.begin("containerd://1".to_owned(), THEN);
                container.end(code.parse().unwrap(), "Error", LATER);
            }
        }
    }
    view
}

fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let conditions = status["conditions"].as_array().unwrap();
    conditions.iter().find(|it| it["type"] == kind).unwrap()
}

#[test]
fn phase_and_readiness_follow_the_containers_and_the_policy() {
    let rows: [(&str, &[&str], &str, &str, &str); 12] = [
        ("Always", &["w"], "Pending", "False", "ContainersNotReady"),
        (
            "Always",
            &["R", "w"],
            "Pending",
            "False",
            "ContainersNotReady",
        ),
        ("Always", &["r"], "Running", "False", "ContainersNotReady"),
        ("Always", &["R", "R"], "Running", "True", ""),
        (
            "Always",
            &["R", "1"],
            "Running",
            "False",
            "ContainersNotReady",
        ),
        ("Always", &["0"], "Running", "False", "ContainersNotReady"),
        ("Always", &["c"], "Running", "False", "ContainersNotReady"),
        ("OnFailure", &["0"], "Succeeded", "False", "PodCompleted"),
        (
            "OnFailure",
            &["1"],
            "Running",
            "False",
            "ContainersNotReady",
        ),
        ("Never", &["0", "0"], "Succeeded", "False", "PodCompleted"),
        ("Never", &["0", "1"], "Failed", "False", "PodFailed"),
        (
            "Never",
            &["R", "1"],
            "Running",
            "False",
            "ContainersNotReady",
        ),
    ];
    for (policy, states, phase, ready, reason) in rows {
        let status = pod(policy, states).status(&Value::Null, LATER);
        let found = condition(&status, "Ready");
        assert_eq!(status["phase"], phase, "{policy} {states:?}");
        assert_eq!(found["status"], ready, "{policy} {states:?}");
        assert_eq!(
            found["reason"].as_str().unwrap_or_default(),
            reason,
            "{policy} {states:?}"
        );
    }
}

#[test]
fn a_pod_that_ends_is_judged_by_its_codes_whatever_its_policy() {
    for (states, phase) in [(["0", "0"], "Succeeded"), (["0", "137"], "Failed")] {
        let mut pod = pod("Always", &states);
        pod.ending = true;
        assert_eq!(pod.phase(), phase);
    }
}

#[test]
fn a_pod_that_was_given_up_fails_once_nothing_runs() {
    for (states, phase, reason) in [
        (["0", "r"], "Running", Value::Null),
        (["0", "0"], "Failed", json!("DeadlineExceeded")),
    ] {
        let mut pod = pod("Always", &states);
        (pod.ending, pod.failure) = (true, Some(("DeadlineExceeded", "late")));
        let status = pod.status(&Value::Null, LATER);
        assert_eq!(
            (&status["phase"], &status["reason"]),
            (&json!(phase), &reason)
        );
    }
}

#[test]
fn a_container_that_runs_as_another_image_has_not_ended_its_pod() {
    let mut pod = pod("Never", &["R"]);
    pod.main[0].replace(0, "Completed", LATER);
    assert_eq!(pod.phase(), "Running");
    pod.main[0].begin("containerd://2".to_owned(), LATER);
    let status = pod.status(&Value::Null, LATER);
    let container = &status["containerStatuses"][0];
    assert_eq!(container["restartCount"], 1);
    assert_eq!(container["lastState"]["terminated"]["finishedAt"], LATER);
}

#[test]
fn a_condition_keeps_its_time_until_it_changes() {
    let mut pod = pod("Always", &["r"]);
    assert_eq!(
        condition(&pod.status(&Value::Null, THEN), "Ready")["lastTransitionTime"],
        THEN
    );
    assert_eq!(
        condition(&pod.status(&Value::Null, LATER), "Ready")["lastTransitionTime"],
        THEN
    );
    pod.main[0].ready = true;
    assert_eq!(
        condition(&pod.status(&Value::Null, LATER), "Ready")["lastTransitionTime"],
        LATER
    );
}

#[test]
fn conditions_of_others_stay_and_a_pod_here_is_scheduled() {
    let old = json!({"conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": THEN},
        {"type": "DisruptionTarget", "status": "True"},
        {"type": "Ready", "status": "True"},
    ]});
    let status = pod("Always", &["r"]).status(&old, LATER);
    assert_eq!(condition(&status, "DisruptionTarget")["status"], "True");
    assert_eq!(condition(&status, "PodScheduled")["status"], "True");
    assert_eq!(condition(&status, "PodScheduled")["reason"], Value::Null);
    assert_eq!(condition(&status, "Ready")["status"], "False");
    assert_eq!(status["conditions"].as_array().unwrap().len(), 6);
}

#[test]
fn a_restart_remembers_how_the_last_run_ended() {
    let mut pod = pod("Always", &["c"]);
    let waiting = pod.status(&Value::Null, LATER);
    assert_eq!(waiting["containerStatuses"][0]["restartCount"], 0);
    let container = &mut pod.main[0];
    container.begin("containerd://2".to_owned(), LATER);
    let status = pod.status(&Value::Null, LATER);
    let container = &status["containerStatuses"][0];
    assert_eq!(container["restartCount"], 1);
    assert_eq!(container["containerID"], "containerd://2");
    assert_eq!(
        container["lastState"]["terminated"]["containerID"],
        "containerd://1"
    );
    assert_eq!(container["state"]["running"]["startedAt"], LATER);
}

#[test]
fn init_containers_come_first() {
    let mut pod = view(json!({
        "initContainers": [{"name": "i"}], "containers": [{"name": "c"}], "restartPolicy": "Never",
    }));
    let status = pod.status(&Value::Null, THEN);
    assert_eq!(
        condition(&status, "Initialized")["reason"],
        "ContainersNotInitialized"
    );
    assert_eq!(
        condition(&status, "Initialized")["message"],
        "containers with incomplete status: [i]"
    );
    assert_eq!(
        status["containerStatuses"][0]["state"]["waiting"]["reason"],
        "PodInitializing"
    );
    pod.init[0].begin(String::new(), THEN);
    pod.init[0].end(1, "Error", THEN);
    assert_eq!(pod.phase(), "Failed");
    pod.init[0].end(0, "Completed", THEN);
    assert_eq!(
        pod.status(&Value::Null, THEN)["initContainerStatuses"][0]["ready"],
        true
    );
    assert_eq!(
        condition(&pod.status(&Value::Null, THEN), "Initialized")["status"],
        "True"
    );
    assert_eq!(pod.phase(), "Pending");
}

#[test]
fn quality_of_service_is_told_by_requests_and_limits() {
    let rows = [
        (json!({}), "BestEffort"),
        (json!({"requests": {"cpu": "1"}}), "Burstable"),
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}}),
            "Guaranteed",
        ),
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}),
            "Burstable",
        ),
    ];
    for (resources, expected) in rows {
        let mut pod = view(json!({"containers": [{"name": "c", "resources": resources}]}));
        assert_eq!(
            pod.status(&Value::Null, THEN)["qosClass"],
            expected,
            "{resources}"
        );
    }
}
