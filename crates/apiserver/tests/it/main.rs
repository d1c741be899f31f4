//! The API as a client meets it: in process, and once over a real socket.

#![allow(
    clippy::unwrap_used,
    reason = "a test may; clippy sees that only in test functions"
)]

mod access;
mod admission;
mod apply;
mod bindings;
mod decoding;
mod definitions;
mod deletions;
mod discovery;
mod errors;
mod lists;
mod objects;
mod patches;
mod replay;
mod reviews;
mod support;
mod watch;
mod watch_golden;
