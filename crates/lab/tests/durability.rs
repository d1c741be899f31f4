//! What was answered 201 is there, however the lab ended.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use support::{Lab, Start};
use testkit::tools;

const CREATES: u32 = 20_000;
const CLIENTS: u32 = 16;
/// The lab is killed when this many were answered.
const KILLS: [u32; 2] = [5_000, 12_000];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_create_is_lost_with_the_embedded_store() {
    survive("embedded").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_create_is_lost_with_redis_server() {
    if tools::find_any(&["redis-server", "valkey-server"]).is_some() {
        survive("auto").await;
    }
}

async fn survive(store: &str) {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let acknowledged: Arc<Mutex<HashSet<String>>> = Arc::default();
    let asked = Arc::new(AtomicU32::new(0));
    for kill_at in KILLS.map(Some).into_iter().chain([None]) {
        let mut lab = start(store, &state).await;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                tokio::spawn(create(
                    lab.url.clone(),
                    lab.client.clone(),
                    Arc::clone(&asked),
                    Arc::clone(&acknowledged),
                ))
            })
            .collect();
        match kill_at {
            Some(count) => {
                testkit::wait::until("enough creates", Duration::from_secs(240), async || {
                    acknowledged.lock().unwrap().len() >= count as usize
                })
                .await;
                lab.end_by(Signal::KILL).await;
                clients.iter().for_each(tokio::task::JoinHandle::abort);
            }
            None => {
                for client in clients {
                    client.await.unwrap();
                }
                lab.end_by(Signal::TERM).await;
            }
        }
    }
    let lab = start(store, &state).await;
    let stored = all_ids(&lab).await;
    let acknowledged = acknowledged.lock().unwrap();
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| !stored.contains(*id))
        .collect();
    eprintln!(
        "{store}: {} acknowledged, {} stored, {} lost",
        acknowledged.len(),
        stored.len(),
        lost.len()
    );
    assert!(acknowledged.len() as u32 > KILLS[1]);
    assert!(
        lost.is_empty(),
        "{} lost, for example {:?}",
        lost.len(),
        lost[0]
    );
}

async fn start(store: &str, state: &Path) -> Lab {
    Start::with(&["--redis", store]).state_dir(state).up().await
}

async fn create(
    url: String,
    client: reqwest::Client,
    asked: Arc<AtomicU32>,
    acknowledged: Arc<Mutex<HashSet<String>>>,
) {
    loop {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        if number >= CREATES {
            return;
        }
        let body = format!(r#"{{"name":"n{number}","email":"n{number}@example.com"}}"#);
        let request = client
            .post(format!("{url}/users/"))
            .header("content-type", "application/json")
            .body(body);
        // A failure says nothing about the write: it may or may not be there.
        let Ok(answer) = request.send().await else {
            continue;
        };
        if answer.status() == 201 {
            let Ok(body) = answer.bytes().await else {
                continue;
            };
            let user: Value = serde_json::from_slice(&body).unwrap();
            acknowledged
                .lock()
                .unwrap()
                .insert(user["id"].as_str().unwrap().to_owned());
        }
    }
}

async fn all_ids(lab: &Lab) -> HashSet<String> {
    let mut ids = HashSet::new();
    let mut path = "/users/?limit=500".to_owned();
    loop {
        let page = lab.get(&path).await;
        let next = page
            .headers()
            .get("link")
            .map(|link| link.to_str().unwrap().to_owned());
        let users: Vec<Value> = serde_json::from_slice(&page.bytes().await.unwrap()).unwrap();
        ids.extend(
            users
                .iter()
                .map(|user| user["id"].as_str().unwrap().to_owned()),
        );
        match next {
            Some(link) => {
                path = link
                    .trim_start_matches('<')
                    .split('>')
                    .next()
                    .unwrap()
                    .to_owned()
            }
            None => return ids,
        }
    }
}
