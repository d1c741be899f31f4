//! What every HTTP service needs and nothing about theaters.
//!
//! Charter: an item belongs here when at least two services use it and its
//! name holds no noun of the theater. From the outside in:
//!
//! * [`program`] – from process start to exit code; [`command`], [`applet`] – what it does beside serving
//! * [`env`], [`identity`], [`telemetry`] – what the process is told and what it tells
//! * [`server`], [`drain`], [`health`], [`metrics`] – one listener, its life and its state
//! * [`problem`], [`extract`] – every error is RFC 9457, every input is strict
//! * [`outbound`], [`redis`] – the seams to other systems
//! * [`chaos`] – a pod that is sick on order, for lessons about breakers
//! * [`records`] – one mechanism for a collection of JSON objects in Redis

pub mod applet;
pub mod chaos;
pub mod command;
pub mod drain;
pub mod env;
pub mod extract;
pub mod health;
pub mod identity;
pub mod metrics;
pub mod outbound;
pub mod problem;
pub mod program;
pub mod records;
pub mod redis;
pub mod server;
pub mod telemetry;
