//! What is kept of proposals: sizes change no faster, and no further, than the autoscaler allows.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::autoscaling::v2::{
    HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerSpec,
};

/// Kubernetes: so long a size that was proposed keeps a smaller one waiting.
const DOWN_WINDOW: i64 = 300;
/// Kubernetes: without a behavior, a size is at most so many times the last one, or this.
const LEAP: i32 = 2;
const LEAP_AT_LEAST: i32 = 4;

/// Reason and message of a condition.
type Words = (&'static str, &'static str);

const READY: Words = ("ReadyForNewScale", "recommended size matches current size");
const UP_STABILIZED: Words = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);
const DOWN_STABILIZED: Words = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const WITHIN: Words = (
    "DesiredWithinRange",
    "the desired count is within the acceptable range",
);
const TOO_MANY: Words = (
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
);
const TOO_FEW: Words = (
    "TooFewReplicas",
    "the desired replica count is less than the minimum replica count",
);
const TOO_FAST_UP: Words = (
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
);
const TOO_FAST_DOWN: Words = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
);

/// What an autoscaler allows.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    /// Fewest replicas.
    pub(super) least: i32,
    /// Most replicas.
    pub(super) most: i32,
    behavior: Option<Behavior<'a>>,
}

#[derive(Debug)]
struct Behavior<'a> {
    up: Option<&'a HPAScalingRules>,
    down: Option<&'a HPAScalingRules>,
}

/// A size, and what a condition says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) replicas: i32,
    pub(super) told: Words,
}

/// What was proposed and done for one autoscaler lately.
#[derive(Debug, Default)]
pub(super) struct Memory {
    proposed: Vec<(Timestamp, i32)>,
    added: Vec<(Timestamp, i32)>,
    removed: Vec<(Timestamp, i32)>,
}

impl<'a> Bounds<'a> {
    pub(super) fn of(spec: &'a HorizontalPodAutoscalerSpec) -> Self {
        let behavior = spec.behavior.as_ref().map(|it| Behavior {
            up: it.scale_up.as_ref(),
            down: it.scale_down.as_ref(),
        });
        Self {
            least: spec.min_replicas.unwrap_or(1),
            most: spec.max_replicas,
            behavior,
        }
    }

    /// How long proposals count: against larger sizes, and against smaller ones.
    fn windows(&self) -> (SignedDuration, SignedDuration) {
        let behavior = self.behavior.as_ref();
        let own = |rules: Option<&HPAScalingRules>| rules?.stabilization_window_seconds;
        let up = behavior.and_then(|it| own(it.up)).unwrap_or(0);
        let down = behavior.and_then(|it| own(it.down));
        let down = down.map_or(DOWN_WINDOW, i64::from);
        let seconds = SignedDuration::from_secs;
        (seconds(i64::from(up)), seconds(down))
    }

    /// The longest time that any policy looks back.
    fn longest(&self) -> SignedDuration {
        let behavior = self.behavior.as_ref();
        let rules = behavior.into_iter().flat_map(|it| [it.up, it.down]);
        let policies = rules.flatten().flat_map(policies);
        let longest = policies.map(|it| it.period_seconds).max().unwrap_or(0);
        SignedDuration::from_secs(i64::from(longest))
    }
}

impl Memory {
    /// Kubernetes: the size that an autoscaler finds counts as proposed, so that it is not reduced
    /// before the first window has passed.
    pub(super) fn begin(&mut self, current: i32, now: Timestamp) {
        if self.proposed.is_empty() {
            self.proposed.push((now, current));
        }
    }

    /// Remembers that a size was written.
    pub(super) fn scaled(&mut self, from: i32, to: i32, now: Timestamp) {
        match to > from {
            true => self.added.push((now, to - from)),
            false => self.removed.push((now, from - to)),
        }
    }

    /// The proposal, as far as recent ones agree; remembers it.
    pub(super) fn stabilize(
        &mut self,
        bounds: &Bounds<'_>,
        current: i32,
        proposal: i32,
        now: Timestamp,
    ) -> Kept {
        let (up, down) = bounds.windows();
        self.forget(bounds, up.max(down), now);
        let within = |window| {
            let recent = self
                .proposed
                .iter()
                .filter(move |(at, _)| *at > now - window);
            recent.map(|(_, replicas)| *replicas)
        };
        let lowest = within(up).fold(proposal, i32::min);
        let highest = within(down).fold(proposal, i32::max);
        self.proposed.push((now, proposal));
        let replicas = match bounds.behavior {
            None => highest,
            Some(_) => current.max(lowest).min(highest),
        };
        let told = match (replicas == proposal, proposal >= current) {
            (true, _) => READY,
            (false, true) if bounds.behavior.is_some() => UP_STABILIZED,
            (false, _) => DOWN_STABILIZED,
        };
        Kept { replicas, told }
    }

