//! One change of one object.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::object::{self, Versioned};
use crate::resource::Resource;

/// What happened to an object, as a watcher sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    /// It is new, or newly selected.
    Added,
    /// It changed and was selected before.
    Modified,
    /// It is gone, or no longer selected.
    Deleted,
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
    version: &'static str,
    text: Bytes,
}

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

    /// The event as one line of a watch in `version` of the resource. An object that only left the
    /// selection is shown as it was, with the resourceVersion of the change.
    pub fn line(&self, seen: EventType, version: &'static str) -> Bytes {
        let mut lines = self.lines.lock().expect("writing a line does not panic");
        if let Some(line) = lines
            .iter()
            .find(|line| line.seen == seen && line.version == version)
        {
            return line.text.clone();
        }
        let api_version = self.resource.api_version(version);
        let text = match (&self.previous, seen, self.kind) {
            (Some(previous), EventType::Deleted, EventType::Modified) => watch_line(
                seen,
                &at_version(Value::clone(previous), self.resource_version),
                &api_version,
            ),
            _ => watch_line(seen, &self.object, &api_version),
        };
        lines.push(Line {
            seen,
            version,
            text: text.clone(),
        });
        text
    }

    /// Roughly the memory this event keeps alive, in bytes; the object before the change belongs to
    /// an earlier event, and a line is small beside the object it was written from.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + object::approximate_bytes(&self.object)
    }
}

/// `{"type":…,"object":…}` and a line feed.
pub(crate) fn watch_line(seen: EventType, object: &Value, api_version: &str) -> Bytes {
    #[derive(Serialize)]
    struct Shape<'a> {
        r#type: EventType,
        object: Versioned<'a>,
    }
    let shape = Shape {
        r#type: seen,
        object: Versioned::new(object, api_version),
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
