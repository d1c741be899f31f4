//! HorizontalPodAutoscaler → replicas of its target, decided purely.
//!
//! ```text
//! figures of the pods ── every metric ──► proposals ── the largest ──► stabilized ── limits ──► replicas
//!        (kubectl top)      └── none can be computed: a condition and an event say why
//! ```

mod condition;
mod figures;
mod limits;
mod metric;
mod pods;
mod proposal;
pub(super) mod sync;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus};
use k8s_openapi::api::core::v1::Pod;

use condition::{ABLE, ACTIVE, LIMITED, set};
use figures::Figures;
use limits::Bounds;
use limits::Memory;

/// What a decision is made from.
struct Situation<'a> {
    /// The autoscaler.
    scaler: &'a HorizontalPodAutoscaler,
    /// Replicas its target is to have.
    current: i32,
    /// The target's pods.
    pods: &'a [Arc<Pod>],
    /// What they use, by pod.
    figures: &'a Figures,
    /// The present moment.
    now: Timestamp,
}

/// What is told of an autoscaler.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    /// Why, in a word.
    reason: &'static str,
    /// The whole story.
    message: String,
}

/// Another size for the target, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rescale {
    /// Replicas from now on.
    size: i32,
    /// Why, as the event says it.
    reason: String,
}

/// What is to be done for one autoscaler.
#[derive(Clone, Debug, Default, PartialEq)]
struct Decision {
    /// Another size, where one is needed.
    rescale: Option<Rescale>,
    /// The autoscaler's new status, as it is before the size is written.
    status: HorizontalPodAutoscalerStatus,
    /// Warnings.
    told: Vec<Told>,
}

/// Decides, and remembers in `memory` what was proposed.
fn decide(situation: &Situation<'_>, memory: &mut Memory) -> Decision {
    let scaler = situation.scaler;
    let current = situation.current;
    memory.begin(current, situation.now);
    let mut status = status_before(scaler);
    status.current_replicas = Some(current);
    status.current_metrics = None;
    let got = "the HPA controller was able to get the target's current scale";
    set(
        &mut status,
        ABLE,
        true,
        "SucceededGetScale",
        got,
        situation.now,
    );
    let bounds = Bounds::of(&scaler.spec);
    let outside = match current {
        0 if bounds.least != 0 => return disabled(status, situation.now),
        _ if current > bounds.most => Some((bounds.most, "above Spec.MaxReplicas")),
        _ if current < bounds.least => Some((bounds.least, "below Spec.MinReplicas")),
        _ => None,
    };
    let Some((size, where_)) = outside else {
        return by_metrics(situation, &bounds, status, memory);
    };
    let reason = format!("Current number of replicas {where_}");
    status.desired_replicas = size;
    Decision {
        rescale: Some(Rescale { size, reason }),
        status,
        told: Vec::new(),
    }
}

fn disabled(mut status: HorizontalPodAutoscalerStatus, now: Timestamp) -> Decision {
    let why = "scaling is disabled since the replica count of the target is zero";
    set(&mut status, ACTIVE, false, "ScalingDisabled", why, now);
    status.desired_replicas = 0;
    Decision {
        status,
        ..Decision::default()
    }
}

fn by_metrics(
    situation: &Situation<'_>,
    bounds: &Bounds,
    mut status: HorizontalPodAutoscalerStatus,
    memory: &mut Memory,
) -> Decision {
    let (current, now) = (situation.current, situation.now);
    let found = metric::all(situation);
    status.current_metrics = Some(found.statuses);
    let mut told = found.told;
    let best = match found.outcome {
        Ok(best) => best,
        Err(failure) => {
            let why = &failure.condition.message;
            set(
                &mut status,
                ACTIVE,
                false,
                failure.condition.reason,
                why,
                now,
            );
            told.push(Told {
                reason: "FailedComputeMetricsReplicas",
                message: failure.message,
            });
            return Decision {
                rescale: None,
                status,
                told,
            };
        }
    };
    let valid = format!(
        "the HPA was able to successfully calculate a replica count from {}",
        best.metric
    );
    set(&mut status, ACTIVE, true, "ValidMetricFound", &valid, now);
    let stable = memory.stabilize(bounds, current, best.replicas, now);
    let (reason, message) = stable.told;
    set(&mut status, ABLE, true, reason, message, now);
    let limited = memory.limit(bounds, current, stable.replicas, now);
    let is_limited = limited.replicas != stable.replicas;
    let (reason, message) = limited.told;
    set(&mut status, LIMITED, is_limited, reason, message, now);
    status.desired_replicas = limited.replicas;
    let reason = match best.replicas > current {
        true => format!("{} above target", best.metric),
        false => "All metrics below target".to_owned(),
    };
    Decision {
        rescale: (limited.replicas != current).then_some(Rescale {
            size: limited.replicas,
            reason,
        }),
        status,
        told,
    }
}

/// The status as it is stored.
fn status_before(scaler: &HorizontalPodAutoscaler) -> HorizontalPodAutoscalerStatus {
    scaler.status.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests;
