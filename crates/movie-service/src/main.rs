//! The movie service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    common::program::main(movie_service::NAME, movie_service::run)
}
