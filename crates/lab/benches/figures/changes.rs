//! From a write to what it changes.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::median;
use crate::support::{Lab, Start};

/// Rules written.
const RULES: usize = 21;
/// Folders applied.
const APPLIES: usize = 21;
/// Deployments scaled.
const SCALES: usize = 11;
/// Pods of a service's Deployment, as deployed.
const REPLICAS: usize = 2;

/// Rules written by the API.
pub(crate) async fn rules() {
    let lab = Start::embedded().up().await;
    let path =
        "/apis/networking.istio.io/v1/namespaces/theater-msa/virtualservices/user-service-vs";
    let mut millis = Vec::new();
    for round in 0..RULES {
        let subset = subset(round);
        let rule = json!({"spec": {"http": routes(subset)}});
        assert_eq!(lab.merge_patch("ctx1", path, &rule).await.status(), 200);
        let written = Instant::now();
        answered_by(&lab, subset).await;
        millis.push(written.elapsed().as_secs_f64() * 1e3);
    }
    told(
        "from the API's 2xx to the first answer by the new rule",
        &mut millis,
    );
}

/// A folder applied by a real kubectl: subsets, and the rule that names them last.
pub(crate) async fn applies() {
    let Some(kubectl) = testkit::tools::find("kubectl") else {
        return;
    };
    let lab = Start::embedded().up().await;
    let folder = tempfile::tempdir().unwrap();
    write_subsets(folder.path());
    let (mut accepted, mut started) = (Vec::new(), Vec::new());
    for round in 0..=APPLIES {
        let subset = subset(round);
        write_rule(folder.path(), subset);
        let begun = Instant::now();
        let written = tokio::spawn(apply(&kubectl, &lab, folder.path()));
        answered_by(&lab, subset).await;
        let changed = Instant::now();
        let written = written.await.unwrap();
        // The first one also makes kubectl's caches and annotations.
        if round > 0 {
            let millis = |since| changed.saturating_duration_since(since).as_secs_f64() * 1e3;
            accepted.push(millis(written));
            started.push(millis(begun));
        }
    }
    told(
        "kubectl apply -k, from the last object's 2xx to the first answer by the new rule",
        &mut accepted,
    );
    told("the same, from the start of kubectl", &mut started);
}

/// A Deployment scaled from two pods to three.
pub(crate) async fn scales() {
    let lab = Start::embedded().up().await;
    let path = "/apis/apps/v1/namespaces/theater-msa/deployments/user-service-ctx1/scale";
    let mut millis = Vec::new();
    for _ in 0..SCALES {
        let scaled = async |replicas: usize| {
            let patch = json!({"spec": {"replicas": replicas}});
            assert_eq!(lab.merge_patch("ctx1", path, &patch).await.status(), 200);
        };
        let begun = Instant::now();
        scaled(REPLICAS + 1).await;
        while ready(&lab).await.0 != REPLICAS + 1 {}
        millis.push(begun.elapsed().as_secs_f64() * 1e3);
        scaled(REPLICAS).await;
        while ready(&lab).await != (REPLICAS, REPLICAS) {}
    }
    told("from a scale write to the third pod Ready", &mut millis);
}

fn subset(round: usize) -> &'static str {
    ["ctx1", "ctx2"][round % 2]
}

fn routes(subset: &str) -> Value {
    json!([{"route": [{"destination": {"host": "user-service", "subset": subset}}]}])
}

async fn answered_by(lab: &Lab, subset: &str) {
    while lab.cluster_of("/users/", None).await.1.as_deref() != Some(subset) {}
}

/// Everything of the folder that stays.
fn write_subsets(folder: &Path) {
    let lesson = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../practice/01-initial");
    let subsets = "destinationrules.yaml";
    std::fs::copy(lesson.join(subsets), folder.join(subsets)).unwrap();
    let list = json!({"resources": [subsets, "rule.yaml"]});
    std::fs::write(folder.join("kustomization.yaml"), list.to_string()).unwrap();
}

fn write_rule(folder: &Path, subset: &str) {
    let rule = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "user-service-vs", "namespace": "theater-msa"},
        "spec": {"hosts": ["user-service"], "http": routes(subset)},
    });
    std::fs::write(folder.join("rule.yaml"), rule.to_string()).unwrap();
}

/// Applies the folder; when the API accepted its last object, as kubectl tells at `-v=6`.
fn apply(kubectl: &Path, lab: &Lab, folder: &Path) -> impl Future<Output = Instant> + use<> {
    let mut command = Command::new(kubectl);
    command
        .args(["--context", "ctx1", "-v=6", "apply", "-k"])
        .arg(folder)
        .env("KUBECONFIG", lab.kubeconfig())
        .env("HOME", &lab.state_dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    async move {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut accepted = None;
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("PATCH") && line.contains("200 OK") {
                accepted = Some(Instant::now());
            }
        }
        assert!(child.wait().await.unwrap().success());
        accepted.expect("kubectl tells of the write")
    }
}

/// How many pods of users in ctx1 are ready, and how many there are.
async fn ready(lab: &Lab) -> (usize, usize) {
    let path = "/api/v1/namespaces/theater-msa/pods?labelSelector=app%3Duser-service";
    let pods = lab.list("ctx1", path).await;
    let is_ready = |pod: &&Value| {
        let conditions = pod["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|it| it["type"] == "Ready" && it["status"] == "True")
    };
    (pods.iter().filter(is_ready).count(), pods.len())
}

fn told(what: &str, millis: &mut [f64]) {
    let middle = median(millis);
    println!(
        "{what}: median {middle:.1} ms, longest {:.1} ms of {}",
        millis[millis.len() - 1],
        millis.len()
    );
}
