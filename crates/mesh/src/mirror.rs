//! Copies of requests.

use std::sync::Arc;

use crate::fault::Chance;
use crate::model::HttpRoute;

/// A cluster that gets copies of a route's requests; it need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Name of the cluster.
    pub cluster: Arc<str>,
    /// The share of the requests that is copied.
    pub chance: Chance,
}

/// The share of a rule's `mirror`; none where nothing is copied.
///
/// Istio: without a percentage everything is copied, 0 written is none at all.
pub(crate) fn share(rule: &HttpRoute) -> Option<Chance> {
    let chance = match (rule.mirror_percentage, rule.mirror_percent) {
        (Some(percentage), _) => Chance::percent(percentage.value),
        (None, Some(percent)) => Chance::whole(percent),
        (None, None) => Chance::ALWAYS,
    };
    Some(chance).filter(|chance| chance.numerator > 0)
}

/// The same for one of its `mirrors`.
pub(crate) fn share_of(mirror: &crate::model::Mirror) -> Option<Chance> {
    let percentage = mirror.percentage;
    let chance = percentage.map_or(Chance::ALWAYS, |percent| Chance::percent(percent.value));
    Some(chance).filter(|chance| chance.numerator > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn percent_of(rule: Value) -> Option<f64> {
        let rule: HttpRoute = serde_json::from_value(rule).unwrap();
        share(&rule).map(Chance::as_percent)
    }

    #[test]
    fn the_new_percentage_goes_before_the_old_one_and_none_is_everything() {
        let rows = [
            (json!({}), Some(100.0)),
            (json!({"mirrorPercentage": {"value": 50}}), Some(50.0)),
            (
                json!({"mirrorPercentage": {"value": 5}, "mirrorPercent": 7}),
                Some(5.0),
            ),
            (json!({"mirrorPercent": 7}), Some(7.0)),
            (json!({"mirror_percent": 7}), Some(7.0)),
            (json!({"mirrorPercent": 0}), None),
            (json!({"mirrorPercentage": {"value": 0}}), None),
            (json!({"mirrorPercentage": {}}), None),
        ];
        for (rule, expected) in rows {
            assert_eq!(percent_of(rule.clone()), expected, "{rule}");
        }
    }

    #[test]
    fn each_of_several_mirrors_has_its_own_share() {
        let rows = [
            (json!({}), Some(100.0)),
            (json!({"percentage": {"value": 0.5}}), Some(0.5)),
            (json!({"percentage": {"value": 0}}), None),
        ];
        for (mirror, expected) in rows {
            let parsed: crate::model::Mirror = serde_json::from_value(mirror.clone()).unwrap();
            assert_eq!(
                share_of(&parsed).map(Chance::as_percent),
                expected,
                "{mirror}"
            );
        }
    }
}
