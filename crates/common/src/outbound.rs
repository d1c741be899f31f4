//! The outbound seam: which addresses stand for a name and a port.
//!
//! In a cluster DNS answers ([`Dns`]) and the sidecar takes over from there. Where there is no DNS
//! and no iptables, the host of the process passes its own [`Resolve`]; no configured value is
//! rewritten.

mod dns;

use std::io;
use std::net::SocketAddr;

use futures_util::future::BoxFuture;

pub use dns::Dns;

/// Answer of [`Resolve::resolve`]: at least one address, the one to try first in front.
pub type Resolving<'a> = BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

/// Maps a service's name and port to the addresses to connect to.
pub trait Resolve: Send + Sync {
    /// Resolves `name:port`; fails with [`io::ErrorKind::NotFound`] where no such service is known,
    /// with [`io::ErrorKind::ConnectionRefused`] where it is known to have no such port.
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a>;
}

/// The address to try first of what [`Resolve::resolve`] found.
///
/// # Errors
/// As there.
pub fn first(found: io::Result<Vec<SocketAddr>>) -> io::Result<SocketAddr> {
    found?
        .into_iter()
        .next()
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}
