//! Real kubectl, as a trainee runs it: in a shell, with a home and a kubeconfig of its own.

use std::path::{Path, PathBuf};
use std::process::{Command as Once, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// No command takes longer, its own waiting included.
const LIMIT: Duration = Duration::from_secs(120);

/// A kubectl of this decade; none after a loud skip.
pub fn current() -> Option<PathBuf> {
    testkit::tools::find_matching("kubectl", "kubectl 1.35 or newer", |program| {
        minor(program).is_some_and(|minor| minor >= 35)
    })
}

/// Debian's kubectl 1.20, under the name `kubectl-1.20`; none after a loud skip.
pub fn old() -> Option<PathBuf> {
    testkit::tools::find_matching("kubectl-1.20", "kubectl 1.20 as kubectl-1.20", |program| {
        minor(program) == Some(20)
    })
}

fn minor(program: &Path) -> Option<u32> {
    let version = ["version", "--client", "-o", "json"];
    let output = Once::new(program).args(version).output().ok()?;
    let version: Value = serde_json::from_slice(&output.stdout).ok()?;
    let minor = version["clientVersion"]["minor"].as_str()?;
    minor.trim_end_matches('+').parse().ok()
}

/// What a command printed.
#[derive(Debug, Default)]
pub struct Printed {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Printed {
    /// Both streams together.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A shell that finds `kubectl` and, by a copy of its kubeconfig, the lab.
pub struct Shell {
    home: TempDir,
    path: String,
    variables: Vec<(String, String)>,
}

impl Shell {
    pub fn new(kubectl: &Path, kubeconfig: &Path) -> Self {
        let home = tempfile::tempdir().unwrap();
        let tools = home.path().join("tools");
        std::fs::create_dir(&tools).unwrap();
        std::os::unix::fs::symlink(kubectl, tools.join("kubectl")).unwrap();
        std::fs::copy(kubeconfig, home.path().join("kubeconfig")).unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            path: format!("{}:{}", tools.display(), path.display()),
            home,
            variables: Vec::new(),
        }
    }

    /// With one more variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its home, for files of the commands.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs a command in its home.
    pub async fn run(&self, command: &str) -> Printed {
        self.play(command, "", self.home(), &[]).await
    }

    /// Runs a command with this input, in this folder, with these further variables.
    pub async fn play(
        &self,
        command: &str,
        input: &str,
        folder: &Path,
        variables: &[(&str, &str)],
    ) -> Printed {
        let mut child = Command::new("bash")
            .args(["-c", command])
            .current_dir(folder)
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.home())
            .env("KUBECONFIG", self.home().join("kubeconfig"))
            .env("TZ", "UTC")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read its input may be gone by now.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let Ok(output) = tokio::time::timeout(LIMIT, child.wait_with_output()).await else {
            let stderr = format!("still running after {LIMIT:?}");
            return Printed {
                exit: -1,
                stderr,
                ..Printed::default()
            };
        };
        let output = output.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Printed {
            exit: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}
