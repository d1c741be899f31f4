//! What the gateway's own sidecar knows of its breakers: hosts that are ejected, limits, and how
//! often they refused. Read from the sidecar's admin interface; nothing is derived from answers.
//!
//! ```text
//! /clusters, /stats ── poll ── reading (parsed) ── observe (since when) ── hub
//! ```

mod poll;
mod reading;
mod view;

pub use poll::poll;
pub use view::{Breaker, Breakers, HostView, Limits, Overflow};
