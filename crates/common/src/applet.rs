//! Small clients that a service's image contains beside it, for trying things out.
//!
//! One binary, several names, as in BusyBox: called `curl` or `wget` it is that. A host that has no
//! process for a pod runs them as a task, with the pod's own names and streams.

mod console;
mod curl;
mod http;
mod wget;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::outbound::{Dns, Resolve};
use crate::program;
pub use console::{Console, Written};

/// Every applet by name.
const ALL: [&str; 2] = ["curl", "wget"];

/// The shell's exit code for a command that does not exist.
const NO_SUCH_COMMAND: i32 = 127;

/// Whether there is an applet of this name.
pub fn exists(name: &str) -> bool {
    ALL.contains(&name)
}

/// The applet that a process is, by the name it was called by: the last part of a path.
fn called(program: &OsStr) -> Option<&'static str> {
    let name = Path::new(program).file_name()?;
    ALL.into_iter().find(|applet| name == *applet)
}

/// Runs the applet by whose name this process was called; none: it was called by another name.
pub fn of_process() -> Option<ExitCode> {
    let mut words = std::env::args_os();
    let applet = words.next().as_deref().and_then(called)?;
    Some(main(applet, words))
}

/// Runs an applet to its end and gives its exit code.
pub async fn run(
    name: &str,
    arguments: &[String],
    mut console: Console,
    resolve: Arc<dyn Resolve>,
) -> i32 {
    match name {
        "curl" => curl::run(arguments, &mut console, &*resolve).await,
        "wget" => wget::run(arguments, &mut console, &*resolve).await,
        _ => NO_SUCH_COMMAND,
    }
}

/// Runs an applet on this process's standard output.
pub async fn run_in_process(
    name: &str,
    arguments: &[String],
    stdin: Option<mpsc::Receiver<Bytes>>,
    resolve: Arc<dyn Resolve>,
) -> i32 {
    let (console, written) = Console::new(stdin);
    let running = run(name, arguments, console, resolve);
    let (code, ()) = tokio::join!(running, console::print(written));
    code
}

/// Runs an applet as this process's whole work.
fn main(name: &str, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<String> = arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let stdin = console::stdin_of_process();
    let running = run_in_process(name, &arguments, stdin, Arc::new(Dns::default()));
    match program::runtime() {
        // Their exit codes fit: curl's largest is below 100.
        Ok(runtime) => ExitCode::from(u8::try_from(runtime.block_on(running)).unwrap_or(u8::MAX)),
        Err(error) => program::exit_code(name, Err(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_what_it_is_called() {
        for (program, expected) in [
            ("curl", Some("curl")),
            ("/usr/local/bin/wget", Some("wget")),
            ("/app", None),
            ("curl-service", None),
            ("", None),
        ] {
            assert_eq!(called(OsStr::new(program)), expected, "{program}");
        }
    }
}
