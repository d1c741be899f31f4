//! How long connections to a host live: `idleTimeout` and `maxConnectionDuration`.

use std::time::Duration;

use mesh_proxy::Role;
use serde_json::{Value, json};

use crate::support::*;

async fn mesh(pool: Value, a: &Upstream) -> Mesh {
    let mut rule = subsets("ROUND_ROBIN");
    rule["spec"]["trafficPolicy"]["connectionPool"] = pool;
    Mesh::start(Role::Outbound, None, Some(rule), &[a.address]).await
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_time_and_a_busy_one_is_not() {
    let rows = [
        json!({"http": {"idleTimeout": "100ms"}}),
        // Istio: that of connections, where requests have none.
        json!({"tcp": {"idleTimeout": "100ms"}}),
        json!({"http": {"idleTimeout": "100ms"}, "tcp": {"idleTimeout": "1h"}}),
    ];
    for pool in rows {
        let slow = Upstream::serving(|_| async {
            tokio::time::sleep(Duration::from_millis(250)).await;
            hyper::Response::new(full("slow"))
        })
        .await;
        let mesh = mesh(pool, &slow).await;
        let mut client = mesh.client().await;
        // Busy for longer than it may be idle.
        assert_eq!(client.get("/").await.body, "slow");
        assert_eq!(slow.connections(), 1);
        let stats = &mesh.cluster("").hosts[0].stats;
        until(|| stats.cx_active.get() == 0).await;
        client.get("/").await;
        assert_eq!(slow.connections(), 2);
    }
}

#[tokio::test]
async fn an_old_connection_is_closed_idle_or_after_its_request() {
    let a = Upstream::named("a").await;
    let mesh = mesh(json!({"tcp": {"maxConnectionDuration": "100ms"}}), &a).await;
    let mut client = mesh.client().await;
    // Never idle for long.
    let began = tokio::time::Instant::now();
    soon(async {
        while a.connections() < 4 {
            assert_eq!(client.get("/").await.status, 200);
        }
    })
    .await;
    assert!(began.elapsed() >= 3 * Duration::from_millis(100));
    let stats = &mesh.cluster("").hosts[0].stats;
    until(|| stats.cx_active.get() == 0).await;
}

#[tokio::test]
async fn without_a_limit_a_connection_stays() {
    let a = Upstream::named("a").await;
    let mesh = mesh(json!({"tcp": {"maxConnections": 10}}), &a).await;
    let mut client = mesh.client().await;
    for _ in 0..3 {
        client.get("/").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (
            a.connections(),
            mesh.cluster("").hosts[0].stats.cx_active.get()
        ),
        (1, 1)
    );
}
