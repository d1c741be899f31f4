//! Commands in a container: what its image has, as tasks of the lab, and nothing of this machine.

use std::io::ErrorKind;
use std::sync::Arc;

use apiserver::kubelet::{Exit, Output, Terminal};
use apiserver::status::Status;
use common::applet::{self, Console, Written};
use common::command::{self, Asked, Said, Setting};
use common::outbound::{Resolve, Resolving};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::image::Image;
use super::pod::PodRun;
use super::program::{is_own, no_executable};
use crate::injection::SIDECAR;

/// What a command is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Command {
    Applet(String, Vec<String>),
    /// The service's own binary.
    Own(&'static str, Vec<String>),
    /// It asks the admin interface of the pod's proxy.
    Agent(Vec<String>),
    Missing(String),
}

/// What is known about who still sends requests to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Senders {
    /// Nothing.
    Unknown,
    /// Every proxy has learned that the pod leaves.
    Gone,
}

/// Runs a command; its future is the command, and dropping it ends the command.
pub(super) fn exec(
    pod: &Arc<PodRun>,
    container: &str,
    line: &[String],
    terminal: Terminal,
    senders: Senders,
) -> BoxFuture<'static, Exit> {
    let image = pod
        .container(container)
        .and_then(|it| Image::of_container(&it));
    let resolve: Arc<dyn Resolve> = Arc::new(Names(Arc::clone(pod)));
    match command(container, image, line) {
        Command::Applet(name, arguments) => {
            async move { Ok(client(&name, &arguments, terminal, resolve).await) }.boxed()
        }
        Command::Own(name, arguments) => {
            let setting = Setting {
                env: pod.environment(container),
                resolve,
                left: senders.left(),
            };
            async move { Ok(own(name, arguments, setting, &terminal).await) }.boxed()
        }
        Command::Agent(arguments) => {
            let pod = Arc::clone(pod);
            async move { Ok(told(agent(&pod, &arguments), &terminal).await) }.boxed()
        }
        Command::Missing(name) => {
            let refusal = Status::internal(refusal(&name)).reason("InternalError");
            async move { Err(refusal) }.boxed()
        }
    }
}

impl Senders {
    fn left(self) -> BoxFuture<'static, ()> {
        match self {
            Self::Unknown => std::future::pending().boxed(),
            Self::Gone => std::future::ready(()).boxed(),
        }
    }
}

/// Runs an applet over a terminal to its end and gives its exit code.
async fn client(
    name: &str,
    arguments: &[String],
    terminal: Terminal,
    resolve: Arc<dyn Resolve>,
) -> i32 {
    let (console, mut written) = Console::new(terminal.stdin);
    let passing = async {
        while let Some(page) = written.recv().await {
            let page = match page {
                Written::Stdout(bytes) => Output::Stdout(bytes),
                Written::Stderr(bytes) => Output::Stderr(bytes),
            };
            // A client that has left does not keep the applet from its end.
            let _ = terminal.output.send(page).await;
        }
    };
    let (code, ()) = tokio::join!(applet::run(name, arguments, console, resolve), passing);
    code
}

/// Runs a subcommand of a service's binary to its end and gives its exit code.
async fn own(
    name: &'static str,
    arguments: Vec<String>,
    setting: Setting,
    terminal: &Terminal,
) -> i32 {
    let said = match command::parse(name, arguments) {
        Ok(Asked::Task(task)) => task.run(setting).await,
        // The second server of a container fails at its port.
        Ok(Asked::Serve) => Said::failure(format!(
            "{name}: it serves already in this container; ask {name} --help for its commands\n"
        )),
        Err(said) => said,
    };
    told(said, terminal).await
}

/// Writes what a command has said, and gives its exit code.
async fn told(said: Said, terminal: &Terminal) -> i32 {
    for page in [
        Output::Stdout(said.out.into()),
        Output::Stderr(said.err.into()),
    ] {
        let _ = terminal.output.send(page).await;
    }
    said.code.into()
}

/// `pilot-agent request GET PATH`: nothing else of it is here.
fn agent(pod: &PodRun, arguments: &[String]) -> Said {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let path = match words[..] {
        ["request", method, path] if method.eq_ignore_ascii_case("get") => path,
        _ => {
            let usage = "pilot-agent: only this is here: pilot-agent request GET PATH\n";
            return Said::failure(usage.to_owned());
        }
    };
    let path = format!("/{}", path.trim_start_matches('/'));
    match pod.attachment.ask_admin(&path) {
        Some(page) if page.status < 400 => Said::done(page.body),
        Some(page) => {
            let (status, body) = (page.status, page.body);
            Said::failure(format!("Error: unexpected status code {status}: {body}\n"))
        }
        None => Said::failure("Error: this pod has no proxy\n".to_owned()),
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
    senders: Senders,
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
    let (exit, text) = tokio::join!(exec(pod, container, line, terminal, senders), reading);
    match exit {
        Ok(0) => Ok(()),
        Ok(_) => Err(text),
        Err(status) => Err(status.message().to_owned()),
    }
}

fn command(container: &str, image: Option<Image>, line: &[String]) -> Command {
    let Some((first, arguments)) = line.split_first() else {
        return Command::Missing(String::new());
    };
    let name = first.rsplit('/').next().unwrap_or(first);
    match image {
        Some(Image::Service(own)) if is_own(own, name) => {
            return Command::Own(own, arguments.to_vec());
        }
        _ => {}
    }
    match name {
        "pilot-agent" if container == SIDECAR => Command::Agent(arguments.to_vec()),
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
        let found = match self.0.resolve(name, port) {
            Some(address) => Ok(vec![address]),
            // The name has an address, and nobody listens there.
            None if self.0.knows(name) => Err(ErrorKind::ConnectionRefused.into()),
            None => Err(ErrorKind::NotFound.into()),
        };
        Box::pin(std::future::ready(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_image_has_is_run() {
        let user = Some(Image::Service("user-service"));
        let x = || vec!["x".to_owned()];
        let applet = |name: &str| Command::Applet(name.to_owned(), x());
        let own = || Command::Own("user-service", x());
        let missing = |name: &str| Command::Missing(name.to_owned());
        for (container, image, line, expected) in [
            ("users", user, "curl x", applet("curl")),
            ("users", user, "/usr/bin/wget x", applet("wget")),
            ("users", user, "user-service x", own()),
            ("users", user, "/app x", own()),
            ("users", user, "movie-service x", missing("movie-service")),
            ("users", Some(Image::Redis), "/app x", missing("/app")),
            ("users", None, "user-service x", missing("user-service")),
            ("users", user, "sh -c x", missing("sh")),
            (
                "users",
                user,
                "pilot-agent request GET x",
                missing("pilot-agent"),
            ),
            (
                SIDECAR,
                Some(Image::Proxy),
                "pilot-agent x",
                Command::Agent(x()),
            ),
            (SIDECAR, Some(Image::Proxy), "curl x", applet("curl")),
            (SIDECAR, Some(Image::Proxy), "tar cf - /", missing("tar")),
        ] {
            let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(command(container, image, &line), expected, "{line:?}");
        }
    }
}
