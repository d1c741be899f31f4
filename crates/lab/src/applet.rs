//! Programs that the images of the course contain beside their service: small clients, for
//! trying things out.
//!
//! They run where the pod's names lead: as a container's process over its link, or for
//! `kubectl exec` as a task of the lab. Either way their requests go through the pod's sidecar,
//! and no command of this machine is ever run.

mod curl;
mod http;
mod wget;

use std::sync::Arc;

use apiserver::kubelet::{Output, Terminal};
use bytes::Bytes;
use common::outbound::Resolve;
use tokio::sync::mpsc;

/// Every applet by name.
const ALL: [&str; 2] = ["curl", "wget"];

/// Whether there is an applet of this name.
pub fn exists(name: &str) -> bool {
    ALL.contains(&name)
}

/// Runs an applet to its end and gives its exit code.
pub async fn run(
    name: &str,
    arguments: &[String],
    terminal: Terminal,
    resolve: Arc<dyn Resolve>,
) -> i32 {
    let mut console = Console(terminal);
    match name {
        "curl" => curl::run(arguments, &mut console, &*resolve).await,
        "wget" => wget::run(arguments, &mut console, &*resolve).await,
        _ => 127,
    }
}

/// Runs an applet as this process's whole work, on its own standard output.
pub async fn run_as_process(name: &str, arguments: &[String], resolve: Arc<dyn Resolve>) -> i32 {
    let (output, mut written) = mpsc::channel(16);
    let terminal = Terminal {
        stdin: None,
        output,
    };
    let printing = async {
        while let Some(page) = written.recv().await {
            print(&page);
        }
    };
    let (code, ()) = tokio::join!(run(name, arguments, terminal, resolve), printing);
    code
}

/// Who closed our output does not want it.
fn print(page: &Output) {
    use std::io::Write;
    let _ = match page {
        Output::Stdout(bytes) => std::io::stdout().write_all(bytes),
        Output::Stderr(bytes) => std::io::stderr().write_all(bytes),
    };
}

/// An applet's standard streams.
struct Console(Terminal);

impl Console {
    async fn out(&self, bytes: impl Into<Bytes>) {
        let _ = self.0.output.send(Output::Stdout(bytes.into())).await;
    }

    async fn err(&self, text: String) {
        let _ = self.0.output.send(Output::Stderr(text.into())).await;
    }

    /// Everything that is typed, at most as much as a request may hold.
    async fn all_input(&mut self) -> Vec<u8> {
        const MOST: usize = 4 * 1024 * 1024;
        let mut all = Vec::new();
        if let Some(stdin) = &mut self.0.stdin {
            while let Some(page) = stdin.recv().await {
                all.extend_from_slice(&page);
                if all.len() >= MOST {
                    break;
                }
            }
        }
        all
    }
}
