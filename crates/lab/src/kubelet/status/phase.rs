//! Phase, restart policy and quality of service of a pod.

use k8s_openapi::api::core::v1::Container;

use super::{ContainerView, State, View};

/// What happens to a container that ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::kubelet) enum RestartPolicy {
    /// It starts again.
    #[default]
    Always,
    /// It starts again if it failed.
    OnFailure,
    /// It stays as it ended.
    Never,
}

impl RestartPolicy {
    pub(super) fn of(text: Option<&str>) -> Self {
        match text {
            Some("OnFailure") => Self::OnFailure,
            Some("Never") => Self::Never,
            _ => Self::Always,
        }
    }

    /// Whether a container that ended with this code starts again.
    pub(in crate::kubelet) fn restarts(self, code: i32) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => code != 0,
            Self::Never => false,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    waiting: usize,
    running: usize,
    stopped: usize,
    for_good: usize,
    succeeded: usize,
}

/// Kubernetes: Pending until each container has been started, Running while one runs or starts
/// again, then by whether all of them succeeded.
pub(super) fn phase(view: &View) -> &'static str {
    if view.failure.is_some() {
        return failing(view);
    }
    let init_failed = view.init.iter().any(|it| match ended(it) {
        Some(code) => code != 0 && !restarts_init(view, code),
        None => false,
    });
    if init_failed {
        return "Failed";
    }
    let count = view
        .main
        .iter()
        .fold(Count::default(), |count, it| add(view, count, it));
    match count {
        Count { waiting, .. } if waiting > 0 || !view.is_initialized() => "Pending",
        Count { running, .. } if running > 0 => "Running",
        Count {
            stopped, for_good, ..
        } if stopped != for_good => "Running",
        Count {
            stopped, succeeded, ..
        } if stopped == succeeded => "Succeeded",
        _ => "Failed",
    }
}

/// Kubernetes: a pod that was given up has failed once nothing of it runs any more.
fn failing(view: &View) -> &'static str {
    let mut all = view.init.iter().chain(&view.main);
    let runs = all.any(|it| matches!(it.state, State::Running { .. }));
    if runs { "Running" } else { "Failed" }
}

/// Kubernetes: init containers of a pod that always restarts start again only if they failed.
fn restarts_init(view: &View, code: i32) -> bool {
    code != 0 && view.policy != RestartPolicy::Never && !view.ending
}

fn add(view: &View, mut count: Count, container: &ContainerView) -> Count {
    match (&container.state, ended(container)) {
        (State::Running { .. }, _) => count.running += 1,
        (_, None) => count.waiting += 1,
        (state, Some(code)) => {
            count.stopped += 1;
            count.for_good += usize::from(view.ending || !view.policy.restarts(code));
            count.succeeded += usize::from(code == 0 && matches!(state, State::Terminated(_)));
        }
    }
    count
}

/// The exit code of a container that ended and does not run.
fn ended(container: &ContainerView) -> Option<i32> {
    match &container.state {
        State::Running { .. } => None,
        State::Terminated(end) => Some(end.code),
        State::Waiting(..) => container.last.as_ref().map(|end| end.code),
    }
}

/// Kubernetes: Guaranteed where every container's limits of both resources are its requests,
/// BestEffort where there are none.
pub(super) fn qos(containers: &[Container]) -> &'static str {
    let resources = || {
        containers
            .iter()
            .map(|it| it.resources.clone().unwrap_or_default())
    };
    let none = resources().all(|it| {
        it.requests.unwrap_or_default().is_empty() && it.limits.unwrap_or_default().is_empty()
    });
    let guaranteed = resources().all(|it| {
        let (limits, requests) = (
            it.limits.unwrap_or_default(),
            it.requests.unwrap_or_default(),
        );
        let same = |name: &str| match (limits.get(name), requests.get(name)) {
            (Some(limit), Some(request)) => limit == request,
            (limit, _) => limit.is_some(),
        };
        same("cpu") && same("memory")
    });
    match (none, guaranteed) {
        (true, _) => "BestEffort",
        (false, true) => "Guaranteed",
        (false, false) => "Burstable",
    }
}
