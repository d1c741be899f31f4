//! Columns of pods; STATUS, READY and RESTARTS sum up the containers.

mod summary;

use super::column::{AGE, Column, NAME, Subject, or};
use super::text::NONE;
use crate::object;
use summary::{Restarts, Summary, has_condition};

pub(super) static COLUMNS: &[Column] = &[
    NAME,
    Column::text("Ready", "Ready containers, of all.", |pod| {
        let Summary { ready, total, .. } = Summary::of(pod.object);
        format!("{ready}/{total}").into()
    }),
    Column::text(
        "Status",
        "The pod's phase, or what keeps it from running.",
        |pod| Summary::of(pod.object).status.into(),
    ),
    Column::text(
        "Restarts",
        "Restarts of its containers, and the last one.",
        |pod| restarts(pod).into(),
    ),
    AGE,
    Column::text("IP", "Its address.", |pod| ip(pod).into()).wide(),
    Column::text("Node", "Where it runs.", |pod| {
        pod.text_or(&["spec", "nodeName"], NONE).into()
    })
    .wide(),
    Column::text(
        "Nominated Node",
        "Where it will run once others left.",
        |pod| pod.text_or(&["status", "nominatedNodeName"], NONE).into(),
    )
    .wide(),
    Column::text("Readiness Gates", "Gates passed, of all.", |pod| {
        readiness_gates(pod).into()
    })
    .wide(),
];

fn restarts(pod: &Subject<'_>) -> String {
    let Restarts { count, last } = Summary::of(pod.object).restarts;
    match pod.since_moment(last) {
        Some(ago) if count != 0 => format!("{count} ({ago} ago)"),
        _ => count.to_string(),
    }
}

fn ip<'a>(pod: &Subject<'a>) -> &'a str {
    let first = pod.items(&["status", "podIPs"]).first();
    let first = first.map_or("", |first| object::text(first, &["ip"]));
    or(or(first, pod.text(&["status", "podIP"])), NONE)
}

