//! What a binary does beside serving: subcommands for hooks and for people.
//!
//! ```text
//! user-service                              serves
//! user-service wait-for-drain --seconds 5   preStop hook: an image from scratch has no sleep
//! user-service order set --status 500 …     makes pods sick for a while, see [`crate::chaos`]
//! ```
//!
//! A [`Task`] is a value until it is run in a [`Setting`], so that a host that has no process for
//! it runs the same code. Usage errors leave with 64 (`EX_USAGE`), like unusable configuration.

mod order;
mod wait_for_drain;

use std::ffi::OsString;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use futures_util::future::BoxFuture;

use crate::env::Env;
use crate::outbound::{Dns, Resolve};
use crate::program::EXIT_CONFIG;

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// To serve until told to leave.
    Serve,
    /// To do one thing and end.
    Task(Task),
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Task {
    /// Wait until no client sends this pod new requests; for a preStop hook.
    WaitForDrain(wait_for_drain::Options),
    /// Make pods answer badly for a while, for lessons about breakers.
    #[command(subcommand)]
    Order(order::Command),
}

#[derive(Debug, Parser)]
#[command(
    version,
    about = "Serves until SIGTERM; with a command, does that and ends"
)]
struct Line {
    #[command(subcommand)]
    task: Option<Task>,
}

/// Where a task runs, and what its host knows.
pub struct Setting {
    /// The container's variables.
    pub env: Env,
    /// Where names lead to.
    pub resolve: Arc<dyn Resolve>,
    /// Resolves when nobody sends this pod anything new any more; never where nobody can know.
    pub left: BoxFuture<'static, ()>,
}

/// What a task, or a refused command line, has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Exit code.
    pub code: u8,
    /// For standard output.
    pub out: String,
    /// For standard error.
    pub err: String,
}

impl Setting {
    /// A process of its own: names by DNS, and nobody knows who still sends.
    pub fn of_process(env: Env) -> Self {
        Self {
            env,
            resolve: Arc::new(Dns::default()),
            left: Box::pin(std::future::pending()),
        }
    }
}

/// Understands the arguments (without the program's name) of the program `name`.
///
/// # Errors
/// What to say instead of doing anything: help that was asked for, or a refusal with code 64.
pub fn parse<I>(name: &'static str, arguments: I) -> Result<Asked, Said>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let words = std::iter::once(name.into()).chain(arguments.into_iter().map(Into::into));
    let line = Line::command()
        .name(name)
        .bin_name(name)
        .try_get_matches_from(words)
        .and_then(|matches| Line::from_arg_matches(&matches))
        .map_err(|answer| Said::instead(&answer))?;
    Ok(line.task.map_or(Asked::Serve, Asked::Task))
}

impl Task {
    /// Does it.
    pub async fn run(self, setting: Setting) -> Said {
        match self {
            Self::WaitForDrain(options) => wait_for_drain::run(&options, setting.left).await,
            Self::Order(command) => order::run(command, &setting.env, setting.resolve).await,
        }
    }
}

impl Said {
    /// It went well, and this is what came of it.
    pub fn done(out: String) -> Self {
        Self {
            out,
            ..Self::default()
        }
    }

    /// Something was asked in the wrong way, and what would be right; exit code 64.
    pub(crate) fn usage(why: String) -> Self {
        Self {
            code: EXIT_CONFIG,
            err: why,
            ..Self::default()
        }
    }

    /// Something failed, and why; exit code 1.
    pub fn failure(why: String) -> Self {
        Self {
            code: 1,
            err: why,
            ..Self::default()
        }
    }

    fn instead(answer: &clap::Error) -> Self {
        let text = answer.render().to_string();
        if answer.use_stderr() {
            Self::usage(text)
        } else {
            Self::done(text)
        }
    }

    /// Prints it on this process's standard streams; who closed them does not want it.
    pub fn print(&self) {
        use std::io::Write;
        let _ = std::io::stdout().write_all(self.out.as_bytes());
        let _ = std::io::stderr().write_all(self.err.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_means_serve() {
        assert_eq!(parse("s", [""; 0]), Ok(Asked::Serve));
    }

    #[test]
    fn the_clis_definition_is_consistent() {
        Line::command().debug_assert();
    }

    #[test]
    fn unknown_words_are_refused_with_64_and_the_way_to_help() {
        for line in [
            &["reset"][..],
            &["--frob"],
            &["wait-for-drain", "--seconds", "soon"],
            &["wait-for-drain", "--seconds", "301"],
            &["wait-for-drain", "now"],
        ] {
            let said = parse("user-service", line).unwrap_err();
            assert_eq!((said.code, said.out.as_str()), (64, ""), "{line:?}");
            assert!(said.err.contains("--help"), "{line:?}: {}", said.err);
            assert!(said.err.contains(line[line.len() - 1]), "{}", said.err);
        }
    }

    #[test]
    fn help_is_no_error_and_names_the_program() {
        let said = parse("user-service", ["--help"]).unwrap_err();
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        assert!(
            said.out.contains("Usage: user-service [COMMAND]"),
            "{}",
            said.out
        );
        assert!(said.out.contains("wait-for-drain"), "{}", said.out);
    }
}
