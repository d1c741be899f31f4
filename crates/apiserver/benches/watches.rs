//! What watches cost, measured on this machine: `cargo bench -p apiserver`.
//!
//! Over real sockets, every watcher a connection of its own. Nothing here fails.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot measure must stop"
)]
#![allow(missing_docs, reason = "a program, not an interface")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apimachinery::openapi::Wordless;
use apiserver::admission::AdmitAll;
use apiserver::kubelet::NoKubelet;
use apiserver::resource::rows;
use apiserver::store::{Error, Key, Part, RingLimits, Store, SystemSource};
use apiserver::{Access, Cluster, router};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const SECRET: &str = "a-secret-path-segment";
const OBJECTS: usize = 1_000;
const WATCHERS: usize = 50;
const WRITES: usize = 200;
/// Writes that the memory is watched over, and how often it is read.
const MANY: usize = 100_000;
const READINGS: usize = 10;

const WHOLE: &str = "application/json";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

#[tokio::main]
async fn main() {
    let server = Server::start().await;
    for number in 0..OBJECTS {
        server.create(number);
    }
    for (form, accept) in [("objects", WHOLE), ("tables", TABLE)] {
        fan_out(&server, form, accept).await;
    }
    lists(&server).await;
    memory(&server).await;
}

struct Server {
    store: Store,
    address: SocketAddr,
}

type Watcher = Lines<BufReader<TcpStream>>;

impl Server {
    async fn start() -> Self {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        let namespace = json!({"metadata": {"name": "shop"}});
        store.create(&rows::NAMESPACES, "", namespace).unwrap();
        let cluster = Cluster {
            store: store.clone(),
            admission: Arc::new(AdmitAll),
            kubelet: Arc::new(NoKubelet),
        };
        let access = Access::new(SECRET).unwrap();
        let router = router(
            [("ctx1".to_owned(), cluster)],
            access,
            Box::new(Wordless),
            CancellationToken::new(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { store, address }
    }

    /// A pod as large as those of a small service.
    fn create(&self, number: usize) {
        let container = json!({
            "name": "web", "image": "web:1.0", "env": [{"name": "PORT", "value": "8080"}],
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
        });
        let pod = json!({
            "metadata": {"name": format!("web-{number}"), "labels": {"app": "web"}},
            "spec": {"containers": [container], "nodeName": "node1"},
            "status": {"phase": "Running", "podIP": "10.1.0.1"},
        });
        self.store.create(&rows::PODS, "shop", pod).unwrap();
    }

    /// Changes one pod: what is written differs from all that was written before.
    fn write(&self, number: usize) {
        let version = self.store.resource_version();
        let key = Key::new(&rows::PODS, "shop", format!("web-{}", number % OBJECTS));
        let change = |old: &Value| {
            let mut new = old.clone();
            new["status"]["startTime"] = version.into();
            Ok::<_, Error>(new)
        };
        self.store.modify(&key, Part::Status, change).unwrap();
    }

    async fn get(&self, accept: &str, query: &str) -> Watcher {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let request = format!(
            "GET /{SECRET}/ctx1/api/v1/namespaces/shop/pods?{query} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n",
            self.address
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(socket).lines();
        while lines
            .next_line()
            .await
            .unwrap()
            .is_some_and(|header| !header.is_empty())
        {}
        lines
    }

    async fn watch(&self, accept: &str) -> Watcher {
        let version = self.store.resource_version();
        self.get(accept, &format!("watch=true&resourceVersion={version}"))
            .await
    }
}

/// The longest time from a write until every watcher has its line.
async fn fan_out(server: &Server, form: &str, accept: &str) {
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        watchers.push(server.watch(accept).await);
    }
    let (arrived, mut arrivals) = tokio::sync::mpsc::channel(WATCHERS);
    for mut watcher in watchers {
        let arrived = arrived.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = watcher.next_line().await {
                if line.starts_with('{') && arrived.send(Instant::now()).await.is_err() {
                    break;
                }
            }
        });
    }
    let mut millis = Vec::new();
    for number in 0..WRITES {
        let written = Instant::now();
        server.write(number);
        let mut last = written;
        for _ in 0..WATCHERS {
            last = arrivals.recv().await.unwrap().max(last);
        }
        millis.push((last - written).as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    println!(
        "{OBJECTS} objects, {WATCHERS} watchers of {form}: a write reaches all in {:.1} ms (median of {WRITES}), {:.1} ms at most",
        millis[WRITES / 2],
        millis[WRITES - 1]
    );
}

/// A list of everything, as kubectl asks for it.
async fn lists(server: &Server) {
    let mut millis = Vec::new();
    for _ in 0..WRITES / 10 {
        let asked = Instant::now();
        let mut body = server.get(TABLE, "limit=500").await;
        let table = body.next_line().await.unwrap().unwrap();
        millis.push(asked.elapsed().as_secs_f64() * 1e3);
        assert_eq!(table.matches("\"cells\"").count(), 500);
    }
    millis.sort_by(f64::total_cmp);
    println!(
        "a table of 500 pods: {:.1} ms (median)",
        millis[millis.len() / 2]
    );
}

/// Resident memory over many writes, with watchers that read and one that does not.
async fn memory(server: &Server) {
    let _idle = server.watch(WHOLE).await;
    let mut readings = Vec::new();
    let begun = Instant::now();
    for number in 0..MANY {
        server.write(number);
        if number % (MANY / READINGS) == MANY / READINGS - 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            readings.push(resident_mib());
        }
    }
    let readings: Vec<_> = readings.iter().map(|mib| format!("{mib:.0}")).collect();
    println!(
        "{MANY} writes in {:.1} s; resident MiB on the way: {}",
        begun.elapsed().as_secs_f64(),
        readings.join(" ")
    );
}

/// Resident set of this process; 0 where /proc does not tell.
fn resident_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
