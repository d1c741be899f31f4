//! Real tools for tests; no product code depends on this crate.
//!
//! * [`tools`] – a tool on `PATH`, or a loud skip (a failure where skipping is forbidden)
//! * [`browser`] – a real chromium without a window, ended with its handle
//! * [`envoy`] – a real Envoy on free ports, ended with its handle
//! * [`redis_server`] – a real redis-server on a free port, ended with its handle
//! * [`service`] – one of our services in this process, on port 0
//! * [`sick_pod`] – what every service owes an order to be sick
//! * [`wait`] – wait for a condition, with a limit
//! * [`band`] – the exact binomial band around a configured share

pub use binomial as band;

pub mod browser;
pub mod envoy;
pub mod redis_server;
pub mod service;
pub mod sick_pod;
pub mod tools;
pub mod wait;
