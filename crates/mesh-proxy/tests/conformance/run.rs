//! One case on one driver, from its first step to its last.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::case::{Answers, ClusterView, Step};
use crate::driver::{self, LogLine, Scene, Sidecar};
use crate::expectation;
use crate::lag::Lag;
use crate::traffic::{Answer, Sender};

/// How long what a proxy tells late (a log line, a counter) may take.
const SETTLE: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// What went otherwise than the case says; empty = it passed.
pub(crate) async fn run(scene: &mut Scene<'_>, sidecar: &impl Sidecar) -> Vec<String> {
    let case = scene.case;
    let mut sender = Sender::new(sidecar.address(), &format!("row-{}", case.row));
    for (number, step) in case.steps.iter().enumerate() {
        let wrong = run_step(scene, sidecar, step, &mut sender).await;
        if !wrong.is_empty() {
            return wrong
                .iter()
                .map(|it| format!("step {}: {it}", number + 1))
                .collect();
        }
    }
    Vec::new()
}

async fn run_step(
    scene: &mut Scene<'_>,
    sidecar: &impl Sidecar,
    step: &Step,
    sender: &mut Sender,
) -> Vec<String> {
    let lag = Lag::watch();
    for (name, spec) in &step.pods_become {
        scene.pods[name].become_like(spec);
    }
    if let Some(change) = &step.apply {
        scene.recording.change(change);
        sidecar.apply(scene).await;
    }
    sleep(Duration::from_millis(step.wait_ms)).await;
    let mut wrong = Vec::new();
    if let Some(send) = &step.send {
        let mut answers = sender.send(send).await;
        let kinds = step.answers.iter().chain(&step.in_order);
        if kinds.clone().any(Answers::needs_log) {
            read_log(sidecar, &mut answers).await;
        }
        wrong.extend(expectation::answers(step, &answers, lag.excused_ms()));
    }
    let pods = step.pods.iter();
    wrong.extend(pods.flat_map(|(name, wanted)| {
        expectation::reached(name, wanted, &scene.pods[name], lag.excused_ms())
    }));
    for (subset, wanted) in &step.clusters {
        wrong.extend(look(scene, sidecar, subset, wanted).await);
    }
    if !wrong.is_empty() {
        wrong.extend(lag.too_slow());
    }
    wrong
}

/// Reads the answers' lines; a line may be written a moment after its answer.
async fn read_log(sidecar: &impl Sidecar, answers: &mut [Answer]) {
    let until = Instant::now() + SETTLE;
    loop {
        let lines = sidecar.log();
        for answer in answers.iter_mut() {
            let id = format!("\"{}\"", answer.id);
            let line = lines.iter().find(|line| line.contains(&id));
            answer.log = line.and_then(|line| LogLine::parse(line));
        }
        if answers.iter().all(|answer| answer.log.is_some()) || Instant::now() > until {
            return;
        }
        sleep(LOOK).await;
    }
}

/// Looks until the cluster is as wanted; a proxy may count a moment after its answer.
async fn look(
    scene: &Scene<'_>,
    sidecar: &impl Sidecar,
    subset: &str,
    wanted: &ClusterView,
) -> Vec<String> {
    let until = Instant::now() + SETTLE;
    loop {
        let wrong = expectation::cluster(
            subset,
            wanted,
            &driver::cluster(scene, sidecar, subset).await,
        );
        if wrong.is_empty() || Instant::now() > until {
            return wrong;
        }
        sleep(LOOK).await;
    }
}
