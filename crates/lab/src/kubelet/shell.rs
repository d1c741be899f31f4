//! Commands in a container: what its image has, as tasks of the lab, and nothing of this machine.

use std::sync::Arc;

use apiserver::kubelet::{Exit, Output, Terminal};
use apiserver::status::Status;
use common::outbound::{Authority, Resolve, Resolving};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::pod::PodRun;
use super::program::no_executable;
use crate::applet;
use crate::injection::SIDECAR;

/// Where a sidecar's admin interface listens, in the pod.
const ADMIN_PORT: u16 = 15000;
const NO_ADMIN: &str = "the admin interface of the sidecar is not served by this lab yet; ask kubectl for its log with -c istio-proxy\n";

/// What a command is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Command {
    Applet(String, Vec<String>),
    /// It asks the sidecar's admin interface.
    Admin,
    Missing(String),
}

/// Runs a command; its future is the command, and dropping it ends the command.
pub(super) fn exec(
    pod: &Arc<PodRun>,
    container: &str,
    line: &[String],
    terminal: Terminal,
) -> BoxFuture<'static, Exit> {
    match command(container, line) {
        Command::Applet(name, arguments) => {
            let resolve: Arc<dyn Resolve> = Arc::new(Names(Arc::clone(pod)));
            async move { Ok(applet::run(&name, &arguments, terminal, resolve).await) }.boxed()
        }
        Command::Admin => async move {
            let _ = terminal.output.send(Output::Stderr(NO_ADMIN.into())).await;
            Ok(1)
        }
        .boxed(),
        Command::Missing(name) => {
            let refusal = Status::internal(refusal(&name)).reason("InternalError");
            async move { Err(refusal) }.boxed()
        }
    }
}

/// Runs a probe's or a hook's command.
///
/// # Errors
/// What it wrote, where it failed.
pub(super) async fn succeeds(
    pod: &Arc<PodRun>,
    container: &str,
    line: &[String],
) -> Result<(), String> {
    let (output, mut written) = mpsc::channel(16);
    let terminal = Terminal {
        stdin: None,
        output,
    };
    let reading = async {
        let mut text = Vec::new();
        while let Some(Output::Stdout(page) | Output::Stderr(page)) = written.recv().await {
            // Kubernetes: so much of a probe's output is kept.
            text.extend(page.iter().take(10_240_usize.saturating_sub(text.len())));
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    let (exit, text) = tokio::join!(exec(pod, container, line, terminal), reading);
    match exit {
        Ok(0) => Ok(()),
        Ok(_) => Err(text),
        Err(status) => Err(status.message().to_owned()),
    }
}

fn command(container: &str, line: &[String]) -> Command {
    let Some((first, arguments)) = line.split_first() else {
        return Command::Missing(String::new());
    };
    let name = first.rsplit('/').next().unwrap_or(first);
    let asks_admin = |it: &String| it.contains(&format!(":{ADMIN_PORT}"));
    match name {
        "pilot-agent" if container == SIDECAR => Command::Admin,
        "curl" if container == SIDECAR && arguments.iter().any(asks_admin) => Command::Admin,
        name if applet::exists(name) => Command::Applet(name.to_owned(), arguments.to_vec()),
        _ => Command::Missing(first.clone()),
    }
}

/// The words of kubelet, containerd and runc about a command that is not there.
fn refusal(name: &str) -> String {
    let id = format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    );
    format!(
        "Internal error occurred: error executing command in container: failed to exec in container: \
         failed to start exec \"{id}\": OCI runtime exec failed: exec failed: unable to start container \
         process: {}: unknown",
        no_executable(name)
    )
}

/// The names that a pod knows, for what runs in it as a task.
struct Names(Arc<PodRun>);

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a> {
        let address = self.0.resolve(name, port);
        Box::pin(async move {
            let address = address.ok_or(std::io::ErrorKind::NotFound)?;
            Ok(Authority {
                host: address.ip().to_string(),
                port: address.port(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_image_has_is_run() {
        let of = |container: &str, line: &str| {
            let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
            command(container, &line)
        };
        let applet = |name: &str| Command::Applet(name.to_owned(), vec!["x".to_owned()]);
        for (container, line, expected) in [
            ("user-service", "curl x", applet("curl")),
            ("user-service", "/usr/bin/wget x", applet("wget")),
            ("user-service", "sh -c x", Command::Missing("sh".to_owned())),
            (
                "user-service",
                "pilot-agent request GET x",
                Command::Missing("pilot-agent".to_owned()),
            ),
            (SIDECAR, "pilot-agent request GET stats", Command::Admin),
            (SIDECAR, "curl localhost:15000/clusters", Command::Admin),
            (SIDECAR, "tar cf - /", Command::Missing("tar".to_owned())),
        ] {
            assert_eq!(of(container, line), expected, "{line}");
        }
    }
}
