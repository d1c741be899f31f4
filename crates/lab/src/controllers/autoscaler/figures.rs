//! What pods use, read from the answers of `kubectl top`.

use std::collections::BTreeMap;

use apimachinery::quantity::Quantity;
use apiserver::object;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// What the pods of a namespace use, by name.
pub(super) type Figures = BTreeMap<String, PodFigures>;

/// What one pod uses.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PodFigures {
    /// By container, then by resource, in thousandths.
    pub(super) containers: BTreeMap<String, BTreeMap<String, i64>>,
    /// When it was measured.
    pub(super) at: Timestamp,
    /// Over which time.
    pub(super) window: SignedDuration,
}

/// Reads `PodMetrics`; what cannot be read is as good as not measured.
pub(super) fn read(metrics: &[Value], namespace: &str) -> Figures {
    let here = metrics
        .iter()
        .filter(|it| object::namespace(it) == namespace);
    here.filter_map(|it| Some((object::name(it).to_owned(), of_pod(it)?)))
        .collect()
}

fn of_pod(metrics: &Value) -> Option<PodFigures> {
    let containers = metrics["containers"].as_array()?.iter().map(|container| {
        let usage = container["usage"].as_object().into_iter().flatten();
        let usage = usage.filter_map(|(resource, amount)| {
            Some((resource.clone(), thousandths(amount.as_str()?)?))
        });
        let name = object::text(container, &["name"]);
        (name.to_owned(), usage.collect())
    });
    let window = object::text(metrics, &["window"]);
    let window: f64 = window.trim_end_matches('s').parse().ok()?;
    Some(PodFigures {
        containers: containers.collect(),
        at: object::text(metrics, &["timestamp"]).parse().ok()?,
        window: SignedDuration::try_from_secs_f64(window).ok()?,
    })
}

/// An amount in thousandths, as autoscalers count.
pub(super) fn thousandths(text: &str) -> Option<i64> {
    i64::try_from(Quantity::parse(text)?.thousandths()).ok()
}
