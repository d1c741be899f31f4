//! A real lab for tests: its own process, state directory and ports.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

pub mod kubectl;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lab::verify::process::{Greeting, server};
use reqwest::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A lab that does not come up by then has failed; generous, because tests share two cores.
pub const START_LIMIT: Duration = Duration::from_secs(60);

/// A running lab; killed when dropped.
pub struct Lab {
    pub child: Child,
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    /// What its first line said.
    pub greeting: String,
    /// `redis-cli` port of the store.
    pub redis_port: u16,
    pub state_dir: PathBuf,
    pub client: Client,
    _lines: Lines<BufReader<ChildStdout>>,
    _folder: Option<TempDir>,
}

/// How to start a lab.
pub struct Start {
    state_dir: Option<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Start {
    /// With the embedded store, on free ports.
    pub fn embedded() -> Self {
        Self::with(&["--redis", "embedded"])
    }

    /// With these flags, on free ports.
    pub fn with(arguments: &[&str]) -> Self {
        Self {
            state_dir: None,
            arguments: arguments.iter().map(|&it| it.to_owned()).collect(),
            environment: Vec::new(),
        }
    }

    /// In this state directory instead of a fresh one.
    pub fn state_dir(mut self, folder: &Path) -> Self {
        self.state_dir = Some(folder.to_owned());
        self
    }

    /// With one more variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The command, ready to be started.
    pub fn command(&self, state_dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_theater-lab"));
        command
            .args(["up", "--port", "0", "--api-port", "0", "--state-dir"])
            .arg(state_dir)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts it and waits until it has greeted.
    pub async fn up(self) -> Lab {
        let fresh = self
            .state_dir
            .is_none()
            .then(|| tempfile::tempdir().expect("a temporary folder can be made"));
        let state_dir = match (&self.state_dir, &fresh) {
            (Some(given), _) => given.clone(),
            (None, Some(fresh)) => fresh.path().join("state"),
            (None, None) => unreachable!("one of both is set"),
        };
        let mut child = self.command(&state_dir).spawn().expect("the lab starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines();
        let greeting = tokio::time::timeout(START_LIMIT, Greeting::read(&mut lines))
            .await
            .expect("the lab greets in time")
            .expect("the lab greets");
        Lab {
            child,
            url: greeting.dashboard,
            redis_port: greeting.redis_port.unwrap_or(0),
            greeting: greeting.first,
            state_dir,
            client: Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(30))
                .build()
                .unwrap(),
            _lines: lines,
            _folder: fresh,
        }
    }
}

impl Lab {
    pub fn kubeconfig(&self) -> PathBuf {
        self.state_dir.join("kubeconfig")
    }

    /// The API of a cluster, `http://127.0.0.1:<port>/<secret>/ctx1`.
    pub fn api(&self, cluster: &str) -> String {
        server(&self.kubeconfig(), cluster).expect("the context is there")
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .expect("the lab answers")
    }

    /// The cluster that answered, by `X-Service-Cluster`.
    pub async fn cluster_of(
        &self,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> (u16, Option<String>) {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("the lab answers");
        let cluster = answer
            .headers()
            .get("x-service-cluster")
            .map(|it| it.to_str().unwrap().to_owned());
        (answer.status().as_u16(), cluster)
    }

    /// A merge patch, as `kubectl patch --type merge` sends it.
    pub async fn merge_patch(&self, cluster: &str, path: &str, patch: &Value) -> Response {
        let request = self.client.patch(format!("{}{path}", self.api(cluster)));
        let request = request.header("content-type", "application/merge-patch+json");
        request
            .body(patch.to_string())
            .send()
            .await
            .expect("the API answers")
    }

    pub async fn list(&self, cluster: &str, path: &str) -> Vec<Value> {
        let url = format!("{}{path}", self.api(cluster));
        let answer = self.client.get(url).send().await.expect("the API answers");
        let list: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Orders pods to be sick for a minute: `user-service:ctx2`, `{"status": 500}`.
    pub async fn order(&self, whose: &str, order: &Value) {
        let key = format!("chaos:{whose}");
        let mut command = redis::cmd("SET");
        command.arg(key).arg(order.to_string()).arg("EX").arg(60);
        self.redis(&command).await;
    }

    /// Takes an order back.
    pub async fn forget_order(&self, whose: &str) {
        let mut command = redis::cmd("DEL");
        command.arg(format!("chaos:{whose}"));
        self.redis(&command).await;
    }

    async fn redis(&self, command: &redis::Cmd) {
        let address = format!("redis://127.0.0.1:{}", self.redis_port);
        let client = redis::Client::open(address).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        // The client's own limit of half a second is short for a disk that tests share.
        connection.set_response_timeout(Duration::from_secs(10));
        let () = command.query_async(&mut connection).await.unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("the lab runs")
    }

    /// Sends a signal and waits for the end.
    pub async fn end_by(&mut self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        tokio::time::timeout(Duration::from_secs(10), self.child.wait())
            .await
            .expect("the lab ends")
            .unwrap();
    }
}

/// Process ids of everything started from this state directory's lab: its children, by parent chain.
pub fn descendants(of: u32) -> Vec<u32> {
    let mut found = vec![of];
    let mut all: Vec<(u32, u32)> = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some(parent) = parent_of(pid) {
            all.push((pid, parent));
        }
    }
    let mut index = 0;
    while index < found.len() {
        let parent = found[index];
        found.extend(
            all.iter()
                .filter(|(_, it)| *it == parent)
                .map(|(pid, _)| *pid),
        );
        index += 1;
    }
    found.remove(0);
    found
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Whether a process exists and is no zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| {
        !stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
    })
}
