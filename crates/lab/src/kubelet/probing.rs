//! The probes of one start of a container, in their order.
//!
//! ```text
//! startup ── holds ──► readiness, every period ──► Ready / NotReady
//!    │                 liveness, every period ───► Unhealthy after its failures in a row
//!    └─ never holds ──► Unhealthy
//! ```
//!
//! Until its first success a probe is asked quickly instead of once a period:
//! on one machine a second of waiting would be the longest part of a start.

use std::net::SocketAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::Container;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::probe::Probe;

/// First pause before a probe's first success; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(80);

/// What probes found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may receive requests.
    Ready,
    /// It may not.
    NotReady,
    /// It must be started again.
    Unhealthy,
}

/// The probes of a container.
#[derive(Clone, Debug)]
pub(super) struct Probes {
    startup: Option<Probe>,
    readiness: Option<Probe>,
    liveness: Option<Probe>,
}

impl Probes {
    pub(super) fn of(container: &Container) -> Self {
        Self {
            startup: Probe::of(container.startup_probe.as_ref()),
            readiness: Probe::of(container.readiness_probe.as_ref()),
            liveness: Probe::of(container.liveness_probe.as_ref()),
        }
    }

    /// Asks the application until it is dropped; ends after `Unhealthy`.
    pub(super) async fn run(self, application: SocketAddr, verdicts: mpsc::Sender<Verdict>) {
        if let Some(startup) = &self.startup {
            let patience = startup.period * startup.failures;
            if !first_success(startup, application, Some(patience)).await {
                let _ = verdicts.send(Verdict::Unhealthy).await;
                return;
            }
        }
        let sick = async {
            match &self.liveness {
                Some(liveness) => failed_for_good(liveness, application).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = report_readiness(self.readiness.as_ref(), application, &verdicts) => {}
            () = sick => { let _ = verdicts.send(Verdict::Unhealthy).await; }
        }
    }
}

async fn report_readiness(
    probe: Option<&Probe>,
    application: SocketAddr,
    verdicts: &mpsc::Sender<Verdict>,
) {
    // Kubernetes: a container without a readiness probe is ready as soon as it runs.
    if let Some(probe) = probe {
        first_success(probe, application, None).await;
    }
    let _ = verdicts.send(Verdict::Ready).await;
    let Some(probe) = probe else {
        return std::future::pending().await;
    };
    let (mut ready, mut in_a_row) = (true, 0);
    loop {
        sleep(probe.period).await;
        let good = probe.ask(application).await;
        in_a_row = if good == ready { 0 } else { in_a_row + 1 };
        let needed = if ready {
            probe.failures
        } else {
            probe.successes
        };
        if in_a_row >= needed {
            (ready, in_a_row) = (good, 0);
            let verdict = if ready {
                Verdict::Ready
            } else {
                Verdict::NotReady
            };
            let _ = verdicts.send(verdict).await;
        }
    }
}

async fn failed_for_good(probe: &Probe, application: SocketAddr) {
    let mut failures = 0;
    while failures < probe.failures {
        sleep(probe.period).await;
        failures = if probe.ask(application).await {
            0
        } else {
            failures + 1
        };
    }
}

/// Whether the probe succeeded within `patience` (none: without limit).
async fn first_success(probe: &Probe, application: SocketAddr, patience: Option<Duration>) -> bool {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    while !probe.ask(application).await {
        if patience.is_some_and(|patience| started.elapsed() >= patience) {
            return false;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE).min(probe.period);
    }
    true
}
