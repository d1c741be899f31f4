//! The clusters of a service port: one without subset, one per subset of its DestinationRule.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hosts::hosts;
use crate::config::{Balancing, CONNECT_TIMEOUT, Cluster, Policy};
use crate::model::{
    ConnectionPool, DestinationRule, LoadBalancer, SimpleLb, Subset, TcpPool, TrafficPolicy,
};
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
        Cluster {
            name: Arc::from(names::cluster(port.port, name, &fqdn)),
            policy: policy(rule.as_ref(), subset, port.port),
            hosts: hosts(&selected, world.network, &client.cluster, &sni),
        }
    };
    let subsets = rule.iter().flat_map(|rule| &rule.spec.subsets).map(Some);
    std::iter::once(None).chain(subsets).map(cluster).collect()
}

/// The blocks of a policy that replace each other as wholes.
#[derive(Debug, Clone, Copy, Default)]
struct Blocks<'a> {
    load_balancer: Option<&'a LoadBalancer>,
    connection_pool: Option<&'a ConnectionPool>,
}

/// The policy of a subset at a port.
///
/// Istio: a block of the subset replaces the host's block, never field by field. Settings for a port
/// hide everything above them: a port block of the host hides the host's other blocks, one of a
/// subset hides the host's policy too, and what it leaves out has its default.
fn policy(rule: Option<&DestinationRule>, subset: Option<&Subset>, port: u16) -> Policy {
    let top = rule.and_then(|rule| rule.spec.traffic_policy.as_ref());
    let own = subset.and_then(|subset| subset.traffic_policy.as_ref());
    let base = top.map_or(Blocks::default(), |top| {
        at_port(top, port).unwrap_or_else(|| whole(top))
    });
    let blocks = own.map_or(base, |own| {
        at_port(own, port).unwrap_or_else(|| over(own, base))
    });
    let tcp = blocks.connection_pool.and_then(|pool| pool.tcp.as_ref());
    Policy {
        balancing: balancing(blocks.load_balancer),
        connect_timeout: tcp
            .and_then(|tcp| tcp.connect_timeout)
            .map_or(CONNECT_TIMEOUT, |limit| limit.0),
        max_connections: tcp.and_then(max_connections),
    }
}

fn whole(policy: &TrafficPolicy) -> Blocks<'_> {
    Blocks {
        load_balancer: policy.load_balancer.as_ref(),
        connection_pool: policy.connection_pool.as_ref(),
    }
}

fn over<'a>(policy: &'a TrafficPolicy, base: Blocks<'a>) -> Blocks<'a> {
    Blocks {
        load_balancer: policy.load_balancer.as_ref().or(base.load_balancer),
        connection_pool: policy.connection_pool.as_ref().or(base.connection_pool),
    }
}

fn at_port(policy: &TrafficPolicy, port: u16) -> Option<Blocks<'_>> {
    let settings = policy.port_level_settings.iter();
    let of_port = |settings: &&crate::model::PortSettings| {
        settings
            .port
            .is_some_and(|own| own.number == u32::from(port))
    };
    let settings = settings.rev().find(of_port)?;
    Some(Blocks {
        load_balancer: settings.load_balancer.as_ref(),
        connection_pool: settings.connection_pool.as_ref(),
    })
}

/// Istio: 0 cannot be told from nothing written, and both mean no limit.
fn max_connections(pool: &TcpPool) -> Option<u32> {
    u32::try_from(pool.max_connections)
        .ok()
        .filter(|&limit| limit > 0)
}

fn balancing(load_balancer: Option<&LoadBalancer>) -> Balancing {
    match load_balancer.and_then(|load_balancer| load_balancer.simple) {
        Some(SimpleLb::RoundRobin) => Balancing::RoundRobin,
        Some(SimpleLb::Random) => Balancing::Random,
        _ => Balancing::LeastRequest,
    }
}
