//! TCP services: bytes, balanced per connection.

use std::sync::Arc;

use mesh::registry::Protocol;
use mesh_proxy::{Role, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::hashing::hashed;
use crate::support::*;

/// An upstream that sends its name and echoes.
async fn echo(name: &'static str) -> std::net::SocketAddr {
    raw_upstream(move |mut stream, _| async move {
        let _ = stream.write_all(name.as_bytes()).await;
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await
}

/// Two pods behind a TCP service with these rules, its listener, and what ends it.
async fn served(
    rules: Value,
) -> (
    Mesh,
    std::net::SocketAddr,
    CancellationToken,
    JoinHandle<()>,
) {
    let upstreams = [echo("a").await, echo("b").await];
    let settings = |wires: Arc<Wires>| Settings {
        seed: Some(7),
        ..Settings::new(Role::Outbound, wires)
    };
    let mesh = Mesh::with(settings, Protocol::Tcp, None, Some(rules), &upstreams).await;
    let (listener, address) = listener().await;
    let (proxy, stop) = (mesh.proxy.clone(), CancellationToken::new());
    let stopped = stop.clone();
    let cluster = Arc::from("outbound|8080||svc.t.svc.cluster.local");
    let served = tokio::spawn(async move { proxy.serve_tcp(listener, cluster, stopped).await });
    (mesh, address, stop, served)
}

/// Connects, and says which upstream answered.
async fn connected(address: std::net::SocketAddr) -> (u8, TcpStream) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut bytes = [0; 6];
    stream.write_all(b"hello").await.unwrap();
    soon(stream.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[1..], b"hello");
    (bytes[0], stream)
}

#[tokio::test]
async fn each_connection_goes_to_the_next_pod_and_is_relayed_both_ways() {
    let (mesh, address, stop, served) = served(subsets("ROUND_ROBIN")).await;
    let mut names = Vec::new();
    let mut open = Vec::new();
    for _ in 0..4 {
        let (name, stream) = connected(address).await;
        names.push(name);
        open.push(stream);
    }
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    let active = |mesh: &Mesh| {
        let hosts = mesh.cluster("").hosts.clone();
        hosts
            .iter()
            .map(|host| host.stats.cx_active.get())
            .sum::<u64>()
    };
    assert_eq!(active(&mesh), 4);
    // A client that closes is followed.
    drop(open.pop());
    until(|| active(&mesh) == 3).await;
    // So is a listener that stops.
    stop.cancel();
    soon(served).await.unwrap();
    until(|| active(&mesh) == 0).await;
}

#[tokio::test]
async fn a_client_whose_address_is_hashed_stays_with_its_pod() {
    let (_mesh, address, stop, _) = served(hashed(json!({"useSourceIp": true}))).await;
    let _ends = stop.drop_guard();
    let (first, _open) = connected(address).await;
    for _ in 0..11 {
        assert_eq!(connected(address).await.0, first);
    }
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_is_closed() {
    let settings = |wires: Arc<Wires>| Settings::new(Role::Outbound, wires);
    let mesh = Mesh::with(settings, Protocol::Tcp, None, None, &[refusing().await]).await;
    let (listener, address) = listener().await;
    let (proxy, stop) = (mesh.proxy.clone(), mesh.stop.clone());
    let cluster = Arc::from("outbound|8080||svc.t.svc.cluster.local");
    tokio::spawn(async move { proxy.serve_tcp(listener, cluster, stop).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(soon(stream.read(&mut [0; 1])).await.unwrap_or(0), 0);
}
