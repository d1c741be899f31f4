//! What a compilation yields: Envoy's listeners, route tables and clusters, ready to be obeyed.
//!
//! Everything is immutable and shared by `Arc`. Parts compare equal when their effect is equal, so
//! that a proxy keeps connections, counters and balancer of a cluster that a new [`Config`] did not
//! change.

mod balancing;
mod domains;
mod hash;
mod policy;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use balancing::{Balancing, TableSize, is_prime};
pub use domains::Domains;
pub use hash::{Cookie, HashPolicy};
pub use policy::{
    CONNECT_TIMEOUT, IDLE_TIMEOUT, Limits, Outlier, Policy, RetryBudget, SlowStart, Threshold,
};

use crate::cors::Cors;
use crate::fault::Fault;
use crate::headers::HeaderOps;
use crate::matching::RouteMatch;
use crate::mirror::Mirror;
use crate::redirect::Redirect;
use crate::registry::Locality;
use crate::retry::RetryPolicy;
use crate::rewrite::Rewrite;
use crate::weights::Weighted;

/// Name of the cluster behind unknown hosts.
pub const PASSTHROUGH: &str = "PassthroughCluster";
/// Name of the cluster that leads nowhere.
pub const BLACK_HOLE: &str = "BlackHoleCluster";

/// The configuration of one proxy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// What each service address does.
    pub listeners: Vec<Listener>,
    /// Route tables by name.
    pub routes: BTreeMap<Arc<str>, Arc<RouteTable>>,
    /// Clusters by name, `outbound|8080|ctx1|svc.ns.svc.cluster.local`.
    pub clusters: BTreeMap<Arc<str>, Arc<Cluster>>,
    /// Rules that cannot be obeyed and are left out, each with its reason.
    pub problems: Vec<String>,
}

/// One address of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// FQDN of the service.
    pub host: Arc<str>,
    /// ClusterIP in the client's cluster.
    pub ip: IpAddr,
    /// Port of the service.
    pub port: u16,
    /// What happens to its traffic.
    pub serves: Serves,
}

/// What happens to the traffic of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serves {
    /// HTTP, by the route table of this name: `8080` for a declared port, `FQDN:8080` otherwise.
    Http(Arc<str>),
    /// Bytes, to the cluster of this name.
    Tcp(Arc<str>),
}

/// Virtual hosts of a listener.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteTable {
    /// Name, as [`Serves::Http`] holds it.
    pub name: Arc<str>,
    /// Virtual hosts; a domain belongs to one of them.
    pub virtual_hosts: Vec<VirtualHost>,
    /// Domain → index into `virtual_hosts`.
    pub domains: Domains,
    /// What happens to hosts of no virtual host.
    pub unknown_host: UnknownHost,
}

/// What happens to a Host that no virtual host claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownHost {
    /// Sidecar, ALLOW_ANY: to the address the client dialled, [`PASSTHROUGH`].
    Passthrough,
    /// Gateway: 404, NR.
    NotFound,
}

/// The routes of one host.
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualHost {
    /// Name, `svc.ns.svc.cluster.local:8080`.
    pub name: Arc<str>,
    /// Routes in order; the first that matches wins, none is a 404.
    pub routes: Vec<Arc<Route>>,
}

/// One route: a condition and what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Name in access logs: rule and match name, `default` without a VirtualService, else empty.
    pub name: Arc<str>,
    /// When it applies.
    pub matches: RouteMatch,
    /// Injected before the action.
    pub fault: Fault,
    /// What it does.
    pub action: Action,
    /// Header changes of the rule.
    pub headers: HeaderOps,
}

/// What a route does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Sends the request to a cluster.
    Forward(Box<Forward>),
    /// Answers with a redirect.
    Redirect(Redirect),
    /// Answers with a fixed status and body.
    Respond {
        /// Status.
        status: u16,
        /// Body, possibly empty.
        body: Arc<[u8]>,
    },
}

/// How a request is forwarded.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// Where to.
    pub destinations: Weighted<WeightedCluster>,
    /// Limit from the end of the request to the end of the answer, all tries included.
    pub timeout: Option<Duration>,
    /// Which failures are tried again; none = no retries.
    pub retry: Option<RetryPolicy>,
    /// Changes of path and authority.
    pub rewrite: Option<Rewrite>,
    /// What of a request says which host it belongs to, for clusters that hash.
    pub hash: Vec<HashPolicy>,
    /// What browsers may do from other origins.
    pub cors: Option<Cors>,
    /// Who gets copies.
    pub mirrors: Vec<Mirror>,
}

/// A destination of a weighted route.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedCluster {
    /// Name of the cluster; it need not exist (503, NC).
    pub cluster: Arc<str>,
    /// Header changes for this destination only.
    pub headers: HeaderOps,
}

/// Endpoints that are interchangeable, and how to treat them.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Name.
    pub name: Arc<str>,
    /// Who says which hosts it has.
    pub discovery: Discovery,
    /// The part a change of which starts the cluster afresh.
    pub policy: Policy,
    /// Its hosts, by locality and address.
    pub hosts: Arc<[Host]>,
}

/// Who says which hosts a cluster has (Envoy: `type`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Discovery {
    /// The control plane, apart from the cluster.
    #[default]
    Eds,
    /// The client: the address that it dialled.
    OriginalDst,
    /// The cluster's own configuration.
    Static,
}

/// One address of a cluster: a pod, or the east-west gateway before many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    /// Virtual address.
    pub address: SocketAddr,
    /// Server name, for a host that is a gateway.
    pub sni: Option<Arc<str>>,
    /// Weight among the hosts of the cluster, at least 1.
    pub weight: u32,
    /// Who is asked first: hosts of a higher number only for what the lower ones cannot take.
    pub priority: u32,
    /// Weight of its locality, where localities are weighed; 0 = it gets nothing.
    pub locality_weight: u32,
    /// Where it is; of a gateway, the first locality behind it.
    pub locality: Locality,
    /// Cluster of the pods, `ctx2`.
    pub cluster: Arc<str>,
}

impl Config {
    /// The address that clients of a TCP service's cluster dial.
    pub fn dialled_for(&self, cluster: &str) -> Option<SocketAddr> {
        let serves = |it: &&Listener| matches!(&it.serves, Serves::Tcp(own) if **own == *cluster);
        let listener = self.listeners.iter().find(serves)?;
        Some(SocketAddr::new(listener.ip, listener.port))
    }

    /// The listener of a service's port.
    pub fn listener(&self, fqdn: &str, port: u16) -> Option<&Listener> {
        self.listeners
            .iter()
            .find(|listener| &*listener.host == fqdn && listener.port == port)
    }
}

impl Cluster {
    /// Whether its hosts are the addresses that clients dial.
    pub fn follows_clients(&self) -> bool {
        self.discovery == Discovery::OriginalDst && self.hosts.is_empty()
    }

    /// A cluster of the one address that the client dialled.
    pub fn single(name: Arc<str>, address: SocketAddr, policy: Policy) -> Self {
        let host = Host {
            address,
            sni: None,
            weight: 1,
            priority: 0,
            locality_weight: 1,
            locality: Locality::default(),
            cluster: "".into(),
        };
        Self {
            name,
            discovery: Discovery::OriginalDst,
            policy,
            hosts: [host].into(),
        }
    }
}

impl RouteTable {
    /// The virtual host for a Host header: case ignored, port ignored.
    pub fn virtual_host(&self, authority: &str) -> Option<&VirtualHost> {
        self.domains
            .find(authority)
            .map(|index| &self.virtual_hosts[index])
    }
}
