//! Conditions of a pod, with the moment at which each became what it is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ContainerView, View};

/// Since when each condition is as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Transitions(BTreeMap<&'static str, (bool, String)>);

/// Whether a condition holds, else reason and message.
type Holds = Result<(), (&'static str, String)>;

/// The kubelet's own conditions in its order, then those of others (the scheduler's, readiness
/// gates) as they are in the old status.
pub(super) fn all(view: &mut View, old: &Value, now: &str) -> Vec<Value> {
    let ready = ready(view);
    let own: [(&'static str, Holds); 4] = [
        ("PodReadyToStartContainers", Ok(())),
        ("Initialized", initialized(view)),
        ("Ready", ready.clone()),
        ("ContainersReady", ready),
    ];
    let generation = view.generation;
    let mut conditions: Vec<Value> = own
        .into_iter()
        .map(|(kind, holds)| {
            let since = view.transitions.since(kind, holds.is_ok(), now);
            condition(kind, &holds, &since, generation)
        })
        .collect();
    let known = |it: &Value| conditions.iter().any(|own| own["type"] == it["type"]);
    let others = old["conditions"].as_array().into_iter().flatten();
    let others: Vec<Value> = others.filter(|it| !known(it)).cloned().collect();
    if !others.iter().any(|it| it["type"] == "PodScheduled") {
        let since = view.since.clone();
        conditions.push(condition("PodScheduled", &Ok(()), &since, generation));
    }
    conditions.extend(others.into_iter().map(scheduled_by_now));
    conditions
}

/// A pod that the kubelet has is scheduled, whatever was said while it was not.
fn scheduled_by_now(mut condition: Value) -> Value {
    if condition["type"] == "PodScheduled"
        && condition["status"] != "True"
        && let Some(members) = condition.as_object_mut()
    {
        members.insert("status".into(), "True".into());
        members.remove("reason");
        members.remove("message");
    }
    condition
}

fn initialized(view: &View) -> Holds {
    if view.is_initialized() {
        return Ok(());
    }
    let waiting = view.init.iter().filter(|it| !it.is_done());
    Err((
        "ContainersNotInitialized",
        format!("containers with incomplete status: [{}]", names(waiting)),
    ))
}

fn ready(view: &View) -> Holds {
    match view.phase() {
        "Succeeded" => return Err(("PodCompleted", String::new())),
        "Failed" => return Err(("PodFailed", String::new())),
        _ => {}
    }
    let mut unready = view.main.iter().filter(|it| !it.is_ready()).peekable();
    if unready.peek().is_none() {
        return Ok(());
    }
    Err((
        "ContainersNotReady",
        format!("containers with unready status: [{}]", names(unready)),
    ))
}

fn names<'a>(containers: impl Iterator<Item = &'a ContainerView>) -> String {
    let names: Vec<&str> = containers.map(|it| it.name.as_str()).collect();
    names.join(" ")
}

fn condition(kind: &str, holds: &Holds, since: &str, generation: i64) -> Value {
    let mut condition = json!({
        "type": kind,
        "observedGeneration": generation,
        "status": if holds.is_ok() { "True" } else { "False" },
        "lastProbeTime": null,
        "lastTransitionTime": since,
    });
    if let Err((reason, message)) = holds {
        condition["reason"] = json!(reason);
        if !message.is_empty() {
            condition["message"] = json!(message);
        }
    }
    condition
}

impl Transitions {
    fn since(&mut self, kind: &'static str, holds: bool, now: &str) -> String {
        let entry = self
            .0
            .entry(kind)
            .or_insert_with(|| (holds, now.to_owned()));
        if entry.0 != holds {
            *entry = (holds, now.to_owned());
        }
        entry.1.clone()
    }
}
