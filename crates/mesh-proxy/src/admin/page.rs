//! An answer of the admin port.

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// An answer of the admin port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Status.
    pub status: u16,
    /// `content-type`.
    pub content_type: &'static str,
    /// Body.
    pub body: String,
}

const TEXT: &str = "text/plain; charset=UTF-8";
const JSON: &str = "application/json";

impl Page {
    pub(super) fn text(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            content_type: TEXT,
            body: body.into(),
        }
    }

    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self {
            content_type: JSON,
            ..Self::text(value.to_string())
        }
    }

    /// For people: indented.
    pub(super) fn indented(value: &serde_json::Value) -> Self {
        let mut bytes = Vec::new();
        let format = PrettyFormatter::with_indent(b" ");
        // Writing plain values to memory cannot fail.
        let _ = value.serialize(&mut Serializer::with_formatter(&mut bytes, format));
        let text = String::from_utf8_lossy(&bytes);
        Self {
            content_type: JSON,
            ..Self::text(text + "\n")
        }
    }

    /// Envoy: a wrong parameter is a 400.
    pub(super) fn refusal(body: &str) -> Self {
        Self::text(body).with(400)
    }

    pub(super) fn with(self, status: u16) -> Self {
        Self { status, ..self }
    }
}
