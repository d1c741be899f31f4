//! The lessons about breakers, by their own files and in virtual time: what their `expect.yaml` and
//! the page about aborts promise is what the rules do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod aborts;
mod ejection;
mod headers;
mod situations;
mod theater;
mod zones;
