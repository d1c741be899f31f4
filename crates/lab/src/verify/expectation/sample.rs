//! Requests of one kind, and what becomes of them.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use futures_util::stream::{self, StreamExt};

use super::super::client::Client;
use super::{Expectation, SERVICES};

/// Requests at a time; below the lessons' limit of connections.
const CLIENTS: usize = 60;
/// The same where requests are held back, and most of those in flight have no connection. They begin
/// together, so 70 % of them are let go together, and 70 % of these, 69 ± 6, ask one cluster for
/// connections: the lessons let 100 wait.
const PATIENT_CLIENTS: usize = 140;

/// Circuit tests, at most: a fault of 90 % needs no more.
const CIRCUIT_TESTS: u32 = 2_000;

/// Requests of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) service: &'static str,
    pub(super) header: Option<&'static str>,
    pub(super) requests: u32,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) all: u32,
    pub(super) by_cluster: BTreeMap<String, u32>,
    pub(super) aborted: u32,
    pub(super) held: u32,
}

impl Seen {
    /// Answers of pods.
    pub(super) fn answered(&self) -> u32 {
        self.by_cluster.values().sum()
    }

    /// Answers of pods of a cluster.
    pub(super) fn of(&self, cluster: &str) -> u32 {
        self.by_cluster.get(cluster).copied().unwrap_or(0)
    }
}

impl Expectation {
    /// Asks, and counts what comes.
    pub(super) async fn ask(&self, client: &Client, sample: Sample) -> Result<Seen> {
        let path = format!("/{}s/?limit=1", sample.service);
        let key = |name: &str| format!("{}_{name}", sample.service);
        let delay = self.millis(&key("delay_ms"));
        let status = self.number(&key("abort_status"));
        let clients = if delay.is_zero() {
            CLIENTS
        } else {
            PATIENT_CLIENTS
        };
        let asking = (0..sample.requests).map(|_| client.get(&path, sample.header));
        let mut answers = stream::iter(asking).buffer_unordered(clients);
        let mut seen = Seen::default();
        while let Some(answer) = answers.next().await {
            let answer = answer?;
            seen.all += 1;
            seen.held += u32::from(!delay.is_zero() && answer.took >= delay);
            match (answer.status, &answer.cluster) {
                (200, Some(cluster)) => *seen.by_cluster.entry(cluster.clone()).or_default() += 1,
                (found, None) if u32::from(found) == status => seen.aborted += 1,
                (found, _) => bail!(
                    "{path} is answered {found} by {:?}: {}",
                    answer.pod,
                    answer.text()
                ),
            }
        }
        Ok(seen)
    }
}

/// Every service's requests, a tenth of them canaries, and circuit tests.
pub(super) fn samples(requests: u32) -> Vec<Sample> {
    let mut samples = Vec::new();
    for service in SERVICES {
        let sample = |header, requests| Sample {
            service,
            header,
            requests,
        };
        samples.push(sample(None, requests));
        samples.push(sample(Some("x-canary"), requests.div_ceil(10)));
    }
    // Only users have such a rule, and only in some lessons; elsewhere the header means nothing.
    samples.push(Sample {
        service: "user",
        header: Some("x-circuit-test"),
        requests: requests.min(CIRCUIT_TESTS),
    });
    samples
}
