//! Endpoints → hosts, as a client of one cluster sees them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::locality::Candidate;
use crate::config::Host;
use crate::registry::{Endpoint, Locality, Network};

/// The hosts of a cluster for a client that runs in `client`.
///
/// Istio multi-network: endpoints of another network are replaced by the addresses of its east-west
/// gateway. The gateway is told once per locality, in order of name, and Envoy keeps the first: its
/// weight is the number of ready endpoints there.
pub(super) fn candidates<'a>(
    endpoints: &[&'a Endpoint],
    network: &Network,
    client: &str,
    sni: &Arc<str>,
) -> Vec<Candidate<'a>> {
    let mut remote: BTreeMap<&str, BTreeMap<&Locality, u32>> = BTreeMap::new();
    let mut local = Vec::new();
    for endpoint in endpoints {
        if network.gateways(client, &endpoint.cluster).is_empty() {
            local.push(*endpoint);
        } else {
            *remote
                .entry(&endpoint.cluster)
                .or_default()
                .entry(&endpoint.locality)
                .or_default() += 1;
        }
    }
    let gateways = |cluster: &str| network.gateways(client, cluster);
    // Several addresses of a gateway share its weight: everything is scaled so that it divides.
    let scale = remote
        .keys()
        .map(|cluster| gateways(cluster).len() as u32)
        .fold(1, lcm);
    let mut hosts: Vec<Candidate<'_>> = local
        .iter()
        .map(|endpoint| direct(endpoint, scale))
        .collect();
    for (cluster, localities) in &remote {
        let Some((locality, ready)) = localities.first_key_value() else {
            continue;
        };
        let addresses = gateways(cluster);
        let weight = ready * scale / addresses.len() as u32;
        hosts.extend(addresses.iter().map(|address| Candidate {
            host: Host {
                sni: Some(sni.clone()),
                ..host(*address, weight, locality, cluster)
            },
            endpoint: None,
        }));
    }
    hosts.sort_by(|a, b| order(a).cmp(&order(b)));
    hosts.dedup_by(|a, b| order(a) == order(b));
    hosts
}

/// A host that is its endpoint.
fn direct(endpoint: &Endpoint, weight: u32) -> Candidate<'_> {
    Candidate {
        host: host(
            endpoint.address,
            weight,
            &endpoint.locality,
            &endpoint.cluster,
        ),
        endpoint: Some(endpoint),
    }
}

/// Priority and weight of the locality are given to all hosts together.
fn host(address: SocketAddr, weight: u32, locality: &Locality, cluster: &str) -> Host {
    Host {
        address,
        sni: None,
        weight,
        priority: 0,
        locality_weight: 0,
        locality: locality.clone(),
        cluster: Arc::from(cluster),
    }
}

fn order<'a>(candidate: &'a Candidate<'_>) -> (&'a Locality, SocketAddr) {
    (&candidate.host.locality, candidate.host.address)
}

fn lcm(a: u32, b: u32) -> u32 {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x.max(1) * b
}
