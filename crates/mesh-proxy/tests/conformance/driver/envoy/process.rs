//! An Envoy process whose clusters and routes come from files that may be replaced.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::envoy;
use tokio::time::{Instant, sleep};

use super::config::bootstrap;

/// No change takes longer.
const LIMIT: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);

/// It ends with this handle.
pub(super) struct Process {
    envoy: envoy::Envoy,
    /// Name of a listener → its address.
    addresses: BTreeMap<String, SocketAddr>,
    files: Files,
}

/// Where a process finds its clusters and routes and writes its access logs.
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Replaces a file at once: Envoy watches for renames.
    pub(super) fn write(&self, name: &str, content: &Value) {
        let (new, path) = (self.folder().join("new"), self.folder().join(name));
        std::fs::write(&new, content.to_string()).unwrap();
        std::fs::rename(new, path).unwrap();
    }
}

impl Process {
    /// Starts it on listeners, clusters and what its files say.
    pub(super) async fn start(listeners: &[Value], clusters: &[Value], files: Files) -> Self {
        let envoy = envoy::Envoy::start(bootstrap(listeners, clusters, files.folder())).await;
        let envoy = envoy.expect("it was found before");
        Self {
            addresses: envoy.listeners().await,
            envoy,
            files,
        }
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    pub(super) fn address(&self, listener: &str) -> SocketAddr {
        self.addresses[listener]
    }

    /// What its admin interface answers.
    pub(super) async fn admin(&self, path: &str) -> String {
        self.envoy.get(path).await
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
            assert!(Instant::now() < until, "envoy takes over no changed file");
            sleep(LOOK).await;
        }
    }

    /// The lines of a listener's access log.
    pub(super) fn read_log(&self, listener: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.files.folder().join(format!("{listener}.log")));
        let text = text.unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
