//! Objects and endpoints → [`Config`]: what istiod does for one proxy.

mod clusters;
mod destinations;
mod east_west;
mod gateway;
mod hosts;
mod inbound;
mod load_balancer;
mod locality;
mod policy;
mod routes;
mod sidecar;
mod standing;

pub use east_west::compile_east_west;
pub use gateway::{GatewayServer, compile_gateway};
pub use inbound::{compile_inbound, inbound};
pub use routes::left_out;
pub use sidecar::compile_sidecar;

#[cfg(doc)]
use crate::config::Config;

#[cfg(test)]
mod tests;
