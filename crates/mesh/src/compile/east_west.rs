//! The configuration of an east-west gateway: server name → local endpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clusters;
use crate::config::Cluster;
use crate::names;
use crate::registry::{Client, Locality, Service, ServicePort, World};

/// Compiles what the east-west gateway of a cluster passes on.
///
/// `world` is that of the gateway's cluster: the server name of a subset is known only if a
/// DestinationRule *there* names it (an unknown one is a reset connection); the one without a subset
/// always is. Only endpoints of the own cluster are passed to.
///
/// `place` is where the gateway itself runs: to it, too, the nearest endpoints come first.
pub fn compile_east_west(
    world: &World<'_>,
    cluster: &str,
    place: &Locality,
) -> BTreeMap<Arc<str>, Arc<Cluster>> {
    let client = Client {
        cluster: cluster.to_owned(),
        namespace: names::ROOT_NAMESPACE.to_owned(),
        locality: place.clone(),
        ..Client::default()
    };
    let mut by_name = BTreeMap::new();
    for service in world.services {
        for port in service.ports.iter().map(|port| local(port, cluster)) {
            for compiled in clusters::of_port(world, &client, service, &port) {
                let name: Arc<str> = server_name(&compiled, service, &port).into();
                let compiled = Cluster {
                    name: name.clone(),
                    ..compiled
                };
                by_name.insert(name, Arc::new(compiled));
            }
        }
    }
    by_name
}

fn local(port: &ServicePort, cluster: &str) -> ServicePort {
    let mut port = port.clone();
    port.endpoints
        .retain(|endpoint| endpoint.cluster == cluster);
    port
}

/// `outbound|PORT|SUBSET|FQDN` → `outbound_.PORT_.SUBSET_.FQDN`.
fn server_name(cluster: &Cluster, service: &Service, port: &ServicePort) -> String {
    let subset = cluster.name.split('|').nth(2).unwrap_or_default();
    names::sni(port.port, subset, &service.fqdn())
}
