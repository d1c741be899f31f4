//! What the rules are applied to: services, their endpoints, the client, the network between.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;

use crate::model::{DestinationRule, VirtualService};
use crate::names;

/// A service as a client sees it: the endpoints of all clusters under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// ClusterIP in the client's cluster.
    pub cluster_ip: IpAddr,
    /// When it was made there.
    pub created: Option<Timestamp>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// A port of a service, and the ready endpoints behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Port clients use.
    pub port: u16,
    /// How its traffic is understood.
    pub protocol: Protocol,
    /// Ready endpoints of every cluster.
    pub endpoints: Vec<Endpoint>,
}

/// How the traffic of a service port is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Declared HTTP: the Host header picks the virtual host, among all services of the port.
    Http,
    /// Undeclared: treated as HTTP of this service, whatever the Host header says.
    Sniffed,
    /// Declared otherwise: bytes.
    Tcp,
}

impl Protocol {
    /// Reads `appProtocol`, else the port name's part before the first `-`.
    ///
    /// Istio: without either, the protocol is sniffed; an unknown one is treated the same way.
    pub fn of(app_protocol: Option<&str>, port_name: Option<&str>) -> Self {
        let prefix = port_name.map(|name| name.split('-').next().unwrap_or(name));
        match app_protocol
            .or(prefix)
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "http" | "http2" | "grpc" | "kubernetes.io/h2c" | "kubernetes.io/ws" => Self::Http,
            "tcp" | "redis" | "mongo" | "mysql" | "tls" | "https" | "udp" => Self::Tcp,
            _ => Self::Sniffed,
        }
    }
}

/// A pod behind a service port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Virtual pod address and target port.
    pub address: SocketAddr,
    /// Labels of the pod.
    pub labels: BTreeMap<String, String>,
    /// Cluster it runs in, `ctx1`.
    pub cluster: String,
    /// Where its node is.
    pub locality: Locality,
    /// Name of its node.
    pub node: String,
    /// Name of the pod.
    pub pod: String,
}

/// Where a node is, from its labels; empty where unlabelled.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locality {
    /// `topology.kubernetes.io/region`.
    pub region: String,
    /// `topology.kubernetes.io/zone`.
    pub zone: String,
    /// `topology.istio.io/subzone`.
    pub subzone: String,
}

/// The pod whose sidecar is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Cluster it runs in.
    pub cluster: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// Labels of the pod.
    pub labels: BTreeMap<String, String>,
    /// Where its node is.
    pub locality: Locality,
}

/// How clusters reach each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// Pod addresses are reachable everywhere.
    Single,
    /// Each cluster is a network of its own, entered through its east-west gateways.
    Multi {
        /// Addresses of each cluster's east-west gateway; a cluster without one is reached directly.
        gateways: BTreeMap<String, Vec<SocketAddr>>,
    },
}

/// Everything a client's configuration is made of. The rules are those of *its own* cluster.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// Services known in the client's cluster.
    pub services: &'a [Service],
    /// VirtualServices of the client's cluster.
    pub virtual_services: &'a [VirtualService],
    /// DestinationRules of the client's cluster.
    pub destination_rules: &'a [DestinationRule],
    /// The network between the clusters.
    pub network: &'a Network,
}

impl Service {
    /// FQDN.
    pub fn fqdn(&self) -> String {
        names::service_fqdn(&self.name, &self.namespace)
    }

    /// Adds the endpoints that another cluster has for the service of the same name.
    ///
    /// Istio multi-cluster: same name and namespace are one service; ports are joined by number.
    pub fn join(&mut self, other: &Service) {
        for port in &mut self.ports {
            let theirs = other.ports.iter().filter(|theirs| theirs.port == port.port);
            port.endpoints
                .extend(theirs.flat_map(|theirs| theirs.endpoints.iter().cloned()));
        }
    }
}

impl World<'_> {
    /// The service of that FQDN.
    pub fn service(&self, fqdn: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.fqdn() == fqdn)
    }
}

impl Endpoint {
    /// Whether the pod carries all of a subset's labels, Istio's synthetic ones included.
    pub fn has_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        labels
            .iter()
            .all(|(key, value)| self.label(key) == Some(value.as_str()))
    }

    /// A label of the pod, or one that Istio makes up.
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        match key {
            "kubernetes.io/hostname" => Some(&self.node),
            _ => label(key, &self.locality, &self.cluster, &self.labels),
        }
    }
}

impl Client {
    /// A label of the pod, or one that Istio makes up.
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        label(key, &self.locality, &self.cluster, &self.labels)
    }
}

/// Istio adds where a pod is to its labels.
fn label<'a>(
    key: &str,
    locality: &'a Locality,
    cluster: &'a str,
    labels: &'a BTreeMap<String, String>,
) -> Option<&'a str> {
    match key {
        "topology.kubernetes.io/region" => Some(&locality.region),
        "topology.kubernetes.io/zone" => Some(&locality.zone),
        "topology.istio.io/subzone" => Some(&locality.subzone),
        "topology.istio.io/cluster" | "topology.istio.io/network" => Some(cluster),
        _ => labels.get(key).map(String::as_str),
    }
}

impl Network {
    /// The gateways through which `client` reaches `cluster`; none = directly.
    pub(crate) fn gateways(&self, client: &str, cluster: &str) -> &[SocketAddr] {
        match self {
            Self::Multi { gateways } if client != cluster => {
                gateways.get(cluster).map_or(&[], Vec::as_slice)
            }
            _ => &[],
        }
    }
}

/// One service per name: those of the client's cluster with the endpoints of the other clusters.
///
/// Services that only another cluster has are left out: their name does not resolve here.
pub fn merge(mut local: Vec<Service>, remote: &[Service]) -> Vec<Service> {
    for service in &mut local {
        let same =
            |other: &&Service| other.name == service.name && other.namespace == service.namespace;
        let others: Vec<&Service> = remote.iter().filter(same).collect();
        others.into_iter().for_each(|other| service.join(other));
    }
    let mut seen = BTreeSet::new();
    local.retain(|service| seen.insert((service.namespace.clone(), service.name.clone())));
    local
}

#[cfg(test)]
mod tests;
