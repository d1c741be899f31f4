//! What was answered 201 is there, however the lab ended. `theater-lab verify --full` does the same
//! with 20,000 creates.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use lab::verify::durability::{Amount, survives};
use testkit::tools;

const AMOUNT: Amount = Amount {
    creates: 4_000,
    kills: [1_000, 2_400],
};

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
    let program = Path::new(env!("CARGO_BIN_EXE_theater-lab"));
    let told = survives(program, store, AMOUNT).await.unwrap();
    eprintln!("{store}: {}", told.join(", "));
}
