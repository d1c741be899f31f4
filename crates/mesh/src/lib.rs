//! Istio's traffic rules, pure: YAML model → validated → compiled → decisions.
//!
//! Nothing here opens a socket, reads a clock or draws a random number: chance and time are
//! arguments, so every decision can be replayed exactly.
//!
//! # Layout
//!
//! * [`model`]: VirtualService and DestinationRule as they are written.
//! * [`validate`], [`obeyed`]: what Istio's webhook refuses, and what is accepted but not obeyed yet.
//! * [`precedence`]: which object rules a host when several name it; [`delegate`] puts the rules of
//!   other objects into it; [`summary`] reads it for people.
//! * [`registry`]: services, endpoints and clients, the other input of a compilation.
//! * [`compile`]: both together become a [`Config`](config::Config), Envoy's routes and clusters.
//! * [`matching`], [`weights`], [`fault`], [`cors`], [`mirror`], [`retry`]: the decisions about one
//!   request.
//! * [`local_reply`]: the answers a proxy makes itself; [`cause`] reads them back from the wire.
//! * `engine` (feature): the hosts of a cluster at work: who is away, who takes the next request.

pub mod cause;
pub mod compile;
pub mod config;
pub mod cors;
pub mod delegate;
pub mod dump;
#[cfg(feature = "engine")]
pub mod engine;
pub mod fault;
pub mod headers;
pub mod local_reply;
pub mod matching;
pub mod mirror;
pub mod model;
pub mod names;
pub mod obeyed;
pub mod precedence;
pub mod redirect;
pub mod registry;
pub mod retry;
pub mod rewrite;
pub mod summary;
pub mod validate;
pub mod weights;
