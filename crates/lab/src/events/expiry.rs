//! Which events are forgotten, decided purely.

use std::sync::Arc;

use apiserver::resource::rows;
use apiserver::store::Key;
use jiff::Timestamp;
use serde_json::Value;

/// Kubernetes: the API server's `--event-ttl`, in seconds.
const TTL: i64 = 3_600;
/// Events a cluster of the lab keeps.
const KEPT: usize = 5_000;

/// The keys of the events to forget.
pub(super) fn expired(events: &[Arc<Value>], now: Timestamp) -> Vec<Key> {
    let mut dated: Vec<_> = events.iter().map(|event| (last(event), event)).collect();
    let surplus = dated.len().saturating_sub(KEPT);
    if surplus > 0 {
        dated.sort_by_key(|(last, _)| *last);
    }
    let old = |last: Timestamp| now.duration_since(last).as_secs() >= TTL;
    dated
        .into_iter()
        .enumerate()
        .filter(|(index, (last, _))| *index < surplus || old(*last))
        .map(|(_, (_, event))| Key::of(&rows::EVENTS, event))
        .collect()
}

/// When the event was last written; one without any readable time counts as the oldest.
fn last(event: &Value) -> Timestamp {
    let times = [
        &event["series"]["lastObservedTime"],
        &event["lastTimestamp"],
        &event["eventTime"],
        &event["metadata"]["creationTimestamp"],
    ];
    let mut readable = times.into_iter().filter_map(|it| it.as_str()?.parse().ok());
    readable.next().unwrap_or(Timestamp::MIN)
}
