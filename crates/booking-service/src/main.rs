//! The booking service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    common::program::main(booking_service::NAME, booking_service::run)
}
