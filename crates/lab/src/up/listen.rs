//! The two ports of the lab.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use tokio::net::TcpListener;

use crate::state::Ports;

/// A kubeconfig that a trainee copied stays true over a restart.
pub(super) async fn bind_api(port: u16, ports: &Ports) -> Result<TcpListener> {
    match (port, ports.get("api")) {
        (0, last) if last != 0 => match bind(last, "--api-port").await {
            Ok(listener) => Ok(listener),
            Err(_) => bind(0, "--api-port").await,
        },
        (port, _) => bind(port, "--api-port").await,
    }
}

pub(super) async fn bind(port: u16, flag: &str) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| {
        format!("port {port} of 127.0.0.1 is taken: end what uses it (another lab?), or choose another with {flag}")
    })
}
