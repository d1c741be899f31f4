//! The mesh's sockets: sidecars, ingress and east-west hop.
//!
//! What is decided lives in [`mesh`]; here it is carried out, on listeners that the caller opens.
//!
//! * [`Proxy`] is one proxy of its own state, in one of three [`Role`]s: a pod's outbound side, its
//!   inbound side, an ingress gateway. It behaves as an Envoy with one worker.
//! * [`Hop`] is an east-west gateway: a TCP hop that balances per connection.
//! * [`Admin`] shows what they know and count, in Envoy's formats.
//! * [`Dial`] is how they reach virtual addresses; [`AccessLog`] takes their log lines.
//!
//! The life of a request (`exchange.rs`): virtual host → route (`way.rs`) → weighted cluster →
//! fault → cors → tries (`tries.rs`: host → pooled connection → answer) → the answer, streamed back.
//! Copies for mirrors leave with the first try (`copies.rs`); a WebSocket goes on as a `tunnel.rs`.

mod admin;
mod body;
mod chance;
mod cluster;
mod connect;
mod copies;
mod dial;
mod exchange;
mod headers;
mod hop;
mod limits;
mod listen;
mod live;
mod log;
mod outgoing;
mod passthrough;
mod pool;
mod proxy;
mod reply;
mod stats;
mod tcp;
mod tries;
mod tunnel;
mod upgrade;
mod upload;
mod way;

pub use admin::{Admin, Node, Page, Part, StatsMatcher};
pub use cluster::{ClusterState, HostState};
pub use dial::{App, AppDial, Dial, Target, TcpDial};
pub use hop::{Hop, connect as connect_hop};
pub use limits::{Limit, Limits};
pub use log::AccessLog;
pub use proxy::{Listen, Peers, Proxy, Role, Settings};
pub use stats::{ClusterStats, Codes, Count, HostStats, HttpStats};
