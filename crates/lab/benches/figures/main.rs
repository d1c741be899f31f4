//! The lab's figures, measured on this machine: `cargo bench -p lab`.
//!
//! Times that are compared are ratios within this run; nothing here fails.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot measure must stop"
)]
#![allow(missing_docs, reason = "a program, not an interface")]

mod changes;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::{Lab, Start, descendants};

/// Records of the small and the large collection.
const SIZES: [u32; 2] = [1_000, 200_000];
/// Pages asked of each.
const PAGES: u32 = 300;
/// Starts measured.
const STARTS: usize = 5;

#[tokio::main]
async fn main() {
    starts().await;
    changes::rules().await;
    changes::applies().await;
    changes::scales().await;
    pages().await;
}

async fn starts() {
    let mut seconds = Vec::new();
    let mut memory = 0.0;
    for _ in 0..STARTS {
        let started = Instant::now();
        let mut lab = Start::embedded().up().await;
        assert_eq!(lab.get("/").await.status(), 200);
        seconds.push(started.elapsed().as_secs_f64());
        memory = descendants(lab.pid())
            .into_iter()
            .chain([lab.pid()])
            .filter_map(pss_mib)
            .sum();
        lab.end_by(rustix::process::Signal::TERM).await;
    }
    println!(
        "start to every pod ready and the page answering: median {:.2} s of {STARTS}",
        median(&mut seconds)
    );
    println!("memory of everything: {memory:.0} MiB PSS");
}

/// Proportional set size of a process; none where /proc does not tell.
fn pss_mib(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

async fn pages() {
    let labs = [filled(SIZES[0]).await, filled(SIZES[1]).await];
    let mut millis = [Vec::new(), Vec::new()];
    // In turn, so that a noisy moment meets both.
    for _ in 0..PAGES {
        for (lab, millis) in labs.iter().zip(&mut millis) {
            let asked = Instant::now();
            let page = lab.get("/users/?limit=100").await.bytes().await.unwrap();
            millis.push(asked.elapsed().as_secs_f64() * 1e3);
            assert!(page.len() > 100 * 50);
        }
    }
    let [small, large] = [median(&mut millis[0]), median(&mut millis[1])];
    println!(
        "a page of 100: {small:.2} ms with {} users, {large:.2} ms with {}: ratio {:.2}",
        SIZES[0],
        SIZES[1],
        large / small
    );
}

/// A lab with so many users, written as the service would.
async fn filled(users: u32) -> Lab {
    let lab = Start::embedded().up().await;
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", lab.redis_port)).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    connection.set_response_timeout(Duration::from_secs(60));
    for first in (0..users).step_by(1_000) {
        let mut batch = redis::pipe();
        for number in first..first + 1_000 {
            let id = uuid::Uuid::now_v7().to_string();
            let user = json!({"id": id, "name": format!("n{number}"), "email": format!("n{number}@example.com")});
            batch.set(format!("user:{id}"), user.to_string()).ignore();
            batch.zadd("index:user", id, 0).ignore();
        }
        let () = batch.query_async(&mut connection).await.unwrap();
    }
    lab
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
