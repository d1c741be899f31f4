//! Requests at a steady rate, while something is changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use super::client::Client;

/// What Envoy writes instead of a pod when a fault says so.
const INJECTED: &str = "fault filter abort";

/// How requests follow one another.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many a second.
    pub rate: u64,
    /// How many at a time at the most: a machine too slow for the rate gets fewer, and is not drowned.
    pub at_a_time: usize,
    /// What is asked for, in turn.
    pub paths: &'static [&'static str],
}

/// Every service in turn, with room for those that a fault holds back.
pub const STEADY: Pace = Pace {
    rate: 50,
    at_a_time: 500,
    paths: &["/users/", "/movies/", "/bookings/"],
};

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
    /// Begins, [steadily](STEADY).
    pub fn on(client: &Client) -> Self {
        Self::at(client, STEADY)
    }

    /// Begins at another pace.
    pub fn at(client: &Client, pace: Pace) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(send(client.clone(), pace, Arc::clone(&stop)));
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
            bail!("of {sent} requests were lost: {lost:?}");
        }
        Ok(sent)
    }
}

async fn send(client: Client, pace: Pace, stop: Arc<AtomicBool>) -> Outcome {
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / pace.rate));
    // A late tick leaves the later ones where they are; missed ones are not made up for.
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let places = Arc::new(Semaphore::new(pace.at_a_time));
    let mut requests = JoinSet::new();
    for &path in pace.paths.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        tick.tick().await;
        let (client, places) = (client.clone(), Arc::clone(&places));
        // Nobody closes the semaphore.
        let place = places.acquire_owned().await;
        requests.spawn(async move {
            let _place = place;
            lost(&client, path).await
        });
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
