//! Columns of events.

use super::column::{Column, NAME, Subject, or};

pub(super) static COLUMNS: &[Column] = &[
    Column::text("Last Seen", "How long ago it happened last.", |event| {
        last_seen(event).into()
    }),
    Column::text("Type", "Normal or Warning.", |event| {
        event.text(&["type"]).into()
    }),
    Column::text("Reason", "In one word.", |event| {
        event.text(&["reason"]).into()
    }),
    Column::text("Object", "What it happened to.", |event| {
        object(event).into()
    }),
    Column::text("Subobject", "Which part of the object.", |event| {
        event.text(&["involvedObject", "fieldPath"]).into()
    })
    .wide(),
    Column::text("Source", "Who reports it.", |event| source(event).into()).wide(),
    Column::text("Message", "In a sentence.", |event| {
        event.text(&["message"]).trim().into()
    }),
    Column::text("First Seen", "How long ago it happened first.", |event| {
        first_seen(event).into()
    })
    .wide(),
    Column::text("Count", "How often it happened.", |event| {
        count(event).into()
    })
    .wide(),
    NAME.wide(),
];

fn first_seen(event: &Subject<'_>) -> String {
    event
        .since_moment(event.text(&["firstTimestamp"]))
        .unwrap_or_else(|| event.since(&["eventTime"]))
}

/// Kubernetes: a series tells itself; what happened once was last seen when it was first seen.
fn last_seen(event: &Subject<'_>) -> String {
    if event.members(&["series"]).is_some() {
        return event.since(&["series", "lastObservedTime"]);
    }
    event
        .since_moment(event.text(&["lastTimestamp"]))
        .unwrap_or_else(|| first_seen(event))
}

fn count(event: &Subject<'_>) -> i64 {
    if event.members(&["series"]).is_some() {
        event.number(&["series", "count"])
    } else {
        event.number(&["count"]).max(1)
    }
}

fn object(event: &Subject<'_>) -> String {
    let kind = event.text(&["involvedObject", "kind"]).to_lowercase();
    match event.text(&["involvedObject", "name"]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

fn source(event: &Subject<'_>) -> String {
    let component = or(
        event.text(&["source", "component"]),
        event.text(&["reportingComponent"]),
    );
    match or(
        event.text(&["source", "host"]),
        event.text(&["reportingInstance"]),
    ) {
        "" => component.to_owned(),
        instance => format!("{component}, {instance}"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use crate::resource::rows;
    use crate::table::cells;

    #[test]
    fn a_series_tells_when_it_was_last_seen_and_how_often() {
        let event = json!({
            "metadata": {"name": "e"}, "type": "Warning", "reason": "BackOff", "message": " x\n",
            "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"},
            "eventTime": "1970-01-01T00:00:10.000000Z", "reportingComponent": "kubelet",
            "reportingInstance": "n1",
            "series": {"count": 7, "lastObservedTime": "1970-01-01T00:01:00.000000Z"},
        });
        let cells = cells(&rows::EVENTS, &event, Timestamp::from_second(70).unwrap());
        let expected = json!([
            "10s",
            "Warning",
            "BackOff",
            "pod/p",
            "spec.containers{c}",
            "kubelet, n1",
            "x",
            "60s",
            7,
            "e"
        ]);
        assert_eq!(serde_json::Value::from(cells), expected);
    }
}
