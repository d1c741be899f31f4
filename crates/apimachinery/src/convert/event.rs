//! Events of the core group, which are stored, and of `events.k8s.io`.

use serde_json::Value;

use super::rename;

/// Names in the core group and in `events.k8s.io`.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

pub(super) fn to_events_group(event: &mut Value) {
    rename(event, &NAMES);
}

pub(super) fn to_core(event: &mut Value) {
    rename(event, &NAMES.map(|(core, events)| (events, core)));
}
