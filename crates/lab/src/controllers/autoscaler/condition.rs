//! The conditions of an autoscaler.

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Whether the target's size can be read and written.
pub(super) const ABLE: &str = "AbleToScale";
/// Whether a size can be computed.
pub(super) const ACTIVE: &str = "ScalingActive";
/// Whether the computed size lies outside of what is allowed.
pub(super) const LIMITED: &str = "ScalingLimited";

/// Sets a condition in its place; Kubernetes: a transition is a change of the status alone.
pub(super) fn set(
    status: &mut HorizontalPodAutoscalerStatus,
    kind: &str,
    holds: bool,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let holds = if holds { "True" } else { "False" };
    let conditions = status.conditions.get_or_insert_default();
    let position = conditions.iter().position(|it| it.type_ == kind);
    let position = position.unwrap_or_else(|| {
        conditions.push(HorizontalPodAutoscalerCondition {
            type_: kind.to_owned(),
            ..Default::default()
        });
        conditions.len() - 1
    });
    let condition = &mut conditions[position];
    if condition.status != holds {
        let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
        condition.last_transition_time = Some(Time(second));
    }
    condition.status = holds.to_owned();
    condition.reason = Some(reason.to_owned());
    condition.message = Some(message.to_owned());
}
