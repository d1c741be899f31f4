//! How a proxy reaches an address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mesh::config::Host;
use tokio::net::TcpStream;

/// What is dialled: a virtual address and, for an east-west gateway, the server name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Virtual address.
    pub address: SocketAddr,
    /// Server name for a gateway.
    pub sni: Option<Arc<str>>,
}

impl Target {
    /// What is dialled for a host.
    pub fn of(host: &Host) -> Self {
        Self {
            address: host.address,
            sni: host.sni.clone(),
        }
    }
}

/// Opens connections; the caller's map from virtual addresses to real ones.
///
/// An address that leads nowhere is an error of kind `ConnectionRefused`; the proxy itself limits
/// how long a dial may take. A target with a server name is a [`Hop`](crate::Hop) and must be
/// dialled with [`connect_hop`](crate::connect_hop).
pub trait Dial: Send + Sync + 'static {
    /// Opens a connection to a target.
    fn dial<'a>(&'a self, to: &'a Target) -> BoxFuture<'a, io::Result<TcpStream>>;
}

/// Dials addresses as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    fn dial<'a>(&'a self, to: &'a Target) -> BoxFuture<'a, io::Result<TcpStream>> {
        Box::pin(async move {
            match to.sni {
                Some(_) => crate::connect_hop(to.address).await,
                None => TcpStream::connect(to.address).await,
            }
        })
    }
}

/// The application behind an inbound side.
pub trait App: Send + Sync + 'static {
    /// Where it listens now; none while it does not run.
    fn address(&self) -> Option<SocketAddr>;
}

impl<F: Fn() -> Option<SocketAddr> + Send + Sync + 'static> App for F {
    fn address(&self) -> Option<SocketAddr> {
        self()
    }
}

/// Dials an application wherever it listens, whatever the target.
#[derive(Debug, Clone)]
pub struct AppDial<A>(pub A);

impl<A: App> Dial for AppDial<A> {
    fn dial<'a>(&'a self, _to: &'a Target) -> BoxFuture<'a, io::Result<TcpStream>> {
        Box::pin(async move {
            match self.0.address() {
                Some(address) => TcpStream::connect(address).await,
                None => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}
