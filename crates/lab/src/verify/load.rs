//! Requests at a steady rate, while something is changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::task::{JoinHandle, JoinSet};

use super::client::Client;

/// Requests a second.
pub const RATE: u64 = 50;
const PATHS: [&str; 3] = ["/users/", "/movies/", "/bookings/"];
/// What Envoy writes instead of a pod when a fault says so.
const INJECTED: &str = "fault filter abort";

/// Requests that go on until they are ended.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Outcome>,
}

#[derive(Debug, Default)]
struct Outcome {
    sent: usize,
    /// What was neither fine nor injected nor ordered, and how often.
    lost: BTreeMap<String, usize>,
}

impl Load {
    /// Begins.
    pub fn on(client: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(send(client.clone(), Arc::clone(&stop)));
        Self { stop, task }
    }

    /// Ends it; how many requests were sent.
    ///
    /// # Errors
    /// When one of them was lost.
    pub async fn end(self) -> Result<usize> {
        self.stop.store(true, Ordering::Relaxed);
        let Outcome { sent, lost } = self.task.await?;
        if !lost.is_empty() {
            bail!("of {sent} requests at {RATE}/s were lost: {lost:?}");
        }
        Ok(sent)
    }
}

async fn send(client: Client, stop: Arc<AtomicBool>) -> Outcome {
    let mut tick = tokio::time::interval(Duration::from_millis(1_000 / RATE));
    let mut requests = JoinSet::new();
    for path in PATHS.into_iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        tick.tick().await;
        let client = client.clone();
        requests.spawn(async move { lost(&client, path).await });
    }
    let mut outcome = Outcome::default();
    for loss in requests.join_all().await {
        outcome.sent += 1;
        if let Some(loss) = loss {
            *outcome.lost.entry(loss).or_default() += 1;
        }
    }
    outcome
}

async fn lost(client: &Client, path: &str) -> Option<String> {
    match client.get(path, None).await {
        Ok(answer) if answer.status == 200 || answer.is_sick || answer.text() == INJECTED => None,
        Ok(answer) => Some(format!("{} {}", answer.status, answer.text())),
        Err(error) => Some(format!("{error:#}")),
    }
}
