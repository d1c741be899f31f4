//! One column: what a client is told of it, and how its cell is made.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::age;
use crate::object;

/// One column of a table.
#[derive(Debug, Serialize)]
pub struct Column {
    name: &'static str,
    r#type: &'static str,
    format: &'static str,
    description: &'static str,
    priority: u8,
    #[serde(skip)]
    cell: fn(&Subject<'_>) -> Value,
}

/// The object of a row, and the moment the row is made.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The object as it is stored.
    pub object: &'a Value,
    /// What ages count to.
    pub now: Timestamp,
}

/// Kubernetes: what stands for a moment that is not known.
const UNKNOWN: &str = "<unknown>";
/// Go's zero time.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

pub(super) const NAME: Column = Column::text("Name", "Unique in its namespace.", |subject| {
    subject.text(&["metadata", "name"]).into()
})
.format("name");

pub(super) const AGE: Column = Column::text("Age", "How long ago it was created.", |subject| {
    subject.since(&["metadata", "creationTimestamp"]).into()
});

const CREATED_AT: Column = Column::text("Created At", "When it was created.", |subject| {
    let created = subject.text(&["metadata", "creationTimestamp"]);
    if created.is_empty() { NO_TIME } else { created }.into()
})
.of("date");

pub(super) static NAME_AND_AGE: &[Column] = &[NAME, AGE];
pub(super) static NAME_AND_CREATION: &[Column] = &[NAME, CREATED_AT];

impl Column {
    /// A column that is always shown; its cells may be numbers all the same.
    pub(super) const fn text(
        name: &'static str,
        description: &'static str,
        cell: fn(&Subject<'_>) -> Value,
    ) -> Self {
        Self {
            name,
            r#type: "string",
            format: "",
            description,
            priority: 0,
            cell,
        }
    }

    pub(super) const fn of(self, r#type: &'static str) -> Self {
        Self { r#type, ..self }
    }

    pub(super) const fn format(self, format: &'static str) -> Self {
        Self { format, ..self }
    }

    /// Shown by `-o wide` only.
    pub(super) const fn wide(self) -> Self {
        Self {
            priority: 1,
            ..self
        }
    }

    /// Whether this column names the object.
    pub fn is_name(&self) -> bool {
        self.format == "name"
    }

    /// The cell of an object.
    pub fn cell(&self, subject: &Subject<'_>) -> Value {
        (self.cell)(subject)
    }
}

impl<'a> Subject<'a> {
    pub(super) fn at(&self, path: &[&str]) -> Option<&'a Value> {
        object::at(self.object, path)
    }

    /// The text at a path; empty where there is none.
    pub(super) fn text(&self, path: &[&str]) -> &'a str {
        object::text(self.object, path)
    }

    /// The text at a path, or what stands for none.
    pub(super) fn text_or(&self, path: &[&str], none: &'a str) -> &'a str {
        or(self.text(path), none)
    }

    /// The number at a path; 0 where there is none.
    pub(super) fn number(&self, path: &[&str]) -> i64 {
        self.at(path).and_then(Value::as_i64).unwrap_or(0)
    }

    pub(super) fn items(&self, path: &[&str]) -> &'a [Value] {
        items(self.object, path)
    }

    pub(super) fn members(&self, path: &[&str]) -> Option<&'a Map<String, Value>> {
        self.at(path)?.as_object()
    }

    /// How long ago the moment at a path was.
    pub(super) fn since(&self, path: &[&str]) -> String {
        self.since_moment(self.text(path))
            .unwrap_or_else(|| UNKNOWN.to_owned())
    }

    pub(super) fn since_moment(&self, moment: &str) -> Option<String> {
        age::since(moment, self.now)
    }
}

/// The list at a path; empty where there is none.
pub(super) fn items<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    object::at(value, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The text, or what stands for an empty one.
pub(super) fn or<'a>(text: &'a str, none: &'a str) -> &'a str {
    if text.is_empty() { none } else { text }
}
