//! What comes after a container's try: the next one by the pod's policy, after which pause.

use std::time::Duration;

use super::{ContainerRun, Outcome};
use crate::controllers::now;
use crate::kubelet::pod::container_id;
use crate::kubelet::process::Ending;

/// Kubernetes: a container that cannot be made is looked at again in the next round.
const ROUND: Duration = Duration::from_secs(2);
/// How long a failed pull is shown before the wait for the next one is.
const PULL_SHOWN: Duration = Duration::from_secs(1);

/// What comes after a try.
pub(super) enum Next {
    /// It is tried again after this pause.
    Again(Duration),
    /// It has left for good.
    Leave(Outcome),
}

impl ContainerRun<'_> {
    pub(super) fn ended(&mut self, ending: Ending, ran: Duration) -> Next {
        tracing::debug!(
            pod = self.pod.key.name,
            code = ending.code,
            "container ended"
        );
        let name = &self.container.name;
        self.pod.update(|view| {
            if let Some(container) = view.container(name) {
                container.end(ending.code, ending.reason(), &now());
            }
        });
        self.again(ending.code, ran)
    }

    pub(super) fn unstartable(&mut self, code: i32, message: &str) -> Next {
        let name = &self.container.name;
        self.pod.update(|view| {
            if let Some(container) = view.container(name) {
                container.begin(container_id(), &now());
                container.fail_to_start(code, message, &now());
            }
        });
        self.again(code, Duration::ZERO)
    }

    /// By the pod's policy: at once, after the back-off, or not at all.
    fn again(&mut self, code: i32, ran: Duration) -> Next {
        let policy = self.pod.view().policy;
        let restarts = if self.is_init {
            code != 0 && policy.restarts(code)
        } else {
            policy.restarts(code)
        };
        if !restarts {
            let outcome = if code == 0 {
                Outcome::Succeeded
            } else {
                Outcome::Left
            };
            return Next::Leave(outcome);
        }
        let pause = self.backoff.pause(ran);
        if !pause.is_zero() {
            self.tell_of_pause(pause);
        }
        Next::Again(pause)
    }

    fn tell_of_pause(&self, pause: Duration) {
        let (name, pod) = (&self.container.name, self.pod.full_name());
        self.pod.warn(
            self.container,
            "BackOff",
            format!("Back-off restarting failed container {name} in pod {pod}"),
        );
        let message = format!(
            "back-off {} restarting failed container={name} pod={pod}",
            go_duration(pause)
        );
        self.wait("CrashLoopBackOff", message);
    }

    pub(super) fn not_created(&mut self, reason: &'static str, message: String) -> Next {
        self.pod
            .warn(self.container, "Failed", format!("Error: {message}"));
        self.wait(reason, message);
        Next::Again(ROUND)
    }

    /// Kubernetes: a failed pull is shown, then the wait for the next one.
    pub(super) async fn not_pulled(&mut self, message: &str) -> Next {
        let (pod, container) = (self.pod, self.container);
        let image = container.image.clone().unwrap_or_default();
        pod.tell(container, "Pulling", format!("Pulling image \"{image}\""));
        pod.warn(
            container,
            "Failed",
            format!("Failed to pull image \"{image}\": {message}"),
        );
        pod.warn(container, "Failed", "Error: ErrImagePull");
        self.wait("ErrImagePull", message.to_owned());
        if let Some(outcome) = self.pause(PULL_SHOWN).await {
            return Next::Leave(outcome);
        }
        pod.tell(
            container,
            "BackOff",
            format!("Back-off pulling image \"{image}\""),
        );
        pod.warn(container, "Failed", "Error: ImagePullBackOff");
        let waits = format!("Back-off pulling image \"{image}\": ErrImagePull: {message}");
        self.wait("ImagePullBackOff", waits);
        // The first wait is not zero, as there is no image that appears by itself.
        let pause = self.pulls.pause(Duration::ZERO);
        Next::Again(if pause.is_zero() {
            self.pulls.pause(Duration::ZERO)
        } else {
            pause
        })
    }

    fn wait(&self, reason: &'static str, message: String) {
        let name = &self.container.name;
        self.pod.update(|view| {
            if let Some(container) = view.container(name) {
                container.wait(reason, message);
            }
        });
    }
}

/// Whole seconds as Go prints them: `40s`, `2m40s`.
fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds / 60 {
        0 => format!("{seconds}s"),
        minutes => format!("{minutes}m{}s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_written_as_go_does() {
        for (seconds, expected) in [(10, "10s"), (160, "2m40s"), (300, "5m0s")] {
            assert_eq!(go_duration(Duration::from_secs(seconds)), expected);
        }
    }
}
