//! A real chromium without a window, driven over the DevTools protocol.
//!
//! ```text
//! test ── Page ── Wire ──── JSON over two pipes ──── chromium (own process group, fresh profile)
//! ```
//!
//! The protocol runs over inherited pipes instead of a websocket: no port that another user of the
//! machine could open, no second protocol, and a browser that sees its pipe close ends by itself,
//! so that even a killed test leaves none behind.

mod console;
mod page;
mod wire;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use tempfile::TempDir;

use crate::tools;
pub use console::Entry;
pub use page::Page;
use wire::Wire;

/// Chromium reads commands at descriptor 3 and answers at 4; the shell puts our two pipes there.
const WITH_PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"#;

/// A test talks to loopback alone: whatever else a browser likes to fetch is switched off.
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
];

/// A running chromium; it and everything it started ends with this handle.
#[derive(Debug)]
pub struct Browser {
    wire: Arc<Wire>,
    process: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts one with a fresh profile; none after a loud skip.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start() -> Option<Self> {
        let program = tools::find_any(&["chromium", "chromium-browser", "google-chrome"])?;
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        let mut process = spawn(&program, profile.path());
        let input = process.stdin.take().expect("stdin is piped");
        let output = process.stdout.take().expect("stdout is piped");
        Some(Self {
            wire: Wire::new(input, output),
            process,
            _profile: profile,
        })
    }

    /// A new page, empty, sharing nothing (storage, cache) with other pages.
    ///
    /// # Panics
    /// When the browser does not answer in time.
    pub async fn page(&self) -> Page {
        let context = self
            .wire
            .call(None, "Target.createBrowserContext", json!({}))
            .await;
        let target = json!({"url": "about:blank", "browserContextId": context["browserContextId"]});
        let target = self.wire.call(None, "Target.createTarget", target).await;
        Page::attach(self.wire.clone(), &target["targetId"]).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.process);
        // Fails only when the whole group has already ended.
        let _ = kill_process_group(group, Signal::KILL);
        // Short: nothing survives SIGKILL. Only then can the profile be removed.
        let _ = self.process.wait();
    }
}

fn spawn(program: &Path, profile: &Path) -> Child {
    let mut profile_flag = std::ffi::OsString::from("--user-data-dir=");
    profile_flag.push(profile);
    Command::new("sh")
        .args(["-c", WITH_PIPES])
        .arg(program)
        .args(FLAGS)
        .arg(profile_flag)
        .arg("about:blank")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("a shell can be started")
}

#[cfg(test)]
mod tests;
