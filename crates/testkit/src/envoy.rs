//! A real Envoy on free ports.

use std::fs;
use std::net::SocketAddr;
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

impl Envoy {
    /// Starts one on a bootstrap without `admin`, with its listeners on port 0; none after a loud
    /// skip.
    ///
    /// # Panics
    /// When it does not come up: the bootstrap is wrong.
    pub async fn start(mut bootstrap: Value) -> Option<Self> {
        let program = tools::find("envoy")?;
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
        let listeners: Value = serde_json::from_str(&self.get("/listeners?format=json").await)
            .expect("envoy lists its listeners");
        let all = listeners["listener_statuses"].as_array();
        let found = all.into_iter().flatten().find(|it| it["name"] == name);
        let address = found.map(|it| &it["local_address"]["socket_address"]["port_value"]);
        let port = address
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok());
        SocketAddr::from(([127, 0, 0, 1], port.expect("envoy knows the listener")))
    }
}

/// An address of a bootstrap on this machine.
pub fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
