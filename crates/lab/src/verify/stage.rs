//! A lab with the theater in it, and a shell that works on it as a class does.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::Command;

use super::house::House;
use super::process::LabProcess;

/// No command takes longer, its own waiting included.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);
/// From kubectl's end to sidecars that obey; real meshes need 0.06 to 0.42 s.
const SETTLE: Duration = Duration::from_millis(500);

/// A lab and where its commands are at home.
#[derive(Debug)]
pub struct Stage {
    /// The lab.
    pub lab: LabProcess,
    /// The checkout.
    pub house: House,
    home: TempDir,
}

impl Stage {
    /// Starts a lab that deploys the theater.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn open(house: &House) -> Result<Self> {
        Self::with(house, &["--redis", "embedded"]).await
    }

    /// Starts a lab with these flags.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn with(house: &House, flags: &[&str]) -> Result<Self> {
        let home = tempfile::tempdir().context("a temporary folder cannot be made")?;
        let state = home.path().join("state");
        let lab = LabProcess::start(&house.program, &state, flags).await?;
        Ok(Self {
            lab,
            house: house.clone(),
            home,
        })
    }

    /// What a kubectl prints that succeeds; words as in a shell without quotes.
    ///
    /// # Errors
    /// When it fails or takes too long.
    pub async fn kubectl(&self, line: &str) -> Result<String> {
        self.run(OsStr::new("kubectl"), line).await
    }

    /// What `fault-injection-demo.sh --lab` prints with these words.
    ///
    /// # Errors
    /// When it fails or takes too long.
    pub async fn demo(&self, words: &str) -> Result<String> {
        self.script("fault-injection-demo.sh", &format!("--lab {words}"))
            .await
    }

    /// What a script of the checkout prints.
    ///
    /// # Errors
    /// When it fails or takes too long.
    pub async fn script(&self, name: &str, words: &str) -> Result<String> {
        self.run(self.house.root.join(name).as_os_str(), words)
            .await
    }

    /// Applies a lesson to ctx1, as its page says, and waits until sidecars obey.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn apply(&self, lesson: &str) -> Result<()> {
        let folder = self.house.root.join("practice").join(lesson);
        let line = format!("apply --context ctx1 -k {}", folder.display());
        self.kubectl(&line).await?;
        self.settle().await;
        Ok(())
    }

    /// Waits until sidecars obey what kubectl has written; nothing tells when they do.
    pub async fn settle(&self) {
        tokio::time::sleep(SETTLE).await;
    }

    /// Ends the lab.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn end(self) -> Result<()> {
        self.lab.end(Signal::TERM).await
    }

    /// A lesson's objects as kubectl renders them.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn rendered(&self, lesson: &str) -> Result<super::rules::Rules> {
        let folder = self.house.root.join("practice").join(lesson);
        let text = self
            .kubectl(&format!("kustomize {}", folder.display()))
            .await?;
        super::rules::of_text(&text)
    }

    async fn run(&self, program: &OsStr, line: &str) -> Result<String> {
        let what = format!("{} {line}", Path::new(program).display());
        let mut command = Command::new(program);
        command
            .args(line.split_whitespace())
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.lab.kubeconfig())
            .env("THEATER_STATE_DIR", self.lab.state_dir())
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND_LIMIT, command.output())
            .await
            .with_context(|| format!("{what} was not done within {COMMAND_LIMIT:?}"))?
            .with_context(|| format!("{what} cannot be started"))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            bail!("{what}: {}: {printed}{told}", output.status);
        }
        Ok(printed)
    }
}
