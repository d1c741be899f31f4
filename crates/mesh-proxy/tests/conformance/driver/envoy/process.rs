//! An Envoy process: its folder of files, its admin port, its end with its handle.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::config::bootstrap;
use crate::support::Client;

/// No wait for the process is longer.
const LIMIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

pub(super) struct Process {
    folder: TempDir,
    /// Given at start.
    pub(super) listeners: Vec<Value>,
    running: Option<Running>,
}

struct Running {
    admin: SocketAddr,
    /// Name of a listener → its address.
    addresses: BTreeMap<String, SocketAddr>,
    /// Ends with this handle.
    child: Child,
}

impl Process {
    /// A process that is not started yet.
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            listeners: Vec::new(),
            running: None,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces a file at once: Envoy watches for renames.
    pub(super) fn write(&self, name: &str, content: &Value) {
        let (new, path) = (self.folder().join("new"), self.folder().join(name));
        std::fs::write(&new, content.to_string()).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// Starts it and waits until all its listeners serve.
    pub(super) async fn start(&mut self, program: &Path) {
        self.write("bootstrap.json", &bootstrap(&self.listeners, self.folder()));
        let child = Command::new(program)
            .current_dir(self.folder())
            .args(["-c", "bootstrap.json", "--admin-address-path", "admin"])
            .args(["--concurrency", "1", "--use-dynamic-base-id"])
            .args(["--log-path", "envoy.log", "-l", "warning"])
            .args(["--file-flush-interval-msec", "20"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut child =
            child.unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let until = Instant::now() + LIMIT;
        let (admin, addresses) = loop {
            if let Some(ready) = self.ready().await {
                break ready;
            }
            let ended = child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < until,
                "envoy does not serve: {}",
                self.own_log()
            );
            sleep(LOOK).await;
        };
        self.running = Some(Running {
            admin,
            addresses,
            child,
        });
    }

    /// The admin address and the listeners', as soon as requests are served.
    async fn ready(&self) -> Option<(SocketAddr, BTreeMap<String, SocketAddr>)> {
        let admin = std::fs::read_to_string(self.folder().join("admin")).ok()?;
        let admin: SocketAddr = admin.parse().ok()?;
        let mut client = Client::connect(admin).await;
        if client.get("/ready").await.status != 200 {
            return None;
        }
        let text = client.get("/listeners?format=json").await.body;
        let listeners: Value = serde_json::from_str(&text).unwrap();
        let address = |listener: &Value| {
            let port = listener.pointer("/local_address/socket_address/port_value")?;
            let port = u16::try_from(port.as_u64()?).ok()?;
            let name = listener["name"].as_str()?.to_owned();
            Some((name, SocketAddr::from(([127, 0, 0, 1], port))))
        };
        let listeners = listeners["listener_statuses"].as_array()?;
        let addresses: BTreeMap<_, _> = listeners.iter().filter_map(address).collect();
        (addresses.len() == self.listeners.len()).then_some((admin, addresses))
    }

    fn own_log(&self) -> String {
        std::fs::read_to_string(self.folder().join("envoy.log")).unwrap_or_default()
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(super) fn address(&self, listener: &str) -> SocketAddr {
        self.running().addresses[listener]
    }

    /// What its admin port answers.
    pub(super) async fn admin(&self, path: &str) -> String {
        Client::connect(self.running().admin)
            .await
            .get(path)
            .await
            .body
    }

    /// How often clusters, and the routes of a listener, were taken over.
    pub(super) async fn updates(&self, listener: &str) -> [u64; 2] {
        let text = self.admin("/stats?filter=update_success").await;
        let of = |prefix: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(": "));
            let found = lines.find(|(name, _)| name.starts_with(prefix));
            found.map_or(0, |(_, count)| count.parse().unwrap())
        };
        [
            of("cluster_manager.cds."),
            of(&format!("http.{listener}.rds.")),
        ]
    }

    /// Waits until both were once more.
    pub(super) async fn updated(&self, listener: &str, before: [u64; 2]) {
        let until = Instant::now() + LIMIT;
        loop {
            let now = self.updates(listener).await;
            if now.iter().zip(before).all(|(now, before)| *now > before) {
                return;
            }
            assert!(
                Instant::now() < until,
                "envoy obeys no change: {}",
                self.own_log()
            );
            sleep(LOOK).await;
        }
    }

    /// The lines of a listener's access log.
    pub(super) fn read_log(&self, listener: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder().join(format!("{listener}.log")));
        text.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Before its folder goes.
        if let Some(running) = &mut self.running {
            let _ = running.child.start_kill();
        }
    }
}