    /// The size within least and most, and no faster than allowed.
    pub(super) fn limit(
        &self,
        bounds: &Bounds<'_>,
        current: i32,
        wanted: i32,
        now: Timestamp,
    ) -> Kept {
        let (up, down) = match &bounds.behavior {
            None => (current.saturating_mul(LEAP).max(LEAP_AT_LEAST), i32::MIN),
            Some(behavior) => (
                self.furthest_up(behavior.up, current, now).max(current),
                self.furthest_down(behavior.down, current, now).min(current),
            ),
        };
        let (most, too_many) = match bounds.most > up {
            true => (up, TOO_FAST_UP),
            false => (bounds.most, TOO_MANY),
        };
        let (least, too_few) = match bounds.least < down {
            true => (down, TOO_FAST_DOWN),
            false => (bounds.least, TOO_FEW),
        };
        match wanted {
            _ if wanted < least => Kept {
                replicas: least,
                told: too_few,
            },
            _ if wanted > most => Kept {
                replicas: most,
                told: too_many,
            },
            _ => Kept {
                replicas: wanted,
                told: WITHIN,
            },
        }
    }

    fn furthest_up(&self, rules: Option<&HPAScalingRules>, current: i32, now: Timestamp) -> i32 {
        let limits = self.by_policies(rules, current, now, |start, policy| {
            match policy.type_.as_str() {
                "Pods" => start.saturating_add(policy.value),
                _ => part(
                    start,
                    100_i64.saturating_add(policy.value.into()),
                    f64::ceil,
                ),
            }
        });
        match select(rules) {
            Select::Disabled => current,
            Select::Min => limits.into_iter().min().unwrap_or(i32::MAX),
            Select::Max => limits.into_iter().max().unwrap_or(i32::MAX),
        }
    }

    fn furthest_down(&self, rules: Option<&HPAScalingRules>, current: i32, now: Timestamp) -> i32 {
        let limits = self.by_policies(rules, current, now, |start, policy| {
            match policy.type_.as_str() {
                "Pods" => start.saturating_sub(policy.value),
                _ => part(
                    start,
                    100_i64.saturating_sub(policy.value.into()),
                    f64::trunc,
                ),
            }
        });
        match select(rules) {
            Select::Disabled => current,
            Select::Min => limits.into_iter().max().unwrap_or(i32::MIN),
            Select::Max => limits.into_iter().min().unwrap_or(i32::MIN),
        }
    }

    /// What each policy allows, from the size at the beginning of its period.
    fn by_policies(
        &self,
        rules: Option<&HPAScalingRules>,
        current: i32,
        now: Timestamp,
        limit: impl Fn(i32, &HPAScalingPolicy) -> i32,
    ) -> Vec<i32> {
        let changed = |changes: &[(Timestamp, i32)], period: SignedDuration| -> i32 {
            let recent = changes.iter().filter(|(at, _)| *at > now - period);
            recent.map(|(_, change)| change).sum()
        };
        let of = |policy: &HPAScalingPolicy| {
            let period = SignedDuration::from_secs(i64::from(policy.period_seconds));
            let start = current - changed(&self.added, period) + changed(&self.removed, period);
            limit(start, policy)
        };
        rules.into_iter().flat_map(policies).map(of).collect()
    }

    fn forget(&mut self, bounds: &Bounds<'_>, window: SignedDuration, now: Timestamp) {
        self.proposed.retain(|(at, _)| *at >= now - window);
        let longest = bounds.longest();
        for changes in [&mut self.added, &mut self.removed] {
            changes.retain(|(at, _)| *at >= now - longest);
        }
    }
}

enum Select {
    Max,
    Min,
    Disabled,
}

fn select(rules: Option<&HPAScalingRules>) -> Select {
    match rules.and_then(|it| it.select_policy.as_deref()) {
        Some("Disabled") => Select::Disabled,
        Some("Min") => Select::Min,
        _ => Select::Max,
    }
}

fn policies(rules: &HPAScalingRules) -> &[HPAScalingPolicy] {
    rules.policies.as_deref().unwrap_or_default()
}

/// So many percent of a size.
fn part(size: i32, percent: i64, round: fn(f64) -> f64) -> i32 {
    #[expect(clippy::cast_precision_loss, reason = "a percentage is a small number")]
    let part = f64::from(size) * (percent as f64 / 100.0);
    #[expect(clippy::cast_possible_truncation, reason = "a cast to i32 saturates")]
    let rounded = round(part) as i32;
    rounded
}
