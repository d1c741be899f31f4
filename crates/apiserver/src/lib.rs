//! Kubernetes-shaped HTTP over a generic object store.
//!
//! ```text
//!  kubectl, kube ── HTTP ──► http ──► admission (the caller's defaults and rules)
//!                             │
//!                             ▼
//!  controllers ───────────► store ◄── resource (one row of data a kind)
//! ```
//!
//! The crate knows what every Kubernetes API server knows and nothing of what the objects mean: it
//! runs no process and routes no request. Objects are JSON values; whoever needs types makes them
//! at the edge.
//!
//! - [`resource`]: the table of kinds, and what differs between them.
//! - [`store`]: objects, versions, events, watches; pure but for one lock.
//! - [`selector`], [`names`], [`object`]: the grammar shared by clients and controllers.
//! - [`status`]: refusals in the words of a real API server.
//! - [`admission`]: what the caller may add to writes of clients.
//! - [`services`]: what no two Services may share.
//! - [`kubelet`]: what the caller runs for clients: logs, commands, connections to pods.
//! - [`router`]: all of it over HTTP.

pub mod admission;
mod http;
pub mod kubelet;
pub mod services;
mod spdy;
pub mod store;

pub use apimachinery::{
    disruption, names, object, quantity, resource, schema, selector, status, view,
};

pub use crate::http::{Access, Cluster, WeakSecret, router};
