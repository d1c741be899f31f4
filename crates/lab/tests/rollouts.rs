//! Rollouts by a real kubectl: what they tell, and that nobody notices them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::{Lab, Start};
use tokio::process::Command;
use tokio::task::{JoinHandle, JoinSet};

/// Requests a second while services restart.
const RATE: u64 = 200;
/// What viewers of the page ask for.
const PATHS: [&str; 4] = ["/users/", "/movies/", "/bookings/", "/"];
/// The theater's services, in both clusters.
const SERVICES: [&str; 4] = [
    "api-gateway",
    "user-service",
    "movie-service",
    "booking-service",
];

/// A kubectl with a cache of its own, as each lab has another port.
async fn kubectl(lab: &Lab, arguments: &[&str]) -> Output {
    Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(lab.kubeconfig())
        .arg("--cache-dir")
        .arg(lab.state_dir.join("kubectl-cache"))
        .args(arguments)
        .output()
        .await
        .expect("kubectl is installed")
}

async fn kubectl_ok(lab: &Lab, arguments: &[&str]) -> String {
    let output = kubectl(lab, arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Requests at a steady rate until told to stop; what became of them.
struct Load {
    stop: Arc<AtomicBool>,
    task: JoinHandle<BTreeMap<String, usize>>,
}

impl Load {
    fn on(lab: &Lab) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, url, stopped) = (lab.client.clone(), lab.url.clone(), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / RATE));
            let mut requests = JoinSet::new();
            for path in PATHS.iter().cycle() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                tick.tick().await;
                let request = client.get(format!("{url}{path}"));
                requests.spawn(async move {
                    let answer = request.send().await;
                    match answer {
                        Ok(answer) if answer.status() == 200 => "200".to_owned(),
                        Ok(answer) => format!("{path}: {}", answer.status()),
                        Err(error) => format!("{path}: {error:?}"),
                    }
                });
            }
            let mut seen = BTreeMap::new();
            for outcome in requests.join_all().await {
                *seen.entry(outcome).or_default() += 1;
            }
            seen
        });
        Self { stop, task }
    }

    /// The outcomes and how often each was seen.
    async fn end(self) -> BTreeMap<String, usize> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_restarts_under_load_and_no_request_fails() {
    let lab = Start::embedded().up().await;
    let load = Load::on(&lab);
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
    let outcomes = load.end().await;
    let answered = outcomes.get("200").copied().unwrap_or(0);
    assert!(answered > 200, "the load ran: {outcomes:?}");
    assert_eq!(outcomes.len(), 1, "nothing but 200s: {outcomes:#?}");
}
