//! `theater-lab`: the whole theater on one machine.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lab::{pod, up, verify};

/// Both clusters of the theater on this machine, with the mesh and the store.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: up::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything and run until Ctrl-C (also without a subcommand).
    Up(up::Options),
    /// Check lessons, scripts and promises in labs of its own; needs kubectl and a checkout.
    Verify(verify::Options),
    /// Be a pod's process; started by the lab only.
    #[command(subcommand, hide = true)]
    Pod(pod::Role),
}

fn main() -> ExitCode {
    // In an image the lab has the names of its clients, too.
    if let Some(code) = common::applet::of_process() {
        return code;
    }
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Pod(role)) => pod::main(role),
        Some(Command::Verify(options)) => verify::main(&options),
        Some(Command::Up(options)) => up::main(&options),
        None => up::main(&cli.up),
    }
}