fn readiness_gates(pod: &Subject<'_>) -> String {
    let gates = pod.items(&["spec", "readinessGates"]);
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let passed = gates
        .iter()
        .filter(|gate| has_condition(pod.object, object::text(gate, &["conditionType"])));
    format!("{}/{}", passed.count(), gates.len())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    /// A pod of one init container, one sidecar and two containers.
    fn pod(status: Value) -> Value {
        json!({
            "spec": {
                "initContainers": [{"name": "init"}, {"name": "proxy", "restartPolicy": "Always"}],
                "containers": [{"name": "a"}, {"name": "b"}],
            },
            "status": status,
        })
    }

    /// READY, STATUS and RESTARTS, as of the 100th second of 1970.
    fn shown(pod: &Value) -> String {
        let now = Timestamp::from_second(100).unwrap();
        let subject = Subject { object: pod, now };
        let cells = [&COLUMNS[1], &COLUMNS[2], &COLUMNS[3]].map(|column| column.cell(&subject));
        cells
            .map(|cell| cell.as_str().unwrap().to_owned())
            .join(" ")
    }

    fn running() -> Value {
        json!({"ready": true, "state": {"running": {}}})
    }

    fn waiting(reason: &str) -> Value {
        json!({"state": {"waiting": {"reason": reason}}})
    }

    fn ended(code: i64, reason: &str) -> Value {
        json!({"state": {"terminated": {"exitCode": code, "reason": reason}}})
    }

    #[test]
    fn a_pod_without_containers_shows_its_phase_or_its_reason() {
        assert_eq!(shown(&pod(json!({"phase": "Pending"}))), "0/3 Pending 0");
        let evicted = json!({"phase": "Failed", "reason": "Evicted"});
        assert_eq!(shown(&pod(evicted)), "0/3 Evicted 0");
        let gated = json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "reason": "SchedulingGated", "status": "False"},
        ]});
        assert_eq!(shown(&pod(gated)), "0/3 SchedulingGated 0");
    }

    #[test]
    fn the_first_container_with_something_to_tell_decides() {
        let phase = "Running";
        for (containers, expected) in [
            (json!([running(), running()]), "2/3 Running 0"),
            (
                json!([running(), waiting("CrashLoopBackOff")]),
                "1/3 CrashLoopBackOff 0",
            ),
            (
                json!([waiting("ErrImagePull"), waiting("CrashLoopBackOff")]),
                "0/3 ErrImagePull 0",
            ),
            (json!([ended(1, "Error"), running()]), "1/3 Error 0"),
            (json!([ended(3, ""), running()]), "1/3 ExitCode:3 0"),
            (
                json!([{"state": {"terminated": {"signal": 9}}}]),
                "0/3 Signal:9 0",
            ),
            (json!([ended(137, "OOMKilled")]), "0/3 OOMKilled 0"),
            (json!([ended(0, "Completed"), running()]), "1/3 NotReady 0"),
            (
                json!([ended(0, "Completed"), ended(1, "Error")]),
                "0/3 Error 0",
            ),
            (
                json!([ended(0, "Completed"), ended(0, "Completed")]),
                "0/3 Completed 0",
            ),
            (json!([{"state": {"running": {}}}]), "0/3 Running 0"),
        ] {
            let status = json!({"phase": phase, "containerStatuses": containers});
            assert_eq!(shown(&pod(status)), expected);
        }
    }

    #[test]
    fn a_ready_pod_runs_although_a_container_completed() {
        let status = json!({
            "phase": "Running", "containerStatuses": [ended(0, "Completed"), running()],
            "conditions": [{"type": "Ready", "status": "True"}],
        });
        assert_eq!(shown(&pod(status)), "1/3 Running 0");
    }

    #[test]
    fn init_containers_come_first() {
        let named = |name: &str, mut status: Value| {
            status["name"] = name.into();
            status
        };
        let started = json!({"started": true, "ready": true, "restartCount": 2});
        for (statuses, expected) in [
            (
                json!([named("init", waiting("PodInitializing"))]),
                "0/3 Init:0/2 0",
            ),
            (json!([named("init", running())]), "0/3 Init:0/2 0"),
            (
                json!([named("init", waiting("ImagePullBackOff"))]),
                "0/3 Init:ImagePullBackOff 0",
            ),
            (
                json!([named("init", ended(1, "Error"))]),
                "0/3 Init:Error 0",
            ),
            (
                json!([named("init", ended(2, ""))]),
                "0/3 Init:ExitCode:2 0",
            ),
            (
                json!([
                    named("init", ended(0, "Completed")),
                    named("proxy", json!({}))
                ]),
                "0/3 Init:1/2 0",
            ),
            (
                json!([named("init", ended(0, "")), named("proxy", started)]),
                "1/3 Pending 2",
            ),
        ] {
            let status = json!({"phase": "Pending", "initContainerStatuses": statuses});
            assert_eq!(shown(&pod(status)), expected);
        }
    }

    #[test]
    fn restarts_tell_when_the_last_one_was() {
        let restarted = |count: i64, at: &str| {
            json!({
                "ready": true, "state": {"running": {}}, "restartCount": count,
                "lastState": {"terminated": {"finishedAt": at}},
            })
        };
        let containers = json!([
            restarted(1, "1970-01-01T00:01:30Z"),
            restarted(2, "1970-01-01T00:00:30Z"),
        ]);
        let status = json!({"phase": "Running", "containerStatuses": containers});
        assert_eq!(shown(&pod(status)), "2/3 Running 3 (10s ago)");
    }

    #[test]
    fn a_pod_that_is_being_deleted_is_terminating_unless_it_ended() {
        for (phase, reason, expected) in [
            ("Running", "", "0/3 Terminating 0"),
            ("Succeeded", "", "0/3 Succeeded 0"),
            ("Running", "NodeLost", "0/3 Unknown 0"),
        ] {
            let mut pod = pod(json!({"phase": phase, "reason": reason}));
            pod["metadata"] = json!({"deletionTimestamp": "1970-01-01T00:00:00Z"});
            assert_eq!(shown(&pod), expected);
        }
    }

    #[test]
    fn gates_are_passed_by_conditions() {
        let mut pod = pod(json!({"conditions": [{"type": "x", "status": "True"}]}));
        pod["spec"]["readinessGates"] = json!([{"conditionType": "x"}, {"conditionType": "y"}]);
        let subject = Subject {
            object: &pod,
            now: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(readiness_gates(&subject), "1/2");
    }
}
