//! Commands as a trainee types them: what they print, and how they fail.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use tokio::process::Command;

use super::LIMIT;
use super::support::Lab;

/// A kubectl of this lab, with a cache of its own.
pub(super) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: tempfile::TempDir,
}

impl Kubectl {
    pub(super) fn of(lab: &Lab) -> Self {
        Self {
            program: PathBuf::from("kubectl"),
            kubeconfig: lab.kubeconfig(),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--cache-dir")
            .arg(self.cache.path())
            .args(line.split(' ').filter(|it| !it.is_empty()))
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end, which comes in time.
    pub(super) async fn run(&self, line: &str) -> Output {
        let output = self.command(line).output();
        tokio::time::timeout(LIMIT, output)
            .await
            .expect("kubectl ends")
            .expect("kubectl starts")
    }

    /// What a command that succeeds prints.
    pub(super) async fn says(&self, line: &str) -> String {
        let output = self.run(line).await;
        assert!(
            output.status.success(),
            "kubectl {line}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Exit code and standard error of a command that fails.
    pub(super) async fn fails(&self, line: &str) -> (i32, String) {
        let output = self.run(line).await;
        assert!(
            !output.status.success(),
            "kubectl {line}: {}",
            text(&output.stdout)
        );
        (output.status.code().unwrap_or(-1), text(&output.stderr))
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
