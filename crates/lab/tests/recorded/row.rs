//! Writes of ours in the form of the recording.

use std::sync::LazyLock;

use apiserver::store::{Event, EventType};
use regex::Regex;
use serde_json::{Map, Value, json};

static REFUSED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"-[0-9a-z]{5}(\\" is forbidden)"#).unwrap());

/// A write of an object, as the recording would show it.
pub(super) fn of(event: &Event) -> Value {
    let object = &*event.object;
    let kind = event.resource.kind;
    let name = &object["metadata"]["name"];
    let kind_of_write = match event.kind {
        EventType::Added => "ADDED",
        EventType::Modified => "MODIFIED",
        EventType::Deleted => "DELETED",
    };
    let mut row = json!({"kind": kind, "type": kind_of_write});
    if kind != "Event" {
        row["name"] = name.clone();
    }
    let rest = match kind {
        "Deployment" => deployment(object),
        "ReplicaSet" => replica_set(object),
        "Pod" => pod(object),
        "EndpointSlice" => endpoints(object),
        _ => told(object),
    };
    let members = rest.as_object().unwrap().clone();
    row.as_object_mut().unwrap().extend(members);
    row
}

/// A row without what differs from run to run: the moment, the node that was chosen of those that
/// fit, and the addresses.
pub(super) fn comparable(row: &Value) -> Value {
    // A refused pod has a name, too, that nobody else ever hears of.
    let text = row.to_string();
    let text = REFUSED.replace_all(&text, "POD$1");
    let mut row: Value = serde_json::from_str(&text).unwrap();
    for member in ["t", "ip"] {
        row.as_object_mut().unwrap().remove(member);
    }
    if row["node"].is_string() {
        row["node"] = json!("NODE");
    }
    if let Some(text) = row["message"].as_str() {
        let text = text.replace("b-node1", "NODE").replace("b-node2", "NODE");
        row["message"] = json!(text);
    }
    if row["kind"] == "EndpointSlice" {
        row.as_object_mut().unwrap().remove("name");
        for endpoint in row["endpoints"].as_array_mut().into_iter().flatten() {
            endpoint.as_object_mut().unwrap().remove("addresses");
        }
        // The order of endpoints means nothing.
        let list = row["endpoints"].as_array_mut().unwrap();
        list.sort_by_key(|it| it["pod"].to_string());
    }
    row
}

fn counted(object: &Value) -> Map<String, Value> {
    let status = object["status"].as_object().cloned().unwrap_or_default();
    let is_condition = |(name, _): &(String, Value)| name != "conditions";
    status.into_iter().filter(is_condition).collect()
}

fn deployment(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let conditions = conditions.into_iter().flatten().map(|it| {
        let text = |member: &str| it[member].as_str().unwrap_or_default();
        let told = format!("{} {}: {}", text("status"), text("reason"), text("message"));
        (text("type").to_owned(), json!(told))
    });
    let conditions: Map<String, Value> = conditions.collect();
    let mut row = json!({
        "generation": object["metadata"]["generation"],
        "revision": object["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "spec.replicas": object["spec"]["replicas"],
        "conditions": conditions,
    });
    row.as_object_mut().unwrap().extend(counted(object));
    row
}

fn replica_set(object: &Value) -> Value {
    let mut row = json!({
        "generation": object["metadata"]["generation"],
        "annotations": object["metadata"]["annotations"],
        "spec.replicas": object["spec"]["replicas"],
    });
    row.as_object_mut().unwrap().extend(counted(object));
    row
}

fn pod(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let ready = conditions.find(|it| it["type"] == "Ready");
    json!({
        "phase": object["status"]["phase"],
        "node": object["spec"]["nodeName"],
        "ready": ready.map(|it| it["status"].clone()),
        "deleting": !object["metadata"]["deletionTimestamp"].is_null(),
    })
}

fn endpoints(object: &Value) -> Value {
    let endpoints = object["endpoints"].as_array();
    let endpoints: Vec<Value> = endpoints
        .into_iter()
        .flatten()
        .map(|it| json!({"conditions": it["conditions"], "pod": it["targetRef"]["name"]}))
        .collect();
    json!({"endpoints": endpoints, "ports": object["ports"]})
}

/// Of an Event the recording has what was told, not how often.
fn told(object: &Value) -> Value {
    let about = &object["involvedObject"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let component = match &object["source"]["component"] {
        Value::Null => &object["reportingComponent"],
        component => component,
    };
    json!({
        "type": object["type"],
        "reason": object["reason"],
        "object": format!("{}/{}", text(&about["kind"]), text(&about["name"])),
        "message": object["message"],
        "component": component,
    })
}
