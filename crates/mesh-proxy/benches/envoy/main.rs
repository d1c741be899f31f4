//! Our proxy beside a real Envoy, with the same features on: `cargo bench -p mesh-proxy`.
//!
//! Both are asked to do the same: a 70/30 weighted route with a fault, retries by default, outlier
//! detection, an access log to a file, counters. The measured proxy has the first core and one
//! worker; client and upstreams share the second. Order alternates; of each figure the median of
//! all pairs is shown, and its ratio. Nothing here fails: what is slower is printed as slower.
//!
//! Linux with two cores, `taskset` and `envoy` on `PATH`.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot measure must stop"
)]
#![allow(missing_docs, reason = "a program, not an interface")]

mod envoy;
mod figures;
mod load;
mod ours;
mod process;
mod upstream;

use std::net::SocketAddr;

use figures::{Figures, Pairs};
use process::Measured;

/// Pairs of runs.
const PAIRS: usize = 7;
/// Requests at once when a proxy is driven to saturation.
const CONNECTIONS: usize = 64;
/// Connections that stay open while memory is read.
const MANY: usize = 1_000;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proxy {
    Ours,
    Envoy,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, upstreams @ .., log] = &arguments[..]
        && role == ours::ROLE
    {
        return ours::serve(upstreams, log);
    }
    if let Some(missing) = process::missing() {
        return println!("!!! SKIPPED: {missing} !!!");
    }
    process::keep_to_core(process::REST);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(compare());
}

async fn compare() {
    let upstreams = upstream::start(4).await;
    let folder = tempfile::tempdir().unwrap();
    let begin = |proxy| match proxy {
        Proxy::Ours => ours::start(&upstreams, folder.path()),
        Proxy::Envoy => envoy::start(&upstreams, folder.path()),
    };
    let rate = half_of_the_slower(&begin).await;
    println!("{PAIRS} pairs; half of saturation: {rate:.0} requests/s\n");
    let mut pairs = Pairs::default();
    for pair in 0..PAIRS {
        let mut order = [Proxy::Ours, Proxy::Envoy];
        order.rotate_left(pair % 2);
        let direct = load::steady(upstreams[0], rate).await;
        for proxy in order {
            let figures = measure(&begin(proxy), rate, &direct).await;
            println!("pair {} {proxy:?}: {figures}", pair + 1);
            pairs.add(proxy, figures);
        }
    }
    println!("\n{pairs}");
}

/// Both get the same load, which the slower one carries with ease.
async fn half_of_the_slower(begin: &impl Fn(Proxy) -> Measured) -> f64 {
    let mut slower = f64::INFINITY;
    for proxy in [Proxy::Ours, Proxy::Envoy] {
        let measured = begin(proxy);
        let address = ready(&measured).await;
        slower = slower.min(load::saturate(address, CONNECTIONS).await.rate());
    }
    slower / 2.0
}

async fn measure(measured: &Measured, rate: f64, direct: &load::Latencies) -> Figures {
    let address = ready(measured).await;
    let before = measured.cpu();
    let saturated = load::saturate(address, CONNECTIONS).await;
    let cpu = measured.cpu() - before;
    let steady = load::steady(address, rate).await;
    let held = load::hold(address, MANY).await;
    let memory = measured.memory();
    drop(held);
    Figures::new(&saturated, cpu, &steady, direct, memory)
}

async fn ready(measured: &Measured) -> SocketAddr {
    load::until_answered(measured.address).await;
    measured.address
}
