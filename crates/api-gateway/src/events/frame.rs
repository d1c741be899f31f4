//! One event as bytes of `text/event-stream`.

use bytes::Bytes;
use serde::Serialize;

/// Version of the payloads' shape.
pub(super) const VERSION: u8 = 1;

/// A published event.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Answers told up to and with this event: the difference to another tells how many lie between.
    pub(super) answered: u64,
    /// The event as sent.
    pub(super) bytes: Bytes,
}

/// Where a viewer stopped reading: `<boot>-<seq>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventId {
    pub(super) boot: String,
    pub(super) seq: u64,
}

/// A payload with its version.
#[derive(Serialize)]
struct Versioned<'a, T> {
    v: u8,
    #[serde(flatten)]
    payload: &'a T,
}

impl EventId {
    /// Reads a `Last-Event-ID`; none where it is not one of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (boot, seq) = text.rsplit_once('-')?;
        Some(Self {
            boot: boot.to_owned(),
            seq: seq.parse().ok()?,
        })
    }
}

/// The bytes of an event with an id, so that a viewer can come back to it.
pub(super) fn event(boot: &str, seq: u64, name: &str, payload: &impl Serialize) -> Bytes {
    format!(
        "id: {boot}-{seq}\nevent: {name}\ndata: {}\n\n",
        json(payload)
    )
    .into()
}

/// The bytes of an event for one viewer, outside the sequence.
pub(super) fn aside(name: &str, payload: &impl Serialize) -> Bytes {
    format!("event: {name}\ndata: {}\n\n", json(payload)).into()
}

/// Compact JSON has no line break, which would end the `data` line.
fn json(payload: &impl Serialize) -> String {
    let versioned = Versioned {
        v: VERSION,
        payload,
    };
    serde_json::to_string(&versioned).expect("payloads are plain data with string keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Text {
        text: &'static str,
    }

    #[test]
    fn an_event_is_three_lines_whatever_its_text() {
        let bytes = event("b1", 7, "mesh", &Text { text: "a\nb" });
        assert_eq!(
            bytes,
            "id: b1-7\nevent: mesh\ndata: {\"v\":1,\"text\":\"a\\nb\"}\n\n"
        );
    }

    #[test]
    fn only_our_ids_are_understood() {
        let id = |boot: &str, seq| {
            Some(EventId {
                boot: boot.to_owned(),
                seq,
            })
        };
        let rows = [
            ("b1-7", id("b1", 7)),
            ("a-b-7", id("a-b", 7)),
            ("7", None),
            ("b1-x", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(EventId::parse(text), expected, "{text:?}");
        }
    }
}
