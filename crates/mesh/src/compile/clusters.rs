//! The clusters of a service port: one without subset, one per subset of its DestinationRule.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hosts::candidates;
use super::policy::Blocks;
use crate::config::{Cluster, Discovery};
use crate::model::Subset;
use crate::names;
use crate::precedence;
use crate::registry::{Client, Endpoint, Service, ServicePort, World};

/// All clusters of a service port, as a client sees them.
pub(super) fn of_port(
    world: &World<'_>,
    client: &Client,
    service: &Service,
    port: &ServicePort,
) -> Vec<Cluster> {
    let fqdn = service.fqdn();
    let rule =
        precedence::destination_rule(world.destination_rules, &fqdn, &service.namespace, client);
    let cluster = |subset: Option<&Subset>| {
        let name = subset.map_or("", |subset| subset.name.as_str());
        let none = BTreeMap::new();
        let labels = subset.map_or(&none, |subset| &subset.labels);
        let selected: Vec<&Endpoint> = port
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.has_labels(labels))
            .collect();
        let sni = Arc::from(names::sni(port.port, name, &fqdn));
        let blocks = Blocks::of(rule.as_ref(), subset, port.port);
        // Istio: what goes where the client dialled has no endpoints, whatever the subset.
        let discovery = blocks.discovery();
        let candidates = match discovery {
            Discovery::OriginalDst => Vec::new(),
            _ => candidates(&selected, world.network, &client.cluster, &sni),
        };
        Cluster {
            name: Arc::from(names::cluster(port.port, name, &fqdn)),
            discovery,
            policy: blocks.policy(),
            hosts: blocks.nearness().arrange(client, candidates).into(),
        }
    };
    let subsets = rule.iter().flat_map(|rule| &rule.spec.subsets).map(Some);
    std::iter::once(None).chain(subsets).map(cluster).collect()
}
