//! The user service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    common::program::main(user_service::NAME, user_service::run)
}
