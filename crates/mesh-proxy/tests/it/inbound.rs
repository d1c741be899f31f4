//! Two sidecars: the client's and the pod's.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mesh::cause::{By, Kind};
use mesh_proxy::{Listen, Proxy, Role, Settings, TcpDial};
use tokio_util::sync::CancellationToken;

use crate::support::*;

type Address = Arc<Mutex<Option<SocketAddr>>>;

/// A pod's inbound side before an application that may move or stop.
async fn pod_side(app: Address) -> (SocketAddr, CancellationToken) {
    let settings = Settings::new(Role::Inbound, Arc::new(TcpDial));
    let address = SocketAddr::from(([10, 1, 0, 1], 8080));
    let proxy = Proxy::inbound(settings, move || *app.lock().unwrap(), address);
    let (listener, real) = listener().await;
    let stop = CancellationToken::new();
    let listen = Listen {
        routes: Proxy::inbound_routes(8080),
        address: Some(address),
    };
    let stopped = stop.clone();
    tokio::spawn(async move { proxy.serve_http(listener, listen, stopped).await });
    (real, stop)
}

#[tokio::test]
async fn a_dead_application_is_told_by_its_own_sidecar_and_not_retried_by_the_clients() {
    let (pod, stop) = pod_side(Address::default()).await;
    let mesh = Mesh::start(Role::Outbound, None, Some(subsets("ROUND_ROBIN")), &[pod]).await;
    let answer = mesh.get("/").await;
    assert_eq!((answer.status, answer.body.len()), (503, 121));
    assert!(answer.header("x-envoy-upstream-service-time").is_some());
    assert_eq!(answer.header("server"), Some("envoy"));
    let cause = answer.cause();
    assert_eq!(
        (cause.kind, cause.by, cause.retried),
        (Kind::Uf, Some(By::Server), true)
    );
    let cluster = mesh.cluster("");
    let host = &cluster.hosts[0].stats;
    assert_eq!(
        [
            host.rq_total.get(),
            host.rq_error.get(),
            mesh.dials() as u64
        ],
        [1, 1, 1]
    );
    stop.cancel();
}

#[tokio::test]
async fn an_application_that_comes_back_elsewhere_is_found() {
    let a = Upstream::named("a").await;
    let app = Address::default();
    let (pod, stop) = pod_side(app.clone()).await;
    let mesh = Mesh::start(Role::Outbound, None, None, &[pod]).await;
    let mut client = mesh.client().await;
    assert_eq!(client.get("/").await.status, 503);
    *app.lock().unwrap() = Some(a.address);
    assert_eq!(client.get("/").await.body, "a");
    drop(a);
    let b = Upstream::named("b").await;
    *app.lock().unwrap() = Some(b.address);
    soon(async { while client.get("/").await.body != "b" {} }).await;
    stop.cancel();
}

#[tokio::test]
async fn an_application_sees_what_the_clients_sidecar_told() {
    let a = Upstream::named("a").await;
    let (pod, stop) = pod_side(Arc::new(Mutex::new(Some(a.address)))).await;
    let mesh = Mesh::start(Role::Outbound, None, None, &[pod]).await;
    let answer = mesh.get("/x?y").await;
    assert_eq!(answer.header("server"), Some("envoy"));
    let seen = a.seen().remove(0);
    assert_eq!(
        (seen.path.as_str(), &seen.headers["x-envoy-attempt-count"]),
        ("/x?y", &"1".parse().unwrap())
    );
    assert_eq!(seen.headers["host"], "svc:8080");
    stop.cancel();
}
