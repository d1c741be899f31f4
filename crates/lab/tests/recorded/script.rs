//! What the recorded user and the stand-in for the kubelet did: the rows that are no answer.

use apiserver::resource::rows;
use apiserver::store::{DeleteOptions, Key, Part};
use serde_json::{Value, json};

use super::names::Names;
use super::stage::{NAMESPACE, Stage};

/// Does what a row recorded; `before` is the row of the same object before it.
///
/// Returns whether it was somebody else's doing than the controllers'.
pub(super) fn act(stage: &Stage, names: &Names, row: &Value, before: Option<&Value>) -> bool {
    let name = row["name"].as_str().unwrap_or_default();
    match (text(row, "kind"), text(row, "type")) {
        ("ACTION", _) => announced(stage, text(row, "text")),
        ("Deployment", "ADDED") => stage.enter(name),
        ("Pod", "ADDED") if !name.contains('-') => stage.enter(name),
        ("Deployment", "DELETED") => {
            let key = Key::new(&rows::DEPLOYMENTS, NAMESPACE, name);
            stage.store.delete(&key, &DeleteOptions::default()).unwrap();
        }
        ("Deployment", _) if is_new_generation(row, before) => edit(stage, row),
        ("Pod", "DELETED") => end(stage, names.ours(name).unwrap_or(name)),
        ("Pod", _) if is_kubelets(row, before) => {
            report(stage, names.ours(name).unwrap_or(name), row);
        }
        _ => return false,
    }
    true
}

fn text<'a>(row: &'a Value, member: &str) -> &'a str {
    row[member].as_str().unwrap_or_default()
}

/// A quota is no row: it was made before the Deployment that it keeps small.
fn announced(stage: &Stage, action: &str) {
    if action.contains("quota exceeded") {
        stage.enter("quota");
    }
}

fn is_new_generation(row: &Value, before: Option<&Value>) -> bool {
    before.is_some_and(|before| before["generation"] != row["generation"])
}

/// The commands in their order: `set image`, `rollout undo`, `scale`, and another image for `rec`.
fn edit(stage: &Stage, row: &Value) {
    let image = match (text(row, "name"), row["generation"].as_u64()) {
        ("echo", Some(3)) => "echo:1.0",
        _ => "echo:2.0",
    };
    let replicas = row["spec.replicas"].clone();
    stage.change(
        &rows::DEPLOYMENTS,
        text(row, "name"),
        Part::Main,
        |object| {
            if object["spec"]["replicas"] == replicas {
                object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
            }
            object["spec"]["replicas"] = replicas.clone();
        },
    );
}

/// A pod's processes have ended.
pub(super) fn end(stage: &Stage, name: &str) {
    let ended = DeleteOptions {
        grace_period_seconds: Some(0),
        ..DeleteOptions::default()
    };
    let key = Key::new(&rows::PODS, NAMESPACE, name);
    stage.store.delete(&key, &ended).unwrap();
}

/// Whether a pod's row tells how it runs: phase or readiness, or that it still ends.
fn is_kubelets(row: &Value, before: Option<&Value>) -> bool {
    before.is_some_and(|before| {
        let moved = before["phase"] != row["phase"] || before["ready"] != row["ready"];
        let still = before["deleting"] == true && row["deleting"] == true;
        moved || still
    })
}

/// A pod runs, ready or not.
pub(super) fn report(stage: &Stage, name: &str, row: &Value) {
    let ip = row["ip"].as_str().unwrap_or("10.1.9.9");
    let at = stage.now();
    stage.change(&rows::PODS, name, Part::Status, |object| {
        let condition = |kind: &str, holds: &Value| json!({"type": kind, "status": holds, "lastProbeTime": null, "lastTransitionTime": at});
        let status = &mut object["status"];
        status["phase"] = row["phase"].clone();
        status["podIP"] = json!(ip);
        status["podIPs"] = json!([{"ip": ip}]);
        status["conditions"] = json!([
            condition("Initialized", &json!("True")),
            condition("Ready", &row["ready"]),
            condition("ContainersReady", &row["ready"]),
            condition("PodScheduled", &json!("True")),
        ]);
    });
}
