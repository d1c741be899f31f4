//! The original's rules are replaced without a lost request, whichever is older.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};

use crate::stage::{Stage, lesson};
use crate::support::Lab;

/// Requests a second.
const RATE: u64 = 50;

const VERBS: [(&str, &str); 6] = [
    ("setup", "02-circuit-breaker"),
    ("error", "04-error-fault"),
    ("delay", "03-delay-fault"),
    ("chaos", "99-scenarios"),
    ("block", "05-block-fault"),
    ("reset", "01-initial"),
];

/// A rule as the original's `istio-circuit-breaker.yaml` has it.
fn original(service: &str) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": format!("{service}-circuit-breaker")},
        "spec": {
            "host": service,
            "trafficPolicy": {"outlierDetection": {"consecutiveGatewayErrors": 2, "consecutive5xxErrors": 2, "interval": "10s", "baseEjectionTime": "30s", "maxEjectionPercent": 50, "minHealthPercent": 30}},
            "subsets": [{"name": "ctx1", "labels": {"cluster": "ctx1"}}, {"name": "ctx2", "labels": {"cluster": "ctx2"}}],
        },
    })
}

fn own(service: &str) -> Value {
    let name = format!("{service}-dr");
    let spec = &lesson("01-initial")[&format!("destinationrules/{name}")]["spec"];
    json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": name}, "spec": spec})
}

/// Requests at a steady rate until told to stop; what was neither fine nor injected.
struct Load {
    stop: Arc<AtomicBool>,
    task: JoinHandle<(usize, BTreeMap<String, usize>)>,
}

impl Load {
    fn on(lab: &Lab) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, url, stopped) = (lab.client.clone(), lab.url.clone(), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(1_000 / RATE));
            let mut requests = JoinSet::new();
            for path in ["/users/", "/movies/", "/bookings/"].iter().cycle() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                tick.tick().await;
                requests.spawn(lost(client.get(format!("{url}{path}"))));
            }
            let outcomes = requests.join_all().await;
            let sent = outcomes.len();
            let mut lost = BTreeMap::new();
            for outcome in outcomes.into_iter().flatten() {
                *lost.entry(outcome).or_default() += 1;
            }
            (sent, lost)
        });
        Self { stop, task }
    }

    async fn end(self) -> (usize, BTreeMap<String, usize>) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn lost(request: reqwest::RequestBuilder) -> Option<String> {
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Some(format!("{error:?}")),
    };
    let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
    let fine = status == 200 || text == "fault filter abort";
    (!fine).then(|| format!("{status} {text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_originals_rules_go_without_a_lost_request_whichever_is_older() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    // Every verb where theirs wins; where ours does, one that changes everything and the way back.
    let ours_wins = [VERBS[3], VERBS[5]];
    for (originals_are_older, verbs) in [(true, &VERBS[..]), (false, &ours_wins)] {
        for &(verb, folder) in verbs {
            for service in ["user-service", "movie-service", "booking-service"] {
                stage.create("destinationrules", &original(service)).await;
                if originals_are_older {
                    // Made again, ours is the younger one; within one second the name decides, for theirs.
                    stage
                        .delete("destinationrules", &format!("{service}-dr"))
                        .await;
                    stage.create("destinationrules", &own(service)).await;
                }
            }
            let load = Load::on(&stage.lab);
            stage.play(verb).await;
            let (sent, lost) = load.end().await;
            eprintln!("{verb}, originals older {originals_are_older}: {sent} sent");
            assert_eq!(lost, BTreeMap::new(), "{verb}: of {sent}");
            assert_eq!(stage.specs("ctx1").await, lesson(folder), "{verb}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recover_keeps_the_only_rule_that_names_the_subsets() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    stage.play("error").await;
    stage
        .create("destinationrules", &original("user-service"))
        .await;
    stage.delete("destinationrules", "user-service-dr").await;
    let load = Load::on(&stage.lab);
    stage.play("recover").await;
    let (sent, lost) = load.end().await;
    assert_eq!(lost, BTreeMap::new(), "of {sent}");
    let specs = stage.specs("ctx1").await;
    assert!(specs.contains_key("destinationrules/user-service-circuit-breaker"));
}
