//! A lab of its own: started, asked, ended.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::client::Client;

/// A lab that has not greeted by then has failed.
const START_LIMIT: Duration = Duration::from_secs(60);
const END_LIMIT: Duration = Duration::from_secs(15);

/// A running lab; killed when dropped, and it ends by itself when its starter is gone.
#[derive(Debug)]
pub struct LabProcess {
    child: Child,
    state_dir: PathBuf,
    /// The published port.
    pub client: Client,
    /// Held, so that the lab goes on, and obeys.
    orders: Mutex<ChildStdin>,
    // Held, so that the lab can still write.
    _said: Lines<BufReader<ChildStdout>>,
}

impl LabProcess {
    /// Starts `program` on free ports with these further flags, and waits until it has greeted.
    ///
    /// # Errors
    /// When it does not come up in time.
    pub async fn start(program: &Path, state_dir: &Path, flags: &[&str]) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["up", "--lifeline", "--port", "0", "--api-port", "0"])
            .arg("--state-dir")
            .arg(state_dir)
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let orders = child.stdin.take().context("stdin is piped")?;
        let mut said = BufReader::new(stdout).lines();
        let greeting = tokio::time::timeout(START_LIMIT, Greeting::read(&mut said))
            .await
            .with_context(|| format!("the lab was not up within {START_LIMIT:?}"))??;
        Ok(Self {
            child,
            state_dir: state_dir.to_owned(),
            client: Client::of(&greeting.dashboard),
            orders: Mutex::new(orders),
            _said: said,
        })
    }

    /// Where its kubeconfig, volumes and logs are.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Its contexts `ctx1` and `ctx2`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.state_dir.join("kubeconfig")
    }

    /// The API of a cluster.
    ///
    /// # Errors
    /// When the kubeconfig does not name it.
    pub fn api(&self, cluster: &str) -> Result<Client> {
        Ok(Client::of(&server(&self.kubeconfig(), cluster)?))
    }

    /// Gives an order that only who started a lab can give; nothing tells when it is obeyed.
    ///
    /// # Errors
    /// When the lab is gone.
    pub async fn order(&self, line: &str) -> Result<()> {
        let line = format!("{line}\n");
        let mut orders = self.orders.lock().await;
        orders.write_all(line.as_bytes()).await?;
        Ok(())
    }

    /// Sends a signal and waits for the end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn end(mut self, signal: Signal) -> Result<()> {
        if let Some(pid) = self.child.id() {
            let pid = Pid::from_raw(pid.cast_signed()).context("a process has an id")?;
            kill_process(pid, signal)?;
        }
        tokio::time::timeout(END_LIMIT, self.child.wait())
            .await
            .with_context(|| format!("the lab did not end within {END_LIMIT:?}"))??;
        Ok(())
    }
}

/// What a lab says when everything is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Its first line.
    pub first: String,
    /// `http://127.0.0.1:<port>`.
    pub dashboard: String,
    /// Where redis-cli finds the store, if it is on this machine and deployed.
    pub redis_port: Option<u16>,
}

impl Greeting {
    /// Reads what a lab says until its last line.
    ///
    /// # Errors
    /// When it ends before.
    pub async fn read(said: &mut Lines<BufReader<ChildStdout>>) -> Result<Self> {
        let mut lines = Vec::new();
        while let Some(line) = said.next_line().await? {
            let is_last = line.trim_start().starts_with("store ");
            lines.push(line);
            if is_last {
                return Self::of(&lines);
            }
        }
        bail!("the lab ended while it started; its words are above")
    }

    fn of(lines: &[String]) -> Result<Self> {
        let mut greeting = Self {
            first: lines.first().cloned().unwrap_or_default(),
            dashboard: String::new(),
            redis_port: None,
        };
        for line in lines {
            match &*line.split_whitespace().collect::<Vec<_>>() {
                ["dashboard", url] => greeting.dashboard = (*url).to_owned(),
                ["store", "redis-cli", "-p", port, ..] => greeting.redis_port = port.parse().ok(),
                _ => {}
            }
        }
        ensure!(!greeting.dashboard.is_empty(), "the lab told no dashboard");
        Ok(greeting)
    }
}

/// Where a kubeconfig of a lab says that the API of a cluster is.
///
/// # Errors
/// When it cannot be read, or does not name the cluster.
pub fn server(kubeconfig: &Path, cluster: &str) -> Result<String> {
    let text = std::fs::read_to_string(kubeconfig)
        .with_context(|| format!("{} cannot be read", kubeconfig.display()))?;
    let ending = format!("/{cluster}");
    let mut servers = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("server: "));
    let server = servers.find(|server| server.ends_with(&ending));
    let server = server.with_context(|| format!("the kubeconfig names no {cluster}"))?;
    Ok(server.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(store: &str) -> Result<Greeting> {
        let lines = [
            "theater-lab: 12 of 12 pods ready (1.20 s)",
            "  dashboard   http://127.0.0.1:8080",
            store,
        ];
        Greeting::of(&lines.map(str::to_owned))
    }

    #[test]
    fn a_greeting_tells_the_dashboard_and_where_the_store_is() {
        let greeting = of("  store       redis-cli -p 6390 (embedded)").unwrap();
        assert_eq!(greeting.dashboard, "http://127.0.0.1:8080");
        assert_eq!(greeting.redis_port, Some(6390));
        let elsewhere = of("  store       redis://10.0.0.1:6379").unwrap();
        assert_eq!(elsewhere.redis_port, None);
        assert!(Greeting::of(&["  store       embedded".to_owned()]).is_err());
    }
}
