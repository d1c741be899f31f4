//! A container's memory limit, enforced by looking: who takes more is ended, as by the kernel of
//! a real node.
//!
//! Only where memory can be read cheaply (Linux, by `/proc`); elsewhere limits are shown and not
//! enforced.

use std::time::Duration;

use apimachinery::quantity::Quantity;
use k8s_openapi::api::core::v1::Container;
use rustix::process::Pid;

use super::figures;

/// Pause between two looks: long enough to cost nothing, short enough that one container cannot
/// take much of the machine in between.
const PAUSE: Duration = Duration::from_millis(100);

/// `limits.memory` in bytes; none: unlimited.
pub(super) fn limit(container: &Container) -> Option<u64> {
    let limits = container.resources.as_ref()?.limits.as_ref()?;
    Quantity::parse(&limits.get("memory")?.0).map(Quantity::units)
}

/// Looks at the memory of one process group.
#[derive(Debug)]
pub(super) struct Watch {
    leader: Pid,
    limit: Option<u64>,
}

impl Watch {
    pub(super) fn new(leader: Pid, limit: Option<u64>) -> Self {
        Self { leader, limit }
    }

    /// Resolves when the group has more than its limit.
    pub(super) async fn exceeded(&self) {
        let Some(limit) = self.limit else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(PAUSE).await;
            if figures::own_memory(self.leader).is_some_and(|memory| memory > limit) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_limit_is_read_in_bytes() {
        let limited = json!({"name": "c", "resources": {"limits": {"memory": "128Mi"}}});
        assert_eq!(limit(&from_value(limited).unwrap()), Some(128 << 20));
        assert_eq!(limit(&from_value(json!({"name": "c"})).unwrap()), None);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_process_that_takes_more_than_its_limit_is_noticed() {
        let mut child = Command::new("sleep")
            .arg("60")
            .process_group(0)
            .spawn()
            .unwrap();
        let leader = Pid::from_raw(child.id().cast_signed()).unwrap();
        Watch::new(leader, Some(1)).exceeded().await;
        let generous = Watch::new(leader, Some(1 << 40));
        let noticed = tokio::time::timeout(PAUSE * 3, generous.exceeded()).await;
        assert!(noticed.is_err(), "a small process is below a large limit");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
