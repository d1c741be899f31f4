//! What admin interfaces show of clusters without HTTP rules: TCP services, and hosts that nobody
//! knows.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::config::{bootstrap_of, http_listener, static_clusters, tcp_listener};
use super::statistics::compare;
use super::*;

/// The subsets before which a TCP listener stands.
const SUBSETS: [&str; 4] = ["all", "refusing", "nobody", "narrow"];

fn cluster(subset: &str) -> String {
    format!("outbound|8080|{subset}|{FQDN}")
}

fn pods(answering: SocketAddr, refusing: SocketAddr) -> Vec<Endpoint> {
    let endpoint = |cluster: &str, address| Endpoint {
        address,
        ..pod(0, cluster)
    };
    vec![endpoint("ctx1", answering), endpoint("ctx2", refusing)]
}

fn dump_of(admin: &Admin) -> Value {
    serde_json::from_str(&admin.get("/config_dump?include_eds").body).unwrap()
}

/// Our listeners of a TCP service, by subset.
async fn serve_bytes(proxy: &Proxy, stop: &CancellationToken) -> BTreeMap<String, SocketAddr> {
    let mut all = BTreeMap::new();
    for subset in SUBSETS {
        let (listener, address) = listener().await;
        let (proxy, stop) = (proxy.clone(), stop.clone());
        let cluster = cluster(subset).into();
        tokio::spawn(async move { proxy.serve_tcp(listener, cluster, stop).await });
        all.insert(subset.to_owned(), address);
    }
    all
}

/// A connection that has carried a byte there and back; none where it was closed instead.
async fn echoed(address: SocketAddr) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A connection that is closed already may refuse it.
    let _ = stream.write_all(b"a").await;
    let mut byte = [0];
    soon(stream.read_exact(&mut byte))
        .await
        .ok()
        .map(|_| stream)
}

/// The same connections to either proxy: what was left open.
async fn connections(listeners: &BTreeMap<String, SocketAddr>) -> TcpStream {
    for _ in 0..2 {
        assert!(echoed(listeners["all"]).await.is_some());
    }
    for closed in ["refusing", "nobody"] {
        assert!(echoed(listeners[closed]).await.is_none(), "{closed}");
    }
    let held = echoed(listeners["narrow"]).await;
    assert!(echoed(listeners["narrow"]).await.is_none());
    held.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_count_the_same_of_tcp_services() {
    let echo = raw_upstream(|mut stream, _| async move {
        let (mut from, mut to) = stream.split();
        // Ends with the connection.
        let _ = tokio::io::copy(&mut from, &mut to).await;
    });
    let pods = pods(echo.await, refusing().await);
    let config = compiled_as(Protocol::Tcp, &objects(), pods);
    let proxy = proxy(config, Arc::default());
    let admin = admin_of(&proxy, everything());
    let clusters = static_clusters(&dump_of(&admin));
    let listeners = SUBSETS.map(|subset| tcp_listener(subset, &cluster(subset)));
    let Some(envoy) = Envoy::start(bootstrap_of(clusters, listeners.into())).await else {
        return;
    };
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let ours = connections(&serve_bytes(&proxy, &stop).await).await;
    let theirs = connections(&envoy.listeners().await).await;
    compare(&admin, &envoy).await;
    drop((ours, theirs));
    compare(&admin, &envoy).await;
}

/// An Envoy without an operating system's redirection is told where a client wanted to go.
const DIALLED: &str = "x-envoy-original-dst-host";

#[tokio::test(flavor = "multi_thread")]
async fn both_show_the_same_of_hosts_that_nobody_knows() {
    let gate = Arc::new(Semaphore::new(0));
    let upstream = upstream(gate).await;
    let config = compiled_as(Protocol::Http, &objects(), Vec::new());
    let proxy = proxy(config, Arc::default());
    let admin = admin_of(&proxy, everything());
    let dump = dump_of(&admin);
    let mut clusters = static_clusters(&dump);
    let mut passthrough = clusters
        .iter_mut()
        .filter(|it| it["type"] == "ORIGINAL_DST");
    passthrough.next().unwrap()["original_dst_lb_config"] = json!({"use_http_header": true});
    let listener = http_listener("svc", "outbound_0.0.0.0_8080;", &dump, json!([]));
    let Some(envoy) = Envoy::start(bootstrap_of(clusters, vec![listener])).await else {
        return;
    };
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let listen = Listen {
        routes: "8080".into(),
        address: Some(upstream.address),
    };
    let ours = serve(&proxy, listen, stop).await;
    let theirs = envoy.listener("svc").await;
    for address in [ours, theirs] {
        let mut client = Client::connect(address).await;
        let dialled = upstream.address.to_string();
        for (path, status) in [("/200", 200), ("/503", 503)] {
            let headers = [("host", "elsewhere.example"), (DIALLED, &*dialled)];
            let request = request(hyper::Method::GET, path, &headers, "");
            assert_eq!(client.send(request).await.status, status);
            if address == theirs {
                // Until Envoy's main thread knows the host, the next request makes it anew.
                let shown = async || envoy.get("/clusters").await.contains(&dialled);
                testkit::wait::until("Envoy to know the host", LIMIT, shown).await;
            }
        }
    }
    compare(&admin, &envoy).await;
}
