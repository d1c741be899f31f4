//! `containerStatuses`: one container's state.

use k8s_openapi::api::core::v1::Container;
use serde_json::{Value, json};

/// State of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubelet) enum State {
    /// Not started: reason and message.
    Waiting(&'static str, String),
    /// Running since then.
    Running {
        /// RFC 3339.
        since: String,
    },
    /// Ended.
    Terminated(Terminated),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubelet) struct Terminated {
    /// Exit code; 128 + the signal's number where one ended it.
    pub code: i32,
    /// Kubernetes' reason.
    pub reason: &'static str,
    /// What the runtime said, where it could not even start.
    pub message: String,
    /// RFC 3339.
    pub started: String,
    /// RFC 3339.
    pub finished: String,
    /// `containerd://…` of the run.
    pub id: String,
}

/// What the kubelet knows of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubelet) struct ContainerView {
    /// Its name.
    pub name: String,
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
    /// Whether its startup probe has held.
    pub started: bool,
    /// `containerd://…` of its last run; empty before the first.
    pub id: String,
}

impl ContainerView {
    pub(super) fn waiting(container: &Container, reason: &'static str) -> Self {
        Self {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            state: State::Waiting(reason, String::new()),
            last: None,
            restarts: 0,
            ready: false,
            started: false,
            id: String::new(),
        }
    }

    /// It runs from `now` on, as the run called `id`. Kubernetes counts a restart when the next
    /// run begins, not while it is waited for.
    pub(in crate::kubelet) fn begin(&mut self, id: String, now: &str) {
        if let State::Terminated(end) = &self.state {
            self.last = Some(end.clone());
        }
        self.restarts += u32::from(!self.id.is_empty());
        self.id = id;
        (self.ready, self.started) = (false, false);
        self.state = State::Running {
            since: now.to_owned(),
        };
    }

    /// It ended at `now`.
    pub(in crate::kubelet) fn end(&mut self, code: i32, reason: &'static str, now: &str) {
        let started = match &self.state {
            State::Running { since } => since.clone(),
            _ => now.to_owned(),
        };
        (self.ready, self.started) = (false, false);
        self.state = State::Terminated(Terminated {
            code,
            reason,
            message: String::new(),
            started,
            finished: now.to_owned(),
            id: self.id.clone(),
        });
    }

    /// It ended to run as another image; until then it counts as running, so that a pod which
    /// starts nothing again has not ended.
    pub(in crate::kubelet) fn replace(&mut self, code: i32, reason: &'static str, now: &str) {
        let running = self.state.clone();
        self.end(code, reason, now);
        if let State::Terminated(end) = std::mem::replace(&mut self.state, running) {
            self.last = Some(end);
        }
    }

    /// The runtime could not start its command.
    pub(in crate::kubelet) fn fail_to_start(&mut self, code: i32, message: &str, now: &str) {
        self.end(code, "StartError", now);
        if let State::Terminated(end) = &mut self.state {
            end.message = message.to_owned();
        }
    }

    /// It waits to be started again; how it ended is remembered.
    pub(in crate::kubelet) fn wait(&mut self, reason: &'static str, message: String) {
        let waiting = State::Waiting(reason, message);
        if let State::Terminated(end) = std::mem::replace(&mut self.state, waiting) {
            self.last = Some(end);
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready && matches!(self.state, State::Running { .. })
    }

    /// Kubernetes: an init container that has done its work is ready.
    pub(super) fn is_done(&self) -> bool {
        matches!(&self.state, State::Terminated(end) if end.code == 0)
    }

    /// Its status, with what being ready means for it.
    pub(super) fn status(&self, ready: bool) -> Value {
        let mut status = json!({
            "name": self.name,
            "image": self.image,
            "imageID": if self.id.is_empty() { "" } else { self.image.as_str() },
            "ready": ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": state(&self.state),
            "lastState": self.last.as_ref().map_or(json!({}), |end| json!({"terminated": terminated(end)})),
        });
        if !self.id.is_empty() {
            status["containerID"] = json!(self.id);
        }
        status
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
    let mut value = json!({
        "exitCode": end.code,
        "reason": end.reason,
        "startedAt": end.started,
        "finishedAt": end.finished,
        "containerID": end.id,
    });
    if !end.message.is_empty() {
        value["message"] = json!(end.message);
    }
    value
}
