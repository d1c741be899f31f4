//! Proxies in process, on port 0: small upstreams, real sockets, nothing beyond loopback.

#![allow(clippy::unwrap_used, reason = "helpers of tests may, as tests do")]

mod admin;
mod balancing;
mod beside_envoy;
mod changes;
mod cors;
mod east_west;
mod edge;
mod ejection;
mod failures;
mod faults;
mod hashing;
mod inbound;
mod lifetimes;
mod limits;
mod log;
mod mirrors;
mod retries;
mod rules;
mod streaming;
mod support;
mod tcp;
mod upgrades;
