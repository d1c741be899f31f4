//! Server-side apply, step by step as a real API server 1.35 answered it.

use std::sync::Arc;

use apiserver::admission::AdmitAll;
use apiserver::resource::rows;
use apiserver::store::{RingLimits, Source, Store, SystemSource};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Server;

/// A clock that stands still: owners sort by time first, so that then their names decide.
struct Still;

impl Source for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_900_000_000).unwrap()
    }

    fn uuid(&self) -> Uuid {
        SystemSource.uuid()
    }
}

/// Members that the recorded server filled in and this one, without its caller's rules, does not.
const DEFAULTED: [&str; 21] = [
    "clusterIP",
    "clusterIPs",
    "dnsPolicy",
    "imagePullPolicy",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "progressDeadlineSeconds",
    "protocol",
    "resources",
    "restartPolicy",
    "revisionHistoryLimit",
    "schedulerName",
    "securityContext",
    "sessionAffinity",
    "strategy",
    "targetPort",
    "terminationGracePeriodSeconds",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "type",
];

/// Differences that are right: what, and why.
const DEVIATIONS: [(&str, &str); 2] = [
    (
        "kube-controller-manager",
        "controllers write past the API and own nothing, so neither their entry nor their annotation is there",
    ),
    ("status", "no controller runs here"),
];

fn server() -> Server {
    let store = Store::new(Arc::new(Still), RingLimits::default());
    let server = Server::over(store, Arc::new(AdmitAll));
    let namespace = json!({"metadata": {"name": "b-ssa"}});
    server
        .store
        .create(&rows::NAMESPACES, "", namespace)
        .unwrap();
    server
}

fn recorded() -> Value {
    serde_json::from_str(include_str!("../data/apply.json")).unwrap()
}

/// An object as it can be compared: without what differs from run to run.
fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    for owner in object["metadata"]["managedFields"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        owner.as_object_mut().unwrap().remove("time");
    }
    let metadata = object["metadata"].as_object_mut().unwrap();
    for member in ["uid", "resourceVersion", "creationTimestamp"] {
        metadata.remove(member);
    }
    object
}

/// What was recorded, without what others did to the object.
fn without_deviations(recorded: &Value) -> Value {
    let mut object = comparable(recorded);
    object.as_object_mut().unwrap().remove(DEVIATIONS[1].0);
    let metadata = object["metadata"].as_object_mut().unwrap();
    if let Some(Value::Array(owners)) = metadata.get_mut("managedFields") {
        let before = owners.len();
        owners.retain(|owner| owner["manager"] != DEVIATIONS[0].0);
        if owners.len() != before {
            metadata.remove("annotations");
        }
    }
    object
}

fn without_defaults(recorded: &mut Value, found: &Value) {
    match (recorded, found) {
        (Value::Object(recorded), Value::Object(found)) => {
            recorded
                .retain(|name, _| found.contains_key(name) || !DEFAULTED.contains(&name.as_str()));
            for (name, value) in recorded {
                without_defaults(value, found.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(recorded), Value::Array(found)) => {
            recorded
                .iter_mut()
                .zip(found)
                .for_each(|(recorded, found)| without_defaults(recorded, found));
        }
        _ => {}
    }
}

/// Causes stand in the order of a hash map on a real server.
fn sorted_causes(status: &Value) -> Value {
    let mut status = status.clone();
    if let Some(causes) = status["details"]["causes"].as_array_mut() {
        causes.sort_by_key(Value::to_string);
    }
    status
}

async fn step(server: &Server, path: &str, step: &Value) -> Result<(), String> {
    let text = |member: &str| step[member].as_str().unwrap();
    let path = format!("{path}?{}", text("query"));
    let answer = server
        .send_json(
            text("method"),
            &path,
            text("contentType"),
            step["body"].clone(),
        )
        .await;
    let found = answer.json();
    let (found, expected) = if step["status"].is_null() {
        let found = comparable(&found);
        let mut expected = without_deviations(&step["object"]);
        without_defaults(&mut expected, &found);
        (without_deviations(&found), expected)
    } else {
        (sorted_causes(&found), sorted_causes(&step["status"]))
    };
    if u64::from(answer.code.as_u16()) == step["code"].as_u64().unwrap() && found == expected {
        return Ok(());
    }
    Err(format!(
        "{path}\nfound:    {} {found}\nrecorded: {} {expected}",
        answer.code, step["code"]
    ))
}

#[tokio::test]
async fn every_recorded_step_has_its_recorded_answer() {
    let server = server();
    let recorded = recorded();
    let cases = recorded["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 12);
    let mut wrong = Vec::new();
    for case in cases {
        let (name, path) = (
            case["case"].as_str().unwrap(),
            case["path"].as_str().unwrap(),
        );
        if name.starts_with("deployment after kubectl scale") {
            let scaled = server
                .merge(&format!("{path}/scale"), json!({"spec": {"replicas": 2}}))
                .await;
            assert_eq!(scaled.code, StatusCode::OK);
        }
        for (number, recorded) in case["steps"].as_array().unwrap().iter().enumerate() {
            if let Err(why) = step(&server, path, recorded).await {
                wrong.push(format!("{name}, step {}: {why}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
