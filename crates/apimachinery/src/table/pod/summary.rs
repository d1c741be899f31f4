//! READY, STATUS and RESTARTS of a pod: what its containers add up to.

use serde_json::Value;

use crate::object;
use crate::table::column::{items, or};

/// What the containers of a pod add up to.
#[derive(Debug, PartialEq)]
pub(super) struct Summary<'a> {
    pub(super) ready: usize,
    pub(super) total: usize,
    pub(super) status: String,
    pub(super) restarts: Restarts<'a>,
}

/// How often containers restarted, and when the last one ended before it did. Moments are RFC 3339
/// in UTC with whole seconds, so they compare as texts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Restarts<'a> {
    pub(super) count: i64,
    pub(super) last: &'a str,
}

/// What the init containers add up to.
struct Initialization<'a> {
    /// What it waits for or failed with.
    blocked: Option<String>,
    /// Sidecars that are ready.
    ready: usize,
    restarts: Restarts<'a>,
    of_sidecars: Restarts<'a>,
}

impl<'a> Summary<'a> {
    pub(super) fn of(pod: &'a Value) -> Self {
        let init = Initialization::of(pod);
        let sidecars = containers(pod, "initContainers")
            .iter()
            .filter(|one| is_sidecar(one));
        let total = containers(pod, "containers").len() + sidecars.count();
        let summary = match init.blocked {
            Some(status) if !has_condition(pod, "Initialized") => Self {
                ready: init.ready,
                total,
                status,
                restarts: init.restarts,
            },
            blocked => Self {
                ready: init.ready,
                total,
                status: blocked.unwrap_or_else(|| phase(pod).to_owned()),
                restarts: init.of_sidecars,
            }
            .with_containers(pod),
        };
        summary.ending(pod)
    }

    /// Kubernetes: the first container with something to tell decides the status.
    fn with_containers(mut self, pod: &'a Value) -> Self {
        let mut running = false;
        let mut error = None;
        for container in items(pod, &["status", "containerStatuses"]).iter().rev() {
            self.restarts.add(container);
            let waiting = object::text(container, &["state", "waiting", "reason"]);
            if !waiting.is_empty() {
                waiting.clone_into(&mut self.status);
            } else if let Some(end) = terminated(container) {
                self.status = ending(end);
                if exit_code(end) != 0 {
                    error = Some(self.status.clone());
                }
            } else if is_ready(container) && object::at(container, &["state", "running"]).is_some()
            {
                running = true;
                self.ready += 1;
            }
        }
        if self.status == "Completed" {
            self.status = completed(running, has_condition(pod, "Ready"), error);
        }
        self
    }

    /// A pod that is being deleted says so, unless it is at its end already.
    fn ending(mut self, pod: &Value) -> Self {
        if !object::is_terminating(pod) {
            return self;
        }
        if object::text(pod, &["status", "reason"]) == "NodeLost" {
            self.status = "Unknown".to_owned();
        } else if !matches!(
            object::text(pod, &["status", "phase"]),
            "Succeeded" | "Failed"
        ) {
            self.status = "Terminating".to_owned();
        }
        self
    }
}

impl<'a> Initialization<'a> {
    fn of(pod: &'a Value) -> Self {
        let specs = containers(pod, "initContainers");
        let mut all = Self {
            blocked: None,
            ready: 0,
            restarts: Restarts::default(),
            of_sidecars: Restarts::default(),
        };
        for (at, status) in items(pod, &["status", "initContainerStatuses"])
            .iter()
            .enumerate()
        {
            let name = object::text(status, &["name"]);
            let spec = specs
                .iter()
                .find(|spec| object::text(spec, &["name"]) == name);
            let sidecar = spec.is_some_and(is_sidecar);
            all.restarts.add(status);
            if sidecar {
                all.of_sidecars.add(status);
            }
            if sidecar && status.get("started") == Some(&Value::Bool(true)) {
                all.ready += usize::from(is_ready(status));
            } else if terminated(status).is_none_or(|end| exit_code(end) != 0) {
                all.blocked = Some(blocked(status, at, specs.len()));
                break;
            }
        }
        all
    }
}

impl<'a> Restarts<'a> {
    fn add(&mut self, container: &'a Value) {
        let count = object::at(container, &["restartCount"]).and_then(Value::as_i64);
        self.count = self.count.saturating_add(count.unwrap_or(0));
        let ended = object::text(container, &["lastState", "terminated", "finishedAt"]);
        self.last = self.last.max(ended);
    }
}

/// What an init container that is not through keeps the pod at.
fn blocked(container: &Value, at: usize, total: usize) -> String {
    if let Some(end) = terminated(container) {
        return format!("Init:{}", ending(end));
    }
    match object::text(container, &["state", "waiting", "reason"]) {
        "" | "PodInitializing" => format!("Init:{at}/{total}"),
        reason => format!("Init:{reason}"),
    }
}

/// The status of a pod one of whose containers completed.
fn completed(running: bool, ready: bool, error: Option<String>) -> String {
    match (running, error) {
        (true, _) if ready => "Running".to_owned(),
        (_, Some(error)) => error,
        (true, None) => "NotReady".to_owned(),
        (false, None) => "Completed".to_owned(),
    }
}

/// Before any container tells more: the pod's reason, or its phase.
fn phase(pod: &Value) -> &str {
    let gated = items(pod, &["status", "conditions"])
        .iter()
        .any(|condition| {
            object::text(condition, &["type"]) == "PodScheduled"
                && object::text(condition, &["reason"]) == "SchedulingGated"
        });
    if gated {
        return "SchedulingGated";
    }
    or(
        object::text(pod, &["status", "reason"]),
        object::text(pod, &["status", "phase"]),
    )
}

/// How a container ended, in one word.
fn ending(end: &Value) -> String {
    let reason = object::text(end, &["reason"]);
    let signal = end.get("signal").and_then(Value::as_i64).unwrap_or(0);
    if !reason.is_empty() {
        reason.to_owned()
    } else if signal != 0 {
        format!("Signal:{signal}")
    } else {
        format!("ExitCode:{}", exit_code(end))
    }
}

fn containers<'a>(pod: &'a Value, member: &str) -> &'a [Value] {
    items(pod, &["spec", member])
}

fn is_sidecar(container: &Value) -> bool {
    object::text(container, &["restartPolicy"]) == "Always"
}

fn is_ready(container: &Value) -> bool {
    container.get("ready") == Some(&Value::Bool(true))
}

fn terminated(container: &Value) -> Option<&Value> {
    object::at(container, &["state", "terminated"]).filter(|end| end.is_object())
}

fn exit_code(end: &Value) -> i64 {
    end.get("exitCode").and_then(Value::as_i64).unwrap_or(0)
}

pub(super) fn has_condition(pod: &Value, kind: &str) -> bool {
    let mut conditions = items(pod, &["status", "conditions"]).iter();
    conditions
        .find(|condition| object::text(condition, &["type"]) == kind)
        .is_some_and(|condition| object::text(condition, &["status"]) == "True")
}
