//! `status` of a pod as users see it, built purely from what the kubelet knows.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::facts::PROXY_IMAGE;

/// State of the application's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not started: reason and message.
    Waiting(&'static str, String),
    /// Running since then.
    Running {
        /// RFC 3339.
        since: String,
    },
    /// Ended, and not to be started again.
    Terminated(Terminated),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terminated {
    /// Exit code.
    pub code: i32,
    /// Kubernetes' reason.
    pub reason: &'static str,
    /// RFC 3339.
    pub started: String,
    /// RFC 3339.
    pub finished: String,
}

/// What the kubelet knows of one pod.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Name of the application's container.
    pub container: String,
    /// Its image as written.
    pub image: String,
    /// Its state.
    pub state: State,
    /// How it ended the last time.
    pub last: Option<Terminated>,
    /// Times it was started again.
    pub restarts: u32,
    /// Whether its readiness probe holds.
    pub ready: bool,
    /// Since when `ready` is as it is, RFC 3339.
    pub ready_since: String,
    /// Whether a sidecar runs beside it.
    pub injected: bool,
    /// The pod's address, from the first start on.
    pub pod_ip: Option<Ipv4Addr>,
    /// Its node's address.
    pub host_ip: Ipv4Addr,
    /// When the kubelet took the pod, RFC 3339.
    pub since: String,
}

impl View {
    /// The `status` object.
    pub(super) fn status(&self) -> Value {
        let started = matches!(self.state, State::Running { .. });
        let phase = match &self.state {
            State::Running { .. } => "Running",
            State::Waiting("CrashLoopBackOff", _) => "Running",
            State::Waiting(..) => "Pending",
            // Kubernetes: with restartPolicy Always a container that ended does not end its pod.
            State::Terminated(_) => "Running",
        };
        let ready = started && self.ready;
        let mut containers = vec![self.container(started)];
        if self.injected {
            containers.push(self.proxy());
        }
        let mut status = json!({
            "phase": phase,
            "conditions": self.conditions(ready),
            "hostIP": self.host_ip,
            "hostIPs": [{"ip": self.host_ip}],
            "startTime": self.since,
            "containerStatuses": containers,
            "qosClass": "Burstable",
        });
        if let Some(ip) = self.pod_ip {
            status["podIP"] = json!(ip);
            status["podIPs"] = json!([{"ip": ip}]);
        }
        status
    }

    fn conditions(&self, ready: bool) -> Value {
        let condition = |kind: &str, holds: bool, since: &str| {
            let mut condition = json!({
                "type": kind,
                "status": if holds { "True" } else { "False" },
                "lastTransitionTime": since,
            });
            if !holds {
                condition["reason"] = json!("ContainersNotReady");
                condition["message"] = json!(format!(
                    "containers with unready status: [{}]",
                    self.container
                ));
            }
            condition
        };
        json!([
            condition("PodReadyToStartContainers", true, &self.since),
            condition("Initialized", true, &self.since),
            condition("Ready", ready, &self.ready_since),
            condition("ContainersReady", ready, &self.ready_since),
            condition("PodScheduled", true, &self.since),
        ])
    }

    fn container(&self, started: bool) -> Value {
        let mut status = json!({
            "name": self.container,
            "image": self.image,
            "imageID": if started { self.image.as_str() } else { "" },
            "ready": started && self.ready,
            "started": started,
            "restartCount": self.restarts,
            "state": state(&self.state),
            "lastState": self.last.as_ref().map_or(json!({}), |end| json!({"terminated": terminated(end)})),
        });
        if started {
            status["containerID"] = json!(format!("lab://{}-{}", self.container, self.restarts));
        }
        status
    }

    /// The sidecar is a task of the lab: it is ready as soon as the pod has an address.
    fn proxy(&self) -> Value {
        let running = self.pod_ip.is_some();
        let state = match running {
            true => json!({"running": {"startedAt": self.since}}),
            false => json!({"waiting": {"reason": "PodInitializing"}}),
        };
        json!({
            "name": "istio-proxy",
            "image": PROXY_IMAGE,
            "imageID": PROXY_IMAGE,
            "ready": running,
            "started": running,
            "restartCount": 0,
            "state": state,
            "lastState": {},
        })
    }
}

fn state(state: &State) -> Value {
    match state {
        State::Waiting(reason, message) if message.is_empty() => {
            json!({"waiting": {"reason": reason}})
        }
        State::Waiting(reason, message) => {
            json!({"waiting": {"reason": reason, "message": message}})
        }
        State::Running { since } => json!({"running": {"startedAt": since}}),
        State::Terminated(end) => json!({"terminated": terminated(end)}),
    }
}

fn terminated(end: &Terminated) -> Value {
    json!({
        "exitCode": end.code,
        "reason": end.reason,
        "startedAt": end.started,
        "finishedAt": end.finished,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: State, ready: bool) -> View {
        View {
            container: "user-service".to_owned(),
            image: "user-service:v1".to_owned(),
            state,
            last: None,
            restarts: 0,
            ready,
            ready_since: "2026-01-01T00:00:01Z".to_owned(),
            injected: true,
            pod_ip: Some(Ipv4Addr::new(10, 1, 0, 2)),
            host_ip: Ipv4Addr::new(192, 168, 1, 10),
            since: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    fn running() -> State {
        State::Running {
            since: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    fn ready_condition(status: &Value) -> &Value {
        let conditions = status["conditions"].as_array().unwrap();
        &conditions.iter().find(|it| it["type"] == "Ready").unwrap()["status"]
    }

    #[test]
    fn a_running_pod_is_ready_only_with_its_probe() {
        let status = view(running(), true).status();
        assert_eq!(
            (&status["phase"], ready_condition(&status)),
            (&json!("Running"), &json!("True"))
        );
        assert_eq!(status["containerStatuses"].as_array().unwrap().len(), 2);
        let status = view(running(), false).status();
        assert_eq!(
            (&status["phase"], ready_condition(&status)),
            (&json!("Running"), &json!("False"))
        );
    }

    #[test]
    fn a_pod_whose_image_cannot_be_pulled_is_pending_and_says_why() {
        let waiting = State::Waiting("ImagePullBackOff", "Back-off pulling image".to_owned());
        let status = view(waiting, false).status();
        assert_eq!(status["phase"], "Pending");
        assert_eq!(
            status["containerStatuses"][0]["state"]["waiting"]["reason"],
            "ImagePullBackOff"
        );
    }

    #[test]
    fn a_crashing_pod_stays_running_and_is_not_ready() {
        let waiting = State::Waiting("CrashLoopBackOff", String::new());
        let status = view(waiting, true).status();
        assert_eq!(
            (&status["phase"], ready_condition(&status)),
            (&json!("Running"), &json!("False"))
        );
    }

    #[test]
    fn a_container_that_ended_does_not_end_its_pod() {
        let end = Terminated {
            code: 137,
            reason: "Error",
            started: String::new(),
            finished: String::new(),
        };
        let status = view(State::Terminated(end), true).status();
        assert_eq!(
            (&status["phase"], ready_condition(&status)),
            (&json!("Running"), &json!("False"))
        );
    }
}
