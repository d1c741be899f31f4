//! A cluster's east-west gateway: one loopback port for each server name that it knows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use mesh::compile::compile_east_west;
use mesh::registry::Network;
use mesh_proxy::Hop;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::loopback::loopback_listener;
use super::world::Worlds;
use crate::network::Table;

/// The gateway of one cluster.
pub(super) struct EastWest {
    /// Its load balancer's address, which stays whatever happens to its pods.
    address: SocketAddr,
    hop: Hop,
    table: Table,
    shutdown: CancellationToken,
    /// Open doors by server name; behind a closed one connections may finish for a few seconds.
    doors: BTreeMap<Arc<str>, DropGuard>,
}

impl EastWest {
    pub(super) fn new(address: SocketAddr, table: Table, shutdown: CancellationToken) -> Self {
        Self {
            address,
            hop: Hop::new(Arc::new(table.caller(Some(address.ip()))), None),
            table,
            shutdown,
            doors: BTreeMap::new(),
        }
    }

    /// Its hop.
    pub(super) fn hop(&self) -> Hop {
        self.hop.clone()
    }

    /// Obeys the rules of its own cluster; without a ready pod every connection is refused. Whether a
    /// door was closed, behind which connections are left that end soon.
    pub(super) fn apply(&mut self, worlds: &Worlds, cluster: &str, network: &Network) -> bool {
        let Some(world) = worlds.get(cluster) else {
            return false;
        };
        let names = match &world.east_west {
            Some(place) => compile_east_west(&world.view(network), cluster, place),
            None => BTreeMap::new(),
        };
        self.hop.apply(&names);
        let closed: Vec<Arc<str>> = self
            .doors
            .keys()
            .filter(|sni| !names.contains_key(*sni))
            .cloned()
            .collect();
        for sni in &closed {
            self.table.close(self.address, Some(Arc::clone(sni)));
            self.doors.remove(sni);
        }
        for sni in names.into_keys() {
            if !self.doors.contains_key(&sni) {
                self.open(sni);
            }
        }
        !closed.is_empty()
    }

    fn open(&mut self, sni: Arc<str>) {
        let (listener, real) = match loopback_listener() {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(%error, "loopback has no free port for an east-west gateway");
                return;
            }
        };
        let closing = self.shutdown.child_token();
        let (hop, name, stop) = (self.hop.clone(), Arc::clone(&sni), closing.clone());
        tokio::spawn(async move { hop.serve(listener, name, stop).await });
        self.table.open(self.address, Some(Arc::clone(&sni)), real);
        self.doors.insert(sni, closing.drop_guard());
    }
}
