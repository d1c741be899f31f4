//! What was answered 201 is there, however the lab ended.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::Client;
use super::process::LabProcess;

const CLIENTS: u32 = 16;
/// Answers of a page of the list, at most.
const PAGE: usize = 500;
/// Until enough was answered for a kill.
const ROUND_LIMIT: Duration = Duration::from_secs(240);

/// How much is created, and when the lab is killed.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Requests to create.
    pub creates: u32,
    /// The lab is killed when this many were answered.
    pub kills: [u32; 2],
}

/// Of `cargo lab verify --full`.
pub const FULL: Amount = Amount {
    creates: 20_000,
    kills: [5_000, 12_000],
};

/// What several clients have in common.
#[derive(Debug, Default)]
struct Writing {
    asked: AtomicU32,
    acknowledged: Mutex<HashSet<String>>,
}

impl Writing {
    /// Ids that were answered.
    fn ids(&self) -> MutexGuard<'_, HashSet<String>> {
        // A set that a panic left behind is still a set.
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates under two kills; what was found afterwards.
///
/// # Errors
/// When an acknowledged create is lost.
pub async fn survives(program: &Path, store: &str, amount: Amount) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let writing = Arc::<Writing>::default();
    let flags = ["--redis", store];
    for kill_at in amount.kills.map(Some).into_iter().chain([None]) {
        let lab = LabProcess::start(program, &state, &flags).await?;
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(create(
                lab.client.clone(),
                amount.creates,
                Arc::clone(&writing),
            ));
        }
        match kill_at {
            Some(count) => {
                until_acknowledged(&writing, count).await?;
                lab.end(Signal::KILL).await?;
                clients.shutdown().await;
            }
            None => {
                clients.join_all().await;
                lab.end(Signal::TERM).await?;
            }
        }
    }
    let lab = LabProcess::start(program, &state, &flags).await?;
    let stored = all_ids(&lab.client).await?;
    lab.end(Signal::TERM).await?;
    let acknowledged = writing.ids().clone();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    ensure!(
        acknowledged.len() > amount.kills[1] as usize,
        "only {} creates",
        acknowledged.len()
    );
    ensure!(
        lost.is_empty(),
        "{} acknowledged creates are lost, for example {}",
        lost.len(),
        lost[0]
    );
    Ok(vec![format!(
        "{} acknowledged, {} stored, 0 lost",
        acknowledged.len(),
        stored.len()
    )])
}

async fn until_acknowledged(writing: &Writing, count: u32) -> Result<()> {
    let enough = async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while writing.ids().len() < count as usize {
            look.tick().await;
        }
    };
    tokio::time::timeout(ROUND_LIMIT, enough)
        .await
        .with_context(|| {
            format!(
                "{} of {count} creates within {ROUND_LIMIT:?}",
                writing.ids().len()
            )
        })
}

async fn create(client: Client, creates: u32, writing: Arc<Writing>) {
    loop {
        let number = writing.asked.fetch_add(1, Ordering::Relaxed);
        if number >= creates {
            return;
        }
        let body = json!({"name": format!("n{number}"), "email": format!("n{number}@example.com")});
        // A failure says nothing about the write: it may or may not be there.
        let Ok(answer) = client.post("/users/", &body).await else {
            continue;
        };
        let user: Option<Value> = serde_json::from_slice(&answer.body).ok();
        if let (201, Some(id)) = (
            answer.status,
            user.as_ref().and_then(|it| it["id"].as_str()),
        ) {
            writing.ids().insert(id.to_owned());
        }
    }
}

async fn all_ids(client: &Client) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    let mut path = format!("/users/?limit={PAGE}");
    loop {
        let page = client.json(&path).await?;
        let users = page.as_array().context("a page is a list")?;
        let Some(last) = users.last().and_then(|user| user["id"].as_str()) else {
            return Ok(ids);
        };
        path = format!("/users/?limit={PAGE}&after={last}");
        ids.extend(
            users
                .iter()
                .filter_map(|user| user["id"].as_str())
                .map(str::to_owned),
        );
    }
}
