//! From process start to exit code.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use crate::applet;
use crate::command::{self, Asked, Said, Setting, Task};
use crate::env::{ConfigError, Env};
use crate::outbound::{Dns, Resolve};
use crate::telemetry;

/// `EX_USAGE` of sysexits: the configuration is at fault, a restart will not help.
pub const EXIT_CONFIG: u8 = 64;

/// What the host of a service passes in; everything else comes from [`Env`].
pub struct Seams {
    /// Where names lead to.
    pub resolve: Arc<dyn Resolve>,
    /// A socket that is bound already, or none: bind `PORT`.
    pub listener: Option<tokio::net::TcpListener>,
}

impl Default for Seams {
    fn default() -> Self {
        Self {
            resolve: Arc::new(Dns::default()),
            listener: None,
        }
    }
}

/// Runs a program as a process of its own: what its name and command line ask for, to an exit code.
pub fn main<F, Fut>(name: &'static str, run: F) -> ExitCode
where
    F: FnOnce(Env, Seams) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    if let Some(code) = applet::of_process() {
        return code;
    }
    let env = Env::of_process();
    match command::parse(name, std::env::args_os().skip(1)) {
        Ok(Asked::Serve) => exit_code(name, serve(env, run)),
        Ok(Asked::Task(task)) => perform(name, task, Setting::of_process(env)),
        Err(said) => leave(&said),
    }
}

fn serve<F, Fut>(env: Env, run: F) -> anyhow::Result<()>
where
    F: FnOnce(Env, Seams) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    telemetry::init(&env)?;
    runtime()?.block_on(run(env, Seams::default()))
}

fn perform(name: &str, task: Task, setting: Setting) -> ExitCode {
    match runtime() {
        Ok(runtime) => leave(&runtime.block_on(task.run(setting))),
        Err(error) => exit_code(name, Err(error.into())),
    }
}

fn leave(said: &Said) -> ExitCode {
    said.print();
    ExitCode::from(said.code)
}

/// A runtime sized for a pod: one thread is enough for work that only waits.
///
/// # Errors
/// When the operating system refuses an event queue.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Prints the error with its causes and turns it into an exit code: 64 for configuration, else 1.
pub fn exit_code(name: &str, outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    eprintln!("{name}: {error:#}");
    match error.downcast_ref::<ConfigError>() {
        Some(_) => ExitCode::from(EXIT_CONFIG),
        None => ExitCode::FAILURE,
    }
}
