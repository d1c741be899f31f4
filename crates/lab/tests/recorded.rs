//! A recorded run of real controllers, played again with the lab's: every write of a Deployment,
//! ReplicaSet, Pod, EndpointSlice and Event that they made of the same commands, pods that became
//! ready in the same order, and the whole objects at several moments. What differs on purpose is a
//! row of `data/recorded/deviations.yaml` with its reason; a row that no longer differs fails.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "recorded/deviations.rs"]
mod deviations;
#[path = "recorded/fields.rs"]
mod fields;
#[path = "recorded/names.rs"]
mod names;
#[path = "recorded/play.rs"]
mod play;
#[path = "recorded/row.rs"]
mod row;
#[path = "recorded/script.rs"]
mod script;
#[path = "recorded/stage.rs"]
mod stage;

use apiserver::resource::{ALL, Resource, rows};
use apiserver::store::Part;
use deviations::{Comparison, Deviations};
use play::Play;
use serde::Deserialize;
use serde_json::{Value, json};
use stage::{NAMESPACE, Stage};

/// The least share that must be equal, in percent.
const EQUAL: usize = 95;

/// A whole object of the recording.
#[derive(Deserialize)]
struct Moment {
    moment: String,
    /// The row before which it was read.
    before: usize,
    kind: String,
    object: Value,
}

#[test]
fn controllers_write_what_real_ones_wrote() {
    let recorded: Vec<Value> =
        serde_json::from_str(include_str!("data/recorded/trace.json")).unwrap();
    let moments: Vec<Moment> =
        serde_json::from_str(include_str!("data/recorded/objects.json")).unwrap();
    let reasons = Deviations::read();
    let mut objects = Comparison::default();
    let mut play = Play::begin(&recorded);
    for (number, row) in recorded.iter().enumerate() {
        for moment in moments.iter().filter(|it| it.before == number) {
            compare_moment(&mut objects, &play, moment);
        }
        play.play(number, row);
    }
    play.end();
    play.writes().judge("writes", &reasons.writes);
    objects.judge("fields", &reasons.fields);
    let events = compare_events(&play);
    events.judge("events", &reasons.events);
    let counts = [play.writes(), &objects, &events].map(Comparison::counted);
    let equal: usize = counts.iter().map(|(equal, _)| equal).sum();
    let all: usize = counts.iter().map(|(_, all)| all).sum();
    assert!(equal * 100 >= all * EQUAL, "equal {equal} of {all}");
    assert_eq!(
        play.contrary(),
        Vec::<Value>::new(),
        "ours alone told of these"
    );
}

fn compare_moment(objects: &mut Comparison, play: &Play, moment: &Moment) {
    let recorded = moment.object["metadata"]["name"].as_str().unwrap();
    let name = play.name_of(&moment.kind, recorded);
    let ours = play.stage.get(resource(&moment.kind), &name);
    let ours = play.names.translate(&ours);
    let mut ours = ours;
    if moment.object["status"].is_null() {
        ours.as_object_mut().unwrap().remove("status");
    }
    let name = format!("{}:", moment.moment);
    fields::compare(objects, &name, &moment.object, &ours);
}

fn resource(kind: &str) -> &'static Resource {
    ALL.iter().find(|row| row.kind == kind).unwrap()
}

/// Every different event of the recording, with the one of ours that tells the same of the same.
fn compare_events(play: &Play) -> Comparison {
    let recorded: Vec<Value> =
        serde_json::from_str(include_str!("data/recorded/events.json")).unwrap();
    let ours = play.stage.store.list(&rows::EVENTS, Some(NAMESPACE)).items;
    let ours: Vec<Value> = ours.iter().map(|it| play.names.translate(it)).collect();
    let mut comparison = Comparison::default();
    for event in recorded {
        let same = |it: &&Value| {
            let about = |event: &Value| event["involvedObject"]["name"].clone();
            about(it) == about(&event) && told(it) == told(&event)
        };
        let name = format!("{} {}", event["involvedObject"]["name"], told(&event));
        let Some(found) = ours.iter().find(same) else {
            comparison.note(name, Some("told of by none of ours".into()));
            continue;
        };
        let mut parts = Comparison::default();
        fields::compare(&mut parts, "", &shape(event), &shape(found.clone()));
        comparison.note(name, parts.difference());
    }
    comparison
}

fn told(event: &Value) -> String {
    let row = json!({"kind": "Event", "reason": event["reason"], "message": event["message"]});
    let row = row::comparable(&row);
    format!("{} {}", row["reason"], row["message"])
}

/// An event without its name, and without how often and when it was told, which depends on speed.
fn shape(mut event: Value) -> Value {
    let members = event.as_object_mut().unwrap();
    for member in ["metadata", "message", "count", "series"] {
        members.remove(member);
    }
    for member in ["firstTimestamp", "lastTimestamp", "eventTime"] {
        if members.get(member).is_some_and(Value::is_string) {
            members.insert(member.to_owned(), json!("TIME"));
        }
    }
    event
}

#[test]
fn a_paused_deployment_says_what_a_real_one_says() {
    let recorded: Vec<Value> =
        serde_json::from_str(include_str!("data/recorded/pause.json")).unwrap();
    let mut stage = Stage::set();
    stage.enter("pz");
    stage.settle();
    run_pods(&mut stage);
    let mut comparison = Comparison::default();
    for moment in recorded {
        let after = moment["after"].as_str().unwrap();
        stage.change(&rows::DEPLOYMENTS, "pz", Part::Main, |object| match after {
            "rollout pause" => object["spec"]["paused"] = json!(true),
            "set image while paused" => {
                object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("echo:2.0");
            }
            "rollout resume (at once)" => object["spec"]["paused"] = json!(false),
            _ => {}
        });
        stage.settle();
        run_pods(&mut stage);
        let mut recorded = moment.clone();
        recorded.as_object_mut().unwrap().remove("after");
        fields::compare(
            &mut comparison,
            after,
            &without_hash(&recorded),
            &said(&stage),
        );
    }
    comparison.judge("pause and resume", &Deviations::read().pause);
}

/// What the recording kept of the paused Deployment.
fn said(stage: &Stage) -> Value {
    let object = stage.get(&rows::DEPLOYMENTS, "pz");
    let conditions = object["status"]["conditions"].as_array().unwrap().iter();
    let conditions = conditions.map(|it| {
        let text = |member: &str| it[member].as_str().unwrap().to_owned();
        let told = format!("{} {}: {}", text("status"), text("reason"), text("message"));
        (text("type"), json!(told))
    });
    let said = json!({
        "generation": object["metadata"]["generation"],
        "observedGeneration": object["status"]["observedGeneration"],
        "annotations": object["metadata"]["annotations"],
        "conditions": conditions.collect::<serde_json::Map<_, _>>(),
    });
    without_hash(&said)
}

fn without_hash(value: &Value) -> Value {
    let hash = regex::Regex::new(r"pz-[0-9a-z]+").unwrap();
    serde_json::from_str(&hash.replace_all(&value.to_string(), "pz-HASH")).unwrap()
}

/// Lets every pod become ready, as often as others follow.
fn run_pods(stage: &mut Stage) {
    for _ in 0..4 {
        for pod in stage.store.list(&rows::PODS, Some(NAMESPACE)).items {
            let name = apiserver::object::name(&pod).to_owned();
            match apiserver::object::is_terminating(&pod) {
                true => script::end(stage, &name),
                false => {
                    script::report(stage, &name, &json!({"phase": "Running", "ready": "True"}))
                }
            }
        }
        stage.settle();
    }
}
