//! `…/exec` and `…/attach`: a command's standard streams as channels of one connection.
//!
//! ```text
//!  WebSocket: the first byte of a message is the channel      SPDY: a stream each, named by the
//!  0 stdin  1 stdout  2 stderr  3 status  4 resize  255 close       header `streamtype`
//! ```

mod spdy;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Call, check_host, container, upgrade};
use crate::http::options::Query;
use crate::kubelet::{ContainerRef, Exit, Kubelet, Output, Terminal};
use crate::status::{Cause, Status};

/// Pages that may wait for either side.
const PAGES: usize = 16;
/// How long a client may still send once its command has ended, and was told so.
const LINGER: Duration = Duration::from_secs(5);

/// What is asked of the container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    /// Run a command.
    Exec,
    /// Show what it writes.
    Attach,
}

/// The streams a client wants.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Wanted {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    tty: bool,
}

/// A command that was let pass, and our ends of its streams.
struct Running {
    exit: BoxFuture<'static, Exit>,
    stdin: Option<mpsc::Sender<Bytes>>,
    output: mpsc::Receiver<Output>,
}

pub(super) async fn serve(
    call: &Call<'_>,
    pod: &Arc<Value>,
    action: Action,
) -> Result<Response, Status> {
    let wanted = Wanted::of(&call.query)?;
    let command: Vec<String> = call
        .query
        .all("command")
        .into_iter()
        .map(str::to_owned)
        .collect();
    if action == Action::Exec && command.iter().all(String::is_empty) {
        let causes = vec![Cause::required("command", "")];
        return Err(Status::invalid_kind("", "PodExecOptions", "", causes));
    }
    let container = container(pod, call.query.get("container"))?;
    check_host(pod)?;
    let of = ContainerRef { pod, container };
    let running = Running::start(&*call.cluster.kubelet, of, action, command, wanted)?;
    let stop = call.shutdown.clone();
    if upgrade::is_websocket(&call.parts.headers) {
        upgrade::websocket(call.parts, websocket::PROTOCOL, |socket| async move {
            tokio::select! {
                () = websocket::serve(socket, running) => {}
                () = stop.cancelled() => {}
            }
        })
        .await
    } else {
        upgrade::spdy(call.parts, spdy::PROTOCOL, move |wire| async move {
            tokio::select! {
                () = spdy::serve(wire, running, wanted) => {}
                () = stop.cancelled() => {}
            }
        })
    }
}

impl Wanted {
    fn of(query: &Query) -> Result<Self, Status> {
        let wanted = Self {
            stdin: query.flag("stdin"),
            stdout: query.flag("stdout"),
            stderr: query.flag("stderr"),
            tty: query.flag("tty"),
        };
        if wanted.stdin || wanted.stdout || wanted.stderr {
            // Kubernetes: a terminal has one output.
            Ok(Self {
                stderr: wanted.stderr && !wanted.tty,
                ..wanted
            })
        } else {
            Err(Status::bad_request(
                "you must specify at least 1 of stdin, stdout, stderr",
            ))
        }
    }
}

impl Running {
    fn start(
        kubelet: &dyn Kubelet,
        of: ContainerRef<'_>,
        action: Action,
        command: Vec<String>,
        wanted: Wanted,
    ) -> Result<Self, Status> {
        let (stdin, typed) = mpsc::channel(PAGES);
        let (written, output) = mpsc::channel(PAGES);
        let terminal = Terminal {
            stdin: wanted.stdin.then_some(typed),
            output: written,
        };
        let exit = match action {
            Action::Exec => kubelet.exec(of, command, terminal)?,
            Action::Attach => kubelet.attach(of, terminal)?,
        };
        Ok(Self {
            exit,
            stdin: wanted.stdin.then_some(stdin),
            output,
        })
    }
}

/// What the status channel says at the end.
fn status_of(exit: &Exit) -> Value {
    match exit {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(status) => json!(status),
    }
}
