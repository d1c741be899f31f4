//! Rollouts by a real kubectl: what they tell, and that nobody notices them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;
use std::process::Output;
use std::sync::LazyLock;

use lab::verify::client::Client;
use lab::verify::load::{Load, Pace};
use support::{Lab, Start};
use tokio::process::Command;

/// What viewers of the page ask for, while services restart.
const VIEWERS: Pace = Pace {
    rate: 200,
    at_a_time: 50,
    paths: &["/users/", "/movies/", "/bookings/", "/"],
};
/// The theater's services, in both clusters.
const SERVICES: [&str; 4] = [
    "api-gateway",
    "user-service",
    "movie-service",
    "booking-service",
];

static KUBECTL: LazyLock<Option<PathBuf>> = LazyLock::new(support::kubectl::current);

/// A kubectl with a cache of its own, as each lab has another port.
async fn kubectl(lab: &Lab, arguments: &[&str]) -> Output {
    let program = KUBECTL.as_ref().expect("each test asks first");
    Command::new(program)
        .arg("--kubeconfig")
        .arg(lab.kubeconfig())
        .arg("--cache-dir")
        .arg(lab.state_dir.join("kubectl-cache"))
        .args(arguments)
        .output()
        .await
        .expect("kubectl runs")
}

async fn kubectl_ok(lab: &Lab, arguments: &[&str]) -> String {
    let output = kubectl(lab, arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_restarts_under_load_and_no_request_fails() {
    if KUBECTL.is_none() {
        return;
    }
    let lab = Start::embedded().up().await;
    let load = Load::at(&Client::of(&lab.url), VIEWERS);
    for context in ["ctx1", "ctx2"] {
        let on = ["--context", context, "-n", "theater-msa"];
        let deployed = kubectl_ok(
            &lab,
            &[&on[..], &["get", "deployments", "-o", "name"]].concat(),
        )
        .await;
        let ours = |line: &&str| SERVICES.iter().any(|service| line.contains(service));
        for name in deployed.lines().filter(ours) {
            kubectl_ok(&lab, &[&on[..], &["rollout", "restart", name]].concat()).await;
        }
        for name in deployed.lines().filter(ours) {
            let status = [&on[..], &["rollout", "status", name, "--timeout=60s"]].concat();
            let said = kubectl_ok(&lab, &status).await;
            assert!(said.ends_with("successfully rolled out\n"), "{said}");
        }
    }
    let sent = load.end().await.unwrap();
    assert!(sent > 200, "the load ran: {sent}");
}

/// kubectl in the theater's namespace of ctx1.
async fn in_theater(lab: &Lab, arguments: &str) -> String {
    let words: Vec<&str> = arguments.split(' ').collect();
    kubectl_ok(lab, &[&["-n", "theater-msa"], &words[..]].concat()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_is_told_undone_paused_and_resumed() {
    if KUBECTL.is_none() {
        return;
    }
    let lab = Start::embedded().up().await;
    let on = |text: &str| text.replace("DEPLOYMENT", "deployment/user-service-ctx1");
    let run = async |text: &str| in_theater(&lab, &on(text)).await;
    run("set env DEPLOYMENT COLOR=red").await;
    let said = run("rollout status DEPLOYMENT --timeout=60s").await;
    assert!(said.ends_with("successfully rolled out\n"), "{said}");
    assert_eq!(
        revisions(&run("rollout history DEPLOYMENT").await),
        ["1", "2"]
    );
    let second = run("rollout history DEPLOYMENT --revision=2").await;
    assert!(second.contains("COLOR:\tred"), "{second}");
    run("rollout undo DEPLOYMENT").await;
    run("rollout status DEPLOYMENT --timeout=60s").await;
    assert_eq!(
        revisions(&run("rollout history DEPLOYMENT").await),
        ["2", "3"]
    );
    run("rollout pause DEPLOYMENT").await;
    run("set env DEPLOYMENT COLOR=blue").await;
    run("wait DEPLOYMENT --for=jsonpath={.status.conditions[?(@.type==\"Progressing\")].reason}=DeploymentPaused --timeout=10s").await;
    assert_eq!(
        revisions(&run("rollout history DEPLOYMENT").await),
        ["2", "3"]
    );
    run("rollout resume DEPLOYMENT").await;
    run("rollout status DEPLOYMENT --timeout=60s").await;
    assert_eq!(
        revisions(&run("rollout history DEPLOYMENT").await),
        ["2", "3", "4"]
    );
    run("rollout undo DEPLOYMENT --to-revision=2").await;
    run("rollout status DEPLOYMENT --timeout=60s").await;
    let env = run("get DEPLOYMENT -o jsonpath={.spec.template.spec.containers[0].env[?(@.name==\"COLOR\")].value}").await;
    assert_eq!(env, "red");
    let told = run("get events --field-selector reason=ScalingReplicaSet,involvedObject.name=user-service-ctx1 -o jsonpath={.items[*].message}").await;
    assert!(
        told.contains("Scaled up replica set user-service-ctx1-"),
        "{told}"
    );
    assert!(
        told.contains("Scaled down replica set user-service-ctx1-"),
        "{told}"
    );
}

/// Needs both pods of the user service.
const STRICT: &str = r#"{"spec":{"maxUnavailable":null,"minAvailable":2}}"#;
/// As deployed.
const USUAL: &str = r#"{"spec":{"maxUnavailable":1,"minAvailable":null}}"#;

/// The numbers in the first column of a history.
fn revisions(history: &str) -> Vec<String> {
    let lines = history
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let numbers = lines.filter(|word| word.parse::<u32>().is_ok());
    numbers.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_node_gives_up_its_pods_as_far_as_budgets_allow() {
    if KUBECTL.is_none() {
        return;
    }
    let lab = Start::embedded().up().await;
    in_theater(&lab, "scale deployment/user-service-ctx1 --replicas=2").await;
    in_theater(
        &lab,
        "rollout status deployment/user-service-ctx1 --timeout=60s",
    )
    .await;
    let budget = async |spec: &str, allowed: u8| {
        let patch = format!("patch pdb user-service --type=merge --patch={spec}");
        in_theater(&lab, &patch).await;
        let seen = format!(
            "wait pdb/user-service --for=jsonpath={{.status.disruptionsAllowed}}={allowed} --timeout=10s"
        );
        in_theater(&lab, &seen).await;
    };
    budget(STRICT, 0).await;
    let drain = [
        "drain",
        "ctx1-node-1",
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--pod-selector=app=user-service",
    ];
    let output = kubectl(&lab, &[&drain[..], &["--timeout=3s"]].concat()).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("Cannot evict pod as it would violate the pod's disruption budget."),
        "{said}"
    );
    budget(USUAL, 1).await;
    let said = kubectl_ok(&lab, &[&drain[..], &["--timeout=60s"]].concat()).await;
    assert!(said.contains("node/ctx1-node-1 drained"), "{said}");
    in_theater(
        &lab,
        "rollout status deployment/user-service-ctx1 --timeout=60s",
    )
    .await;
    let nodes = in_theater(
        &lab,
        "get pods -l app=user-service -o jsonpath={.items[*].spec.nodeName}",
    )
    .await;
    assert_eq!(nodes, "ctx1-node-2 ctx1-node-2");
    kubectl_ok(&lab, &["uncordon", "ctx1-node-1"]).await;
}
