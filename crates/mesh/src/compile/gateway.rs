//! The configuration of an ingress gateway.

use std::collections::BTreeMap;

use super::clusters;
use super::routes::{Scope, routes};
use super::standing;
use crate::config::{Config, Domains, RouteTable, UnknownHost, VirtualHost};
use crate::model::VirtualService;
use crate::names;
use crate::precedence;
use crate::registry::{Client, World};

/// A server of a Gateway object.
#[derive(Debug, Clone, Copy)]
pub struct GatewayServer<'a> {
    /// The Gateway, `namespace/name`.
    pub gateway: &'a str,
    /// Its port.
    pub port: u16,
    /// The hosts it accepts, `*` for any.
    pub hosts: &'a [String],
}

impl GatewayServer<'_> {
    /// Name of its route table, `http.80`.
    pub fn table(&self) -> String {
        format!("http.{}", self.port)
    }

    /// The part of a VirtualService's host that the server accepts.
    ///
    /// Istio: the narrower of both, where one covers the other; a host may be limited to the
    /// VirtualServices of a namespace, `ns/host` (`.` = the gateway's own, `*` = any).
    fn accepted(&self, host: &str, namespace: &str) -> Vec<String> {
        let own_namespace = self.gateway.split('/').next().unwrap_or_default();
        let narrower = |own: &String| {
            let (from, own) = own.split_once('/').unwrap_or(("*", own));
            let from = if from == "." { own_namespace } else { from };
            if from != "*" && from != namespace {
                return None;
            }
            match (
                names::covers(own, host) || own == host,
                names::covers(host, own),
            ) {
                (true, _) => Some(host.to_owned()),
                (_, true) => Some(own.to_owned()),
                _ => None,
            }
        };
        self.hosts.iter().filter_map(narrower).collect()
    }
}

/// Compiles what a gateway pod (`client`) obeys at one server: the VirtualServices bound to it.
///
/// Unlike in sidecars, VirtualServices of one host are merged, and routes that take everything go
/// to the end (Istio). A host that nobody names is 404.
pub fn compile_gateway(world: &World<'_>, client: &Client, server: &GatewayServer<'_>) -> Config {
    let mut config = Config::default();
    config.add_clusters(standing::of_gateway());
    for service in world.services {
        for port in &service.ports {
            config.add_clusters(clusters::of_port(world, client, service, port));
        }
    }
    let scope = Scope {
        world,
        client,
        gateway: server.gateway,
        port: server.port,
    };
    let mut hosts: BTreeMap<String, VirtualHost> = BTreeMap::new();
    for object in precedence::bound(world.virtual_services, server.gateway, &client.namespace) {
        let routes = routes(object, scope, &mut config.problems);
        for domain in domains(object, server) {
            let name = format!("{domain}:{}", server.port).into();
            let empty = || VirtualHost {
                name,
                routes: Vec::new(),
            };
            hosts
                .entry(domain)
                .or_insert_with(empty)
                .routes
                .extend(routes.iter().cloned());
        }
    }
    let mut table = RouteTable {
        name: server.table().into(),
        virtual_hosts: Vec::new(),
        domains: Domains::default(),
        unknown_host: UnknownHost::NotFound,
    };
    for (domain, mut host) in hosts {
        host.routes
            .sort_by_key(|route| route.matches.is_catch_all());
        table.add(host, &[domain]);
    }
    config.add_routes(table);
    config
}

fn domains(object: &VirtualService, server: &GatewayServer<'_>) -> Vec<String> {
    let resolved = object
        .spec
        .hosts
        .iter()
        .map(|host| names::fqdn(host, &object.metadata.namespace));
    resolved
        .flat_map(|host| server.accepted(&host, &object.metadata.namespace))
        .collect()
}
