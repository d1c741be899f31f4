//! The gateway as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    common::program::main(api_gateway::NAME, api_gateway::run)
}
