//! The outbound seam: which address stands for a name and a port.
//!
//! In a cluster DNS answers and the sidecar takes over from there, so the
//! default changes nothing. Where there is no DNS and no iptables, the host of
//! the process passes its own [`Resolve`]; no configured value is rewritten.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

/// Host and port to connect to; the host may still be a DNS name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// DNS name or IP address, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Answer of [`Resolve::resolve`].
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Authority>> + Send + 'a>>;

/// Maps a service's name and port to the address to connect to.
pub trait Resolve: Send + Sync {
    /// Resolves `name:port`; fails with [`io::ErrorKind::NotFound`] where no such service is known.
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a>;
}

/// Leaves names to DNS, which the connecting client asks itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dns;

impl Resolve for Dns {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a> {
        let host = name.to_owned();
        Box::pin(std::future::ready(Ok(Authority { host, port })))
    }
}
