//! Events: what controllers and kubelets tell of the objects they work on.
//!
//! ```text
//! a component's reporter ── reason, message ──► correlator ──► a new Event, or a count on an old one
//! ```
//!
//! Kubernetes: every component correlates its own events before it writes them, and an event is
//! forgotten an hour after it was last written.

mod correlator;
mod expiry;
mod reference;

use std::sync::{Arc, Mutex};

use apiserver::resource::rows;
use apiserver::store::{Key, Part, Store};
use jiff::Timestamp;
use serde_json::{Value, json};

use correlator::{Correlator, Occurrence, Verdict};
use expiry::expired;
pub use reference::Reference;

use crate::objects;

/// Where the events of one cluster are recorded; a cheap handle.
#[derive(Clone)]
pub struct Recorder {
    store: Store,
    correlator: Arc<Mutex<Correlator>>,
}

/// Who tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Component {
    /// Name, as `kubelet`.
    pub name: &'static str,
    /// What runs it where there are several: a kubelet's node. Empty for controllers.
    pub instance: String,
    /// Which of the two shapes its events have.
    pub form: Form,
}

/// Kubernetes has two ways of writing an event; a component uses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `source`, first and last time and a count: controllers and kubelets.
    Core,
    /// `eventTime`, `action` and a series: the scheduler.
    Events,
}

/// A recorder in the name of one component.
#[derive(Clone)]
pub struct Reporter {
    recorder: Recorder,
    component: Component,
}

impl Recorder {
    /// A recorder into the store.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            correlator: Arc::default(),
        }
    }

    /// The reporter of a component that exists once in a cluster.
    pub fn controller(&self, name: &'static str) -> Reporter {
        self.reporter(name, String::new(), Form::Core)
    }

    /// The reporter of a node's kubelet.
    pub fn kubelet(&self, node: impl Into<String>) -> Reporter {
        self.reporter("kubelet", node.into(), Form::Core)
    }

    /// The scheduler's reporter.
    pub fn scheduler(&self) -> Reporter {
        let instance = "default-scheduler-0".to_owned();
        self.reporter("default-scheduler", instance, Form::Events)
    }

    /// Forgets what is too old, and the oldest beyond what a cluster keeps.
    pub fn expire(&self, now: Timestamp) {
        let events = self.store.list(&rows::EVENTS, None).items;
        for key in expired(&events, now) {
            // Somebody else may have deleted it meanwhile.
            let _ = self.store.delete(&key, &Default::default());
        }
    }

    fn reporter(&self, name: &'static str, instance: String, form: Form) -> Reporter {
        Reporter {
            recorder: self.clone(),
            component: Component {
                name,
                instance,
                form,
            },
        }
    }

    fn record(&self, occurrence: Occurrence, action: &str) {
        let now = self.store.now();
        let verdict = self
            .correlator
            .lock()
            .expect("no holder of this lock panics")
            .correlate(occurrence, now);
        match verdict {
            Verdict::Spam => {}
            Verdict::New { occurrence, name } => {
                let namespace = occurrence.object.event_namespace().to_owned();
                let event = event_of(&occurrence, &name, action, now);
                if let Err(error) = self.store.create(&rows::EVENTS, &namespace, event) {
                    // Kubernetes: an event of a namespace that is going is lost.
                    tracing::debug!(%error, "an event is not recorded");
                }
            }
            Verdict::Again {
                occurrence,
                name,
                count,
            } => {
                let key = Key::new(&rows::EVENTS, occurrence.object.event_namespace(), name);
                objects::change(&self.store, &key, Part::Main, |event| {
                    count_again(event, &occurrence, count, now);
                });
            }
        }
    }
}

impl Reporter {
    /// Tells that something went as it should.
    pub fn normal(&self, object: &Reference, reason: &'static str, message: impl Into<String>) {
        self.tell("Normal", object, reason, message.into(), "");
    }

    /// Tells that something is wrong.
    pub fn warning(&self, object: &Reference, reason: &'static str, message: impl Into<String>) {
        self.tell("Warning", object, reason, message.into(), "");
    }

    /// Tells what was attempted with which outcome, in the scheduler's form.
    pub fn attempt(
        &self,
        (kind, action): (&'static str, &'static str),
        object: &Reference,
        reason: &'static str,
        message: String,
    ) {
        self.tell(kind, object, reason, message, action);
    }

    fn tell(
        &self,
        kind: &'static str,
        object: &Reference,
        reason: &'static str,
        message: String,
        action: &str,
    ) {
        let occurrence = Occurrence {
            component: self.component.clone(),
            object: object.clone(),
            kind,
            reason,
            message,
            combined: false,
        };
        self.recorder.record(occurrence, action);
    }
}

fn event_of(occurrence: &Occurrence, name: &str, action: &str, now: Timestamp) -> Value {
    let mut event = json!({
        "metadata": {"name": name},
        "involvedObject": occurrence.object.to_value(),
        "reason": occurrence.reason,
        "message": occurrence.message,
        "type": occurrence.kind,
    });
    let Component {
        name,
        instance,
        form,
    } = &occurrence.component;
    let shape = match form {
        Form::Core => core_shape(name, instance, occurrence.combined, now),
        Form::Events => json!({
            "source": {},
            "firstTimestamp": null,
            "lastTimestamp": null,
            "eventTime": micros(now),
            "action": action,
            "reportingComponent": name,
            "reportingInstance": instance,
        }),
    };
    for (member, value) in shape.as_object().into_iter().flatten() {
        event[member] = value.clone();
    }
    event
}

fn core_shape(name: &str, instance: &str, combined: bool, now: Timestamp) -> Value {
    let now = seconds(now);
    let mut source = json!({"component": name});
    if !instance.is_empty() {
        source["host"] = json!(instance);
    }
    // Kubernetes: an event that stands for many says nothing of who reports it.
    let reported = |text: &str| {
        if combined {
            String::new()
        } else {
            text.to_owned()
        }
    };
    json!({
        "source": source,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "eventTime": null,
        "reportingComponent": reported(name),
        "reportingInstance": reported(instance),
    })
}

fn count_again(event: &mut Value, occurrence: &Occurrence, count: u32, now: Timestamp) {
    match occurrence.component.form {
        Form::Core => {
            // Kubernetes: an event that stands for several says the latest of them.
            event["message"] = json!(occurrence.message);
            event["count"] = json!(count);
            event["lastTimestamp"] = json!(seconds(now));
        }
        Form::Events => {
            event["series"] = json!({"count": count, "lastObservedTime": micros(now)});
        }
    }
}

fn seconds(at: Timestamp) -> String {
    format!("{at:.0}")
}

fn micros(at: Timestamp) -> String {
    format!("{at:.6}")
}

#[cfg(test)]
mod tests;
