//! All cases on a driver: set up together, run beside each other, once more where one failed.

use std::time::Instant;

use futures_util::stream::{self, StreamExt};
use tokio::task::JoinError;

use crate::case::Case;
use crate::driver::{Scene, Sidecar, envoy, rust};
use crate::pods;
use crate::recording::Recording;
use crate::run::run;
use crate::table::Outcome;

/// Cases that mostly wait run beside each other, those that keep the machine busy almost alone.
const CALM_AT_A_TIME: usize = 12;
const BUSY_AT_A_TIME: usize = 2;
/// A case that waits longer by its own will begins with the first and runs beside all others.
const LONG_MS: u64 = 8_000;

/// What stands between clients and pods.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Driver {
    Rust,
    Envoy,
}

impl Driver {
    /// As cases name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Envoy => "envoy",
        }
    }
}

/// Runs all cases; those that fail once more, afresh: a measured share or time may be unlucky.
pub(crate) async fn all(driver: Driver, cases: &'static [Case]) -> Vec<Outcome> {
    let cases: Vec<&Case> = cases.iter().collect();
    let mut outcomes = once(driver, &cases).await;
    let unlucky = |index: &usize| {
        let listed = cases[*index].deviation.contains_key(driver.name());
        !outcomes[*index].passed() && !listed
    };
    let failed: Vec<usize> = (0..cases.len()).filter(unlucky).collect();
    for index in &failed {
        let (row, wrong) = (&cases[*index].row, &outcomes[*index].wrong);
        println!(
            "row {row} on {} once more: {}",
            driver.name(),
            wrong.join("; ")
        );
    }
    let again: Vec<&Case> = failed.iter().map(|index| cases[*index]).collect();
    for (index, outcome) in failed.into_iter().zip(once(driver, &again).await) {
        outcomes[index] = Outcome {
            tries: 2,
            ..outcome
        };
    }
    outcomes
}

async fn once(driver: Driver, cases: &[&'static Case]) -> Vec<Outcome> {
    if cases.is_empty() {
        return Vec::new();
    }
    let mut scenes = Vec::new();
    for case in cases {
        scenes.push(Scene {
            case,
            recording: Recording::of(case),
            pods: pods::start(case).await,
        });
    }
    match driver {
        Driver::Rust => {
            let mut sidecars = Vec::new();
            for scene in &scenes {
                sidecars.push(rust::start(scene).await);
            }
            beside(scenes, sidecars).await
        }
        Driver::Envoy => {
            let sidecars = envoy::start(&scenes).await;
            beside(scenes, sidecars).await
        }
    }
}

/// Runs the cases and returns their outcomes in the same order.
async fn beside<S: Sidecar + 'static>(
    scenes: Vec<Scene<'static>>,
    sidecars: Vec<S>,
) -> Vec<Outcome> {
    let all = scenes.into_iter().zip(sidecars).enumerate();
    let (long, rest): (Vec<_>, Vec<_>) =
        all.partition(|(_, (scene, _))| scene.case.waits_ms() > LONG_MS);
    let (busy, calm): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|(_, (scene, _))| scene.case.is_busy());
    let at_a_time = |cases: Vec<_>, many: usize| {
        stream::iter(cases.into_iter().map(timed))
            .buffer_unordered(many.max(1))
            .collect::<Vec<_>>()
    };
    let many = long.len();
    let (mut done, others) = tokio::join!(at_a_time(long, many), async {
        let mut done = at_a_time(busy, BUSY_AT_A_TIME).await;
        done.extend(at_a_time(calm, CALM_AT_A_TIME).await);
        done
    });
    done.extend(others);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

async fn timed<S: Sidecar + 'static>(
    (index, (mut scene, sidecar)): (usize, (Scene<'static>, S)),
) -> (usize, Outcome) {
    let began = Instant::now();
    let ran = tokio::spawn(async move { run(&mut scene, &sidecar).await }).await;
    let wrong = ran.unwrap_or_else(|error: JoinError| vec![format!("broke off: {error}")]);
    let took = began.elapsed();
    let outcome = Outcome {
        wrong,
        took,
        tries: 1,
    };
    (index, outcome)
}
