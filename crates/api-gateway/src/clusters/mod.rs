//! Both clusters as their Kubernetes APIs tell: read by watch, never per request.
//!
//! ```text
//! access ── client ──┬─ feed<Pod> ────────┐
//!                    ├─ feed<Deployment> ─┤
//!                    ├─ feed<Node> ───────┼─ changed ── follow ── hub (views, rules)
//!                    └─ feed<VS>, <DR> ───┘   (own cluster only)
//! ```
//!
//! Each feed keeps what it has read when its API is lost, and says so: live, stale, or unknown.

mod access;
mod client;
mod contact;
mod feed;
mod follow;
mod pod;
mod reason;
mod view;

pub use contact::{Contact, State};
pub use follow::{Reach, follow};
pub use pod::PodView;
pub use reason::Reason;
pub use view::{ClusterView, DeploymentView, NodeView, Watches};
