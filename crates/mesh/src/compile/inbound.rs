//! The configuration of a pod's inbound side.

use std::net::SocketAddr;
use std::sync::Arc;

use super::policy::Blocks;
use crate::config::{
    Action, Balancing, Cluster, Config, Domains, Forward, Policy, Route, RouteTable, UnknownHost,
    VirtualHost, WeightedCluster,
};
use crate::names;
use crate::precedence;
use crate::registry::{Client, Service, World};
use crate::retry::{Conditions, RetryPolicy};
use crate::weights::Weighted;

/// Compiles what the inbound side of a pod (`client`) obeys at one of its ports.
///
/// Istio: the connection pool of the host's policy, or of its settings for the port, never of a
/// subset; here all clients add up. Of several services before the port the oldest one's rule
/// counts, also for calls through the others.
pub fn compile_inbound(world: &World<'_>, client: &Client, address: SocketAddr) -> Config {
    inbound(address, policy(world, client, address).unwrap_or_default())
}

fn policy(world: &World<'_>, client: &Client, address: SocketAddr) -> Option<Policy> {
    let before = |service: &Service| {
        let leads = |port: &&crate::registry::ServicePort| {
            let mut own = port.endpoints.iter();
            own.any(|it| it.cluster == client.cluster && it.address == address)
        };
        service.ports.iter().find(leads).map(|port| port.port)
    };
    let services = world.services.iter();
    let candidates = services.filter_map(|service| Some((service, before(service)?)));
    let (service, port) = candidates.min_by_key(|(service, _)| (service.created, &service.name))?;
    let rule = precedence::destination_rule(
        world.destination_rules,
        &service.fqdn(),
        &service.namespace,
        client,
    );
    Some(Blocks::of(rule.as_ref(), None, port).connections())
}

/// What an inbound side obeys whatever the rules: no timeout, and two retries of requests that did
/// not reach the application (Istio).
pub fn inbound(address: SocketAddr, policy: Policy) -> Config {
    let name: Arc<str> = names::inbound(address.port()).into();
    let route = Route {
        name: "default".into(),
        matches: Default::default(),
        fault: Default::default(),
        action: Action::Forward(Box::new(Forward {
            destinations: Weighted::single(WeightedCluster {
                cluster: name.clone(),
                headers: Default::default(),
            }),
            timeout: None,
            retry: Some(RetryPolicy {
                on: Conditions::parse("reset-before-request"),
                ..RetryPolicy::default()
            }),
            rewrite: None,
            hash: Vec::new(),
            cors: None,
            mirrors: Vec::new(),
        })),
        headers: Default::default(),
    };
    let mut table = RouteTable {
        name: name.clone(),
        virtual_hosts: Vec::new(),
        domains: Domains::default(),
        unknown_host: UnknownHost::NotFound,
    };
    let host = VirtualHost {
        name: name.clone(),
        routes: vec![Arc::new(route)],
    };
    table.add(host, &["*".to_owned()]);
    let policy = Policy {
        balancing: Balancing::RoundRobin,
        ..policy
    };
    let mut config = Config::default();
    config.add_clusters(vec![Cluster::single(name, address, policy)]);
    config.add_routes(table);
    config
}
