//! Within which numbers of pods a rollout stays.

use k8s_openapi::api::apps::v1::DeploymentSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The size of a Deployment, and how far a rollout may leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Pods wanted.
    pub(super) desired: i32,
    /// Pods beyond those during a rollout.
    pub(super) surge: i32,
    /// Pods missing from those during a rollout.
    pub(super) unavailable: i32,
}

impl Bounds {
    pub(super) fn of(spec: &DeploymentSpec) -> Self {
        let desired = spec.replicas.unwrap_or(1);
        let strategy = spec.strategy.as_ref();
        let Some(rolling) = strategy.and_then(|it| it.rolling_update.as_ref()) else {
            return Self {
                desired,
                surge: 0,
                unavailable: 0,
            };
        };
        let surge = absolute(rolling.max_surge.as_ref(), desired, f64::ceil);
        let unavailable = absolute(rolling.max_unavailable.as_ref(), desired, f64::floor);
        Self {
            desired,
            surge,
            // Kubernetes: both 0 would never move, so one pod may be missing.
            unavailable: if surge == 0 && unavailable == 0 {
                desired.min(1)
            } else {
                unavailable.min(desired)
            },
        }
    }

    /// Pods there may be in all.
    pub(super) fn most(&self) -> i32 {
        self.desired.saturating_add(self.surge)
    }

    /// Pods that must stay available.
    pub(super) fn least(&self) -> i32 {
        self.desired.saturating_sub(self.unavailable)
    }
}

/// A number, or so many percent of `desired`; Kubernetes rounds a surge up and what may be missing down.
fn absolute(value: Option<&IntOrString>, desired: i32, round: fn(f64) -> f64) -> i32 {
    match value {
        None => 0,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(text)) => {
            let percent: f64 = text.trim_end_matches('%').parse().unwrap_or(0.0);
            #[expect(clippy::cast_possible_truncation, reason = "a cast to i32 saturates")]
            let rounded = round(f64::from(desired) * percent / 100.0) as i32;
            rounded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    fn bounds(desired: i32, surge: Value, unavailable: Value) -> (i32, i32) {
        let spec: DeploymentSpec = from_value(json!({
            "replicas": desired, "selector": {}, "template": {},
            "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
        }))
        .unwrap();
        let bounds = Bounds::of(&spec);
        (bounds.surge, bounds.unavailable)
    }

    #[test]
    fn percentages_round_up_for_the_surge_and_down_for_what_may_be_missing() {
        assert_eq!(bounds(3, json!("25%"), json!("25%")), (1, 0));
        assert_eq!(bounds(10, json!("25%"), json!("25%")), (3, 2));
        assert_eq!(bounds(3, json!(2), json!("100%")), (2, 3));
        assert_eq!(bounds(2, json!(0), json!(5)), (0, 2));
    }

    #[test]
    fn a_rollout_that_could_not_move_may_miss_one_pod() {
        assert_eq!(bounds(3, json!(0), json!(0)), (0, 1));
        assert_eq!(bounds(3, json!("0%"), json!("1%")), (0, 1));
    }
}
