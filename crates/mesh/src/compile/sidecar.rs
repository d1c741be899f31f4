//! The configuration of a pod's outbound side.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clusters;
use super::policy::Blocks;
use super::routes::{Scope, default_route, routes};
use super::standing;
use crate::config::{Config, Domains, Listener, RouteTable, Serves, UnknownHost, VirtualHost};
use crate::names;
use crate::precedence::{self, MESH};
use crate::registry::{Client, Protocol, Service, ServicePort, World};

/// Compiles what the sidecar of `client` obeys.
pub fn compile_sidecar(world: &World<'_>, client: &Client) -> Config {
    let mut config = Config::default();
    config.add_clusters(standing::of_sidecar());
    let mut shared: BTreeMap<u16, RouteTable> = BTreeMap::new();
    for (service, port) in ports(world) {
        config.add_listener(service, port);
        config.add_clusters(clusters::of_port(world, client, service, port));
        if port.protocol == Protocol::Http {
            shared
                .entry(port.port)
                .or_insert_with(|| table(port.port.to_string()));
        }
    }
    for (service, port) in ports(world).filter(|(_, port)| port.protocol != Protocol::Tcp) {
        let host = virtual_host(world, client, service, port.port, &mut config.problems);
        // Istio: the table of a declared port also lists the services whose same port is sniffed.
        if let Some(table) = shared.get_mut(&port.port) {
            table.add(host.clone(), &domains(service, client));
        }
        if port.protocol == Protocol::Sniffed {
            let mut own = table(sniffed(service, port.port));
            own.add(host, &["*".to_owned()]);
            config.add_routes(own);
        }
    }
    shared
        .into_values()
        .for_each(|table| config.add_routes(table));
    config
}

fn ports<'a>(world: &World<'a>) -> impl Iterator<Item = (&'a Service, &'a ServicePort)> {
    world
        .services
        .iter()
        .flat_map(|service| service.ports.iter().map(move |port| (service, port)))
}

/// Name of the table of a sniffed port.
fn sniffed(service: &Service, port: u16) -> String {
    format!("{}:{port}", service.fqdn())
}

fn table(name: String) -> RouteTable {
    RouteTable {
        name: name.into(),
        virtual_hosts: Vec::new(),
        domains: Domains::default(),
        unknown_host: UnknownHost::Passthrough,
    }
}

fn virtual_host(
    world: &World<'_>,
    client: &Client,
    service: &Service,
    port: u16,
    problems: &mut Vec<String>,
) -> VirtualHost {
    let fqdn = service.fqdn();
    let scope = Scope {
        world,
        client,
        gateway: MESH,
        port,
    };
    let rule = precedence::virtual_service(world.virtual_services, &fqdn, &client.namespace);
    let mut routes = rule
        .map(|rule| routes(rule, scope, problems))
        .unwrap_or_default();
    // Istio: a VirtualService of which nothing is left for this proxy is as none.
    if routes.is_empty() {
        let rules = world.destination_rules;
        let policy = precedence::destination_rule(rules, &fqdn, &service.namespace, client);
        let hash = Blocks::of(policy.as_ref(), None, port).hash();
        routes.push(default_route(names::cluster(port, "", &fqdn), hash));
    }
    VirtualHost {
        name: format!("{fqdn}:{port}").into(),
        routes,
    }
}

/// The Host headers that mean a service.
fn domains(service: &Service, client: &Client) -> Vec<String> {
    let (name, namespace, fqdn) = (&service.name, &service.namespace, service.fqdn());
    let mut domains = vec![
        format!("{fqdn}."),
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}"),
        service.cluster_ip.to_string(),
        fqdn,
    ];
    if client.namespace == *namespace {
        domains.push(name.clone());
    }
    domains
}

impl Config {
    fn add_listener(&mut self, service: &Service, port: &ServicePort) {
        let serves = match port.protocol {
            Protocol::Http => Serves::Http(port.port.to_string().into()),
            Protocol::Sniffed => Serves::Http(sniffed(service, port.port).into()),
            Protocol::Tcp => Serves::Tcp(names::cluster(port.port, "", &service.fqdn()).into()),
        };
        self.listeners.push(Listener {
            host: service.fqdn().into(),
            ip: service.cluster_ip,
            port: port.port,
            serves,
        });
    }

    pub(super) fn add_clusters(&mut self, clusters: Vec<crate::config::Cluster>) {
        let named = clusters
            .into_iter()
            .map(|cluster| (cluster.name.clone(), Arc::new(cluster)));
        self.clusters.extend(named);
    }

    pub(super) fn add_routes(&mut self, table: RouteTable) {
        self.routes.insert(table.name.clone(), Arc::new(table));
    }
}

impl RouteTable {
    /// Adds a virtual host and claims its domains.
    pub(super) fn add(&mut self, host: VirtualHost, domains: &[String]) {
        domains
            .iter()
            .for_each(|domain| self.domains.claim(domain, self.virtual_hosts.len()));
        self.virtual_hosts.push(host);
    }
}
