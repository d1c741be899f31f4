//! One change of one object.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::object;
use crate::resource::Resource;
use crate::view::{Shown, View};

/// What happened to an object, as a watcher sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    /// It is new, or newly selected.
    Added,
    /// It changed and was selected before.
    Modified,
    /// It is gone, or no longer selected.
    Deleted,
}

impl EventType {
    /// As a line of a watch has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One change of one object; every resourceVersion has exactly one.
#[derive(Debug)]
pub struct Event {
    /// What happened to the object itself.
    pub kind: EventType,
    /// Its resource.
    pub resource: &'static Resource,
    /// The object after the change; of a deleted one the last state, with this resourceVersion.
    pub object: Arc<Value>,
    /// The object before the change; none for a new one.
    pub previous: Option<Arc<Value>>,
    /// The version the change made.
    pub resource_version: u64,
    /// Lines already written, so that many watchers of one event share one serialization.
    lines: Mutex<Vec<Line>>,
}

#[derive(Debug)]
struct Line {
    seen: EventType,
    view: View,
    columns: bool,
    text: Bytes,
}

/// Lines kept of one event. Watchers ask for two or three forms at a time; whoever comes with a
/// fifth has its line written anew, so that an event cannot grow.
const LINES: usize = 4;

impl Event {
    pub(super) fn new(
        kind: EventType,
        resource: &'static Resource,
        object: Arc<Value>,
        previous: Option<Arc<Value>>,
        resource_version: u64,
    ) -> Self {
        Self {
            kind,
            resource,
            object,
            previous,
            resource_version,
            lines: Mutex::default(),
        }
    }

    /// What a watcher who selects by `matches` sees; `None` when it is none of its business.
    /// Kubernetes: an object that enters or leaves the selection is added or deleted.
    pub fn seen_by(&self, matches: impl Fn(&Value) -> bool) -> Option<EventType> {
        let before = self.previous.as_deref().is_some_and(&matches);
        let after = self.kind != EventType::Deleted && matches(&self.object);
        match (before, after) {
            (false, true) => Some(EventType::Added),
            (true, true) => Some(EventType::Modified),
            (true, false) => Some(EventType::Deleted),
            (false, false) => None,
        }
    }

    /// The event as one line of a watch, as one view has it; a table names its `columns` or not.
    /// An object that only left the selection is shown as it was, with the resourceVersion of the
    /// change. Ages are of the moment the line was first written.
    pub fn line(&self, seen: EventType, view: &View, columns: bool, now: Timestamp) -> Bytes {
        let mut lines = self.lines.lock().expect("writing a line does not panic");
        let is_this = |line: &&Line| (line.seen, &line.view, line.columns) == (seen, view, columns);
        if let Some(line) = lines.iter().find(is_this) {
            return line.text.clone();
        }
        let text = match (&self.previous, seen, self.kind) {
            (Some(previous), EventType::Deleted, EventType::Modified) => {
                let left = at_version(Value::clone(previous), self.resource_version);
                watch_line(seen.name(), &left, view, columns, now)
            }
            _ => watch_line(seen.name(), &self.object, view, columns, now),
        };
        if lines.len() < LINES {
            lines.push(Line {
                seen,
                view: *view,
                columns,
                text: text.clone(),
            });
        }
        text
    }

    /// Drops the lines written so far; whoever still comes has its own written.
    pub(super) fn forget_lines(&self) {
        self.lines
            .lock()
            .expect("writing a line does not panic")
            .clear();
    }

    #[cfg(test)]
    pub(super) fn lines(&self) -> usize {
        self.lines
            .lock()
            .expect("writing a line does not panic")
            .len()
    }

    /// Roughly the memory this event keeps alive, in bytes; the object before the change belongs to
    /// an earlier event, and only the newest events have lines.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + object::approximate_bytes(&self.object)
    }
}

/// `{"type":…,"object":…}` and a line feed.
pub(crate) fn watch_line(
    r#type: &'static str,
    object: &Value,
    view: &View,
    columns: bool,
    now: Timestamp,
) -> Bytes {
    #[derive(Serialize)]
    struct Shape<'a> {
        r#type: &'static str,
        object: Shown<'a>,
    }
    let object = view.show(object, now);
    let shape = Shape {
        r#type,
        object: if columns {
            object
        } else {
            object.without_columns()
        },
    };
    let mut line = serde_json::to_vec(&shape).expect("a JSON value always serializes");
    line.push(b'\n');
    line.into()
}

/// The object under another resourceVersion.
pub(super) fn at_version(mut object: Value, version: u64) -> Value {
    object::metadata_mut(&mut object).insert("resourceVersion".into(), version.to_string().into());
    object
}
