//! Tunnels: what holds them, what ends them, and where they pass. (What a client sees of one is a
//! matter of the conformance suite, rows 52c and up.)

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::admin::{admin_of, everything};
use crate::support::*;

/// Says something and hears it louder.
async fn works(tunnel: &mut Tunnel) {
    tunnel.write_all(b"seat").await.unwrap();
    let mut heard = [0; 4];
    soon(tunnel.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"SEAT");
}

/// Some statistics of a mesh, in the order of their names.
fn statistics(mesh: &Mesh) -> Vec<u64> {
    let wanted = "(cx_upgrades|ctx1.*;.upstream_cx|ctx1.*;.upstream_rq|downstream_(cx|rq))_active$";
    let admin = admin_of(&mesh.proxy, everything());
    let text = admin.get(&format!("/stats?filter={wanted}")).body;
    let value = |line: &str| line.rsplit_once(": ").unwrap().1.parse().unwrap();
    text.lines().map(value).collect()
}

#[tokio::test]
async fn a_tunnel_counts_as_connection_and_request_until_it_ends() {
    let echo = echoing().await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[echo.address]).await;
    let mut tunnel = tunnel(mesh.address, "svc").await;
    works(&mut tunnel).await;
    let open = statistics(&mesh);
    assert_eq!(open, [1; 5], "two sides, their requests, and the upgrade");
    drop(tunnel);
    until(|| statistics(&mesh) == [0; 5]).await;
}

#[tokio::test]
async fn a_tunnel_holds_its_place_among_the_connections() {
    let echo = echoing().await;
    let mut rule = subsets("ROUND_ROBIN");
    rule["spec"]["trafficPolicy"]["connectionPool"] = json!({
        "tcp": {"maxConnections": 1, "idleTimeout": "1s", "maxConnectionDuration": "1s"},
        "http": {"http1MaxPendingRequests": 1},
    });
    let rules = rules(json!([{"route": to("ctx1"), "timeout": "100ms"}]));
    let role = mesh_proxy::Role::Outbound;
    let mesh = Mesh::start(role, Some(rules), Some(rule), &[echo.address]).await;
    let mut tunnel = tunnel(mesh.address, "svc").await;
    // It waits for a connection, until its timeout.
    assert_eq!(mesh.get("/").await.status, 504);
    works(&mut tunnel).await;
    drop(tunnel);
    let stats = &mesh.cluster("ctx1").stats;
    until(|| stats.upstream_cx_active.get() == 0).await;
    assert_eq!(mesh.get("/").await.status, 200);
}

#[tokio::test]
async fn whoever_closes_ends_both_sides() {
    let echo = echoing().await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[echo.address]).await;
    let mut half = tunnel(mesh.address, "svc").await;
    works(&mut half).await;
    // Envoy: there is no half of a tunnel.
    half.shutdown().await.unwrap();
    assert_eq!(soon(half.read(&mut [0; 8])).await.unwrap(), 0);
    let mut left = tunnel(mesh.address, "svc").await;
    left.write_all(b"bye").await.unwrap();
    let mut heard = String::new();
    soon(left.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "BYE");
    until(|| statistics(&mesh)[..2] == [0, 0]).await;
}

#[tokio::test]
async fn a_listener_that_stops_lets_tunnels_go_on_for_the_time_of_its_drain() {
    let echo = echoing().await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[echo.address]).await;
    let mut tunnel = tunnel(mesh.address, "svc").await;
    let began = tokio::time::Instant::now();
    mesh.stop.cancel();
    works(&mut tunnel).await;
    tokio::time::pause();
    assert_eq!(tunnel.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert_eq!(began.elapsed().as_secs(), 5);
}
