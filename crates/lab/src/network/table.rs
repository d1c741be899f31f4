//! One table: virtual (address, port) → a socket on loopback.
//!
//! Nothing binds a container's port, so two pods of one service never collide
//! and it works where loopback has one address only.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};

use futures_util::future::BoxFuture;
use mesh_proxy::{Dial, Target};
use tokio::net::TcpStream;

/// A place in the virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    address: SocketAddr,
    /// A gateway has one real port for each server name that it knows.
    sni: Option<Arc<str>>,
}

/// The table; a cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Table(Arc<RwLock<HashMap<Place, SocketAddr>>>);

impl Table {
    /// From now on `address` leads to `real`.
    pub fn open(&self, address: SocketAddr, sni: Option<Arc<str>>, real: SocketAddr) {
        self.write().insert(Place { address, sni }, real);
    }

    /// From now on connections to `address` are refused.
    pub fn close(&self, address: SocketAddr, sni: Option<Arc<str>>) {
        self.write().remove(&Place { address, sni });
    }

    /// Where `address` leads now.
    pub fn find(&self, address: SocketAddr, sni: Option<&Arc<str>>) -> Option<SocketAddr> {
        let sni = sni.cloned();
        let places = self.0.read().expect("no holder of this lock panics");
        places.get(&Place { address, sni }).copied()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<Place, SocketAddr>> {
        self.0.write().expect("no holder of this lock panics")
    }
}

impl Dial for Table {
    /// An address that leads nowhere is refused at once, as by a host whose port is closed.
    fn dial<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, io::Result<TcpStream>> {
        let real = self.find(target.address, target.sni.as_ref());
        Box::pin(async move {
            let real = real.ok_or(io::ErrorKind::ConnectionRefused)?;
            let stream = match target.sni {
                Some(_) => mesh_proxy::connect_hop(real).await?,
                None => TcpStream::connect(real).await?,
            };
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}
