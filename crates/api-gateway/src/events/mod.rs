//! The event stream of the dashboard: one sequence of events, shared by all viewers.
//!
//! ```text
//! hello    everything, to whoever joins or has missed something
//! answers  what was answered since the last batch, at most every 50 ms
//! mesh     the effective rules, when they change
//! pods     both clusters, when they change
//! gap      to a viewer too slow for its queue: how many answers it missed
//! ```
//!
//! Every event has the id `<boot>-<seq>`; a viewer who comes back with one is sent what it missed,
//! as long as the ring still holds it. Each payload is serialized once, whoever many read it.

mod board;
mod frame;
mod hub;
mod ring;
mod stream;

pub use hub::Hub;
pub use stream::{Viewers, response};
