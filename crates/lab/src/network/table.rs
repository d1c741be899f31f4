//! One table: virtual (address, port) → a socket on loopback.
//!
//! Nothing binds a container's port, so two pods of one service never collide
//! and it works where loopback has one address only.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, RwLock};

use futures_util::future::BoxFuture;
use mesh_proxy::{Dial, Peers, Target};
use tokio::net::TcpStream;

use super::services::{Backends, ClusterIps};

/// A place in the virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    address: SocketAddr,
    /// A gateway has one real port for each server name that it knows.
    sni: Option<Arc<str>>,
}

/// The table; a cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Table {
    places: Arc<RwLock<HashMap<Place, SocketAddr>>>,
    services: ClusterIps,
    callers: Callers,
}

/// Who dialled from a port of this machine; a port that is used again has another caller.
#[derive(Clone, Debug, Default)]
struct Callers(Arc<RwLock<HashMap<u16, IpAddr>>>);

/// The table as one place in the network dials by it.
#[derive(Clone, Debug)]
pub struct Caller {
    table: Table,
    /// Its virtual address; none: nobody is to know it.
    address: Option<IpAddr>,
}

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
        let places = self.places.read().expect("no holder of this lock panics");
        places.get(&Place { address, sni }).copied()
    }

    /// From now on ClusterIPs lead to these pods.
    pub fn lead(&self, backends: Backends) {
        self.services.replace(backends);
    }

    /// Where a connection leads: to the address itself, or to a pod behind a ClusterIP.
    fn lookup(&self, target: &Target) -> Option<SocketAddr> {
        let direct = self.find(target.address, target.sni.as_ref());
        direct.or_else(|| self.find(self.services.pick(target.address)?, None))
    }

    /// Dials for the place of that address.
    pub fn caller(&self, address: Option<IpAddr>) -> Caller {
        Caller {
            table: self.clone(),
            address,
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<Place, SocketAddr>> {
        self.places.write().expect("no holder of this lock panics")
    }
}

impl Callers {
    /// Before the first byte is sent, so that whoever is called can ask.
    fn note(&self, stream: &TcpStream, caller: Option<IpAddr>) -> io::Result<()> {
        let port = stream.local_addr()?.port();
        let mut known = self.0.write().expect("no holder of this lock panics");
        match caller {
            Some(address) => known.insert(port, address),
            None => known.remove(&port),
        };
        Ok(())
    }
}

impl Peers for Table {
    fn who(&self, real: SocketAddr) -> Option<IpAddr> {
        let known = self.callers.0.read();
        known
            .expect("no holder of this lock panics")
            .get(&real.port())
            .copied()
    }
}

impl Dial for Caller {
    /// An address that leads nowhere is refused at once, as by a host whose port is closed.
    fn dial<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, io::Result<TcpStream>> {
        let real = self.table.lookup(target);
        Box::pin(async move {
            let real = real.ok_or(io::ErrorKind::ConnectionRefused)?;
            let stream = match target.sni {
                Some(_) => mesh_proxy::connect_hop(real).await?,
                None => TcpStream::connect(real).await?,
            };
            stream.set_nodelay(true)?;
            self.table.callers.note(&stream, self.address)?;
            Ok(stream)
        })
    }
}
