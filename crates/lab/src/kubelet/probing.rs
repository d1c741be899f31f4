//! The probes of one start of a container, in their order.
//!
//! ```text
//! startup ── holds ──► readiness, every period ──► Ready / NotReady
//!    │                 liveness, every period ───► Restart after its failures in a row
//!    └─ never holds ──► Restart
//! ```
//!
//! Until its first success a startup or readiness probe is asked quickly instead of once a
//! period: on one machine a second of waiting would be the longest part of a start. What counts
//! as a failure is still one a period.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::core::v1::Container;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::probe::Probe;

/// First pause before a probe's first success; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(80);

/// Which of a container's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Startup,
    Readiness,
    Liveness,
}

/// What probes found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The startup probe has held, or there is none.
    Started,
    /// It may receive requests, or not.
    Ready(bool),
    /// A question was answered with no, for this reason.
    Failed(Kind, String),
    /// It must be started again.
    Restart(Kind),
}

/// The probes of a container.
#[derive(Clone, Debug)]
pub(super) struct Probes {
    startup: Option<Probe>,
    readiness: Option<Probe>,
    liveness: Option<Probe>,
}

/// Asks one probe.
pub(super) trait Ask: Send + Sync {
    /// The answer, or why it is no.
    fn ask(&self, probe: &Probe) -> impl Future<Output = Result<(), String>> + Send;
}

impl Kind {
    /// As events name it at the beginning of a sentence.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }

    /// As events name it inside a sentence.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        }
    }
}

impl Probes {
    pub(super) fn of(container: &Container) -> Self {
        Self {
            startup: Probe::of(container.startup_probe.as_ref(), container),
            readiness: Probe::of(container.readiness_probe.as_ref(), container),
            liveness: Probe::of(container.liveness_probe.as_ref(), container),
        }
    }

    /// Asks until it is dropped; ends after `Restart`.
    pub(super) async fn run(self, asker: impl Ask, findings: mpsc::Sender<Finding>) {
        let begun = Instant::now();
        let told = Teller {
            asker: &asker,
            findings: &findings,
        };
        if let Some(startup) = &self.startup
            && !told
                .first_success(Kind::Startup, startup, begun, true)
                .await
        {
            told.tell(Finding::Restart(Kind::Startup)).await;
            return;
        }
        told.tell(Finding::Started).await;
        tokio::join!(
            told.report_readiness(self.readiness.as_ref(), begun),
            told.watch_liveness(self.liveness.as_ref(), begun),
        );
    }
}

struct Teller<'a, A> {
    asker: &'a A,
    findings: &'a mpsc::Sender<Finding>,
}

