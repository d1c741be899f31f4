//! What is asked of the proxy itself.

use std::net::SocketAddr;
use std::time::Duration;

use mesh::dump;
use serde_json::{Value, json};

use super::Node;
use super::page::Page;
use super::query::Query;
use super::stat::{Kind, Scope, Stat};
use crate::proxy::Proxy;

/// Envoy: where there is no commit there are zeros.
const VERSION: &str = concat!(
    "0000000000000000000000000000000000000000/",
    env!("CARGO_PKG_VERSION"),
    "/Clean/mesh-proxy/none"
);

/// `/server_info`.
pub(super) fn server(node: &Node, uptime: Duration) -> Page {
    let uptime = format!("{}s", uptime.as_secs());
    Page::indented(&json!({
        "version": VERSION,
        "state": "LIVE",
        "uptime_current_epoch": uptime,
        "uptime_all_epochs": uptime,
        "node": {"id": node.id, "cluster": node.cluster},
    }))
}

/// Statistics of the proxy itself.
pub(super) fn stats(uptime: Duration, clusters: usize) -> Vec<Stat> {
    let rows = [
        ("cluster_manager.active_clusters", clusters as u64),
        // One proxy behaves as one worker of Envoy.
        ("server.concurrency", 1),
        ("server.live", 1),
        // LIVE.
        ("server.state", 0),
        ("server.uptime", uptime.as_secs()),
    ];
    let stat = |(name, value): (&str, u64)| Stat {
        scope: Scope::Server,
        name: name.to_owned(),
        kind: Kind::Gauge,
        value,
        used: true,
    };
    rows.into_iter().map(stat).collect()
}

/// `/listeners`.
pub(super) fn listeners(proxies: &[Proxy], query: &Query) -> Page {
    let mut all: Vec<(String, SocketAddr)> = proxies.iter().flat_map(of_proxy).collect();
    all.sort();
    all.dedup();
    if query.get("format") == Some("json") {
        let status = |(name, address): &(String, SocketAddr)| {
            json!({"name": name, "local_address": {"socket_address": {
                "address": address.ip().to_string(), "port_value": address.port(),
            }}})
        };
        let all: Vec<Value> = all.iter().map(status).collect();
        return Page::indented(&json!({"listener_statuses": all}));
    }
    let line = |(name, address): &(String, SocketAddr)| format!("{name}::{address}\n");
    Page::text(all.iter().map(line).collect::<String>())
}

fn of_proxy(proxy: &Proxy) -> Vec<(String, SocketAddr)> {
    let config = proxy.config();
    let listeners = config.listeners.iter().map(|listener| {
        let address = dump::address_of(listener);
        (dump::name_of(address), address)
    });
    listeners.collect()
}