impl<A: Ask> Teller<'_, A> {
    async fn tell(&self, finding: Finding) {
        // Who no longer listens has ended the container.
        let _ = self.findings.send(finding).await;
    }

    async fn ask(&self, kind: Kind, probe: &Probe) -> bool {
        match self.asker.ask(probe).await {
            Ok(()) => true,
            Err(why) => {
                self.tell(Finding::Failed(kind, why)).await;
                false
            }
        }
    }

    /// Whether the probe succeeds; with `gives_up` before its failures in a row, one a period.
    async fn first_success(
        &self,
        kind: Kind,
        probe: &Probe,
        begun: Instant,
        gives_up: bool,
    ) -> bool {
        tokio::time::sleep_until(begun + probe.delay).await;
        let first = Instant::now();
        let (mut failures, mut pause) = (0, FIRST_PAUSE);
        while let Err(why) = self.asker.ask(probe).await {
            if first.elapsed() >= probe.period * (failures + 1) {
                failures += 1;
                self.tell(Finding::Failed(kind, why)).await;
                if gives_up && failures >= probe.failures {
                    return false;
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE).min(probe.period);
        }
        true
    }

    async fn report_readiness(&self, probe: Option<&Probe>, begun: Instant) {
        // Kubernetes: a container without a readiness probe is ready as soon as it has started.
        let Some(probe) = probe else {
            return self.tell(Finding::Ready(true)).await;
        };
        self.first_success(Kind::Readiness, probe, begun, false)
            .await;
        self.tell(Finding::Ready(true)).await;
        let (mut ready, mut in_a_row) = (true, 0);
        loop {
            sleep(probe.period).await;
            let good = self.ask(Kind::Readiness, probe).await;
            in_a_row = if good == ready { 0 } else { in_a_row + 1 };
            let needed = if ready {
                probe.failures
            } else {
                probe.successes
            };
            if in_a_row >= needed {
                (ready, in_a_row) = (good, 0);
                self.tell(Finding::Ready(ready)).await;
            }
        }
    }

    async fn watch_liveness(&self, probe: Option<&Probe>, begun: Instant) {
        let Some(probe) = probe else { return };
        tokio::time::sleep_until(begun + probe.delay).await;
        let mut failures = 0;
        while failures < probe.failures {
            sleep(probe.period).await;
            let good = self.ask(Kind::Liveness, probe).await;
            failures = if good { 0 } else { failures + 1 };
        }
        self.tell(Finding::Restart(Kind::Liveness)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, from_value, json};

    use super::*;

    /// Answers from a list; the last one for ever.
    struct Answers(Mutex<Vec<bool>>);

    impl Ask for Answers {
        async fn ask(&self, _: &Probe) -> Result<(), String> {
            let mut answers = self.0.lock().unwrap();
            let answer = if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0]
            };
            answer.then_some(()).ok_or_else(|| "no".to_owned())
        }
    }

    /// What is found until nothing new is for an hour, without repeated failures.
    async fn findings(container: Value, answers: &[bool]) -> Vec<Finding> {
        let mut container = container;
        container["name"] = json!("c");
        let probes = Probes::of(&from_value(container).unwrap());
        let (sender, mut found) = mpsc::channel(8);
        tokio::spawn(probes.run(Answers(Mutex::new(answers.to_vec())), sender));
        let mut all = Vec::new();
        let hour = Duration::from_secs(3600);
        while let Ok(Some(finding)) = tokio::time::timeout(hour, found.recv()).await {
            if all.len() > 8 {
                break;
            }
            all.push(finding);
        }
        all
    }

    fn probe(period: u32, failures: u32) -> Value {
        json!({"tcpSocket": {"port": 1}, "periodSeconds": period, "failureThreshold": failures})
    }

    fn failed(kind: Kind) -> Finding {
        Finding::Failed(kind, "no".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn without_probes_it_is_ready_at_once() {
        assert_eq!(
            findings(json!({}), &[true]).await,
            [Finding::Started, Finding::Ready(true)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_startup_that_never_succeeds_is_started_again_after_its_periods() {
        let begun = Instant::now();
        let found = findings(json!({"startupProbe": probe(10, 2)}), &[false]).await;
        let startup = Kind::Startup;
        assert_eq!(
            found,
            [failed(startup), failed(startup), Finding::Restart(startup)]
        );
        assert!(begun.elapsed() >= Duration::from_secs(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_success_is_found_long_before_its_period_and_without_a_word() {
        let begun = Instant::now();
        let container = json!({"readinessProbe": probe(100, 3)});
        let found = tokio::time::timeout(Duration::from_secs(1), async {
            let probes = Probes::of(
                &from_value(json!({"name": "c", "readinessProbe": container["readinessProbe"]}))
                    .unwrap(),
            );
            let (sender, mut found) = mpsc::channel(8);
            tokio::spawn(probes.run(Answers(Mutex::new(vec![false, false, true])), sender));
            (found.recv().await, found.recv().await)
        });
        let found = found.await.unwrap();
        assert_eq!(found, (Some(Finding::Started), Some(Finding::Ready(true))));
        assert!(begun.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_is_lost_after_its_failures_in_a_row() {
        let answers = [true, false, true, false, false, true];
        let found = findings(json!({"readinessProbe": probe(1, 2)}), &answers).await;
        let no = failed(Kind::Readiness);
        let expected = [
            Finding::Started,
            Finding::Ready(true),
            no.clone(),
            no.clone(),
            no,
            Finding::Ready(false),
            Finding::Ready(true),
        ];
        assert_eq!(found, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn liveness_counts_failures_in_a_row() {
        let answers = [false, true, false, false, false];
        let found = findings(json!({"livenessProbe": probe(1, 3)}), &answers).await;
        let no = failed(Kind::Liveness);
        let expected = [
            Finding::Started,
            Finding::Ready(true),
            no.clone(),
            no.clone(),
            no.clone(),
            no,
            Finding::Restart(Kind::Liveness),
        ];
        assert_eq!(found, expected);
    }
}
