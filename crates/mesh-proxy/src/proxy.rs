//! A proxy: its configuration, its clusters at work, and what they share.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use hyper::header::HeaderValue;
use mesh::compile::inbound;
use mesh::config::{Config, Policy};
use mesh::names;

use crate::chance::Chance;
use crate::cluster::{ClusterState, Clusters, update};
use crate::copies::Room;
use crate::dial::{App, AppDial, Dial};
use crate::live::Clock;
use crate::log::AccessLog;
use crate::passthrough::Passthrough;
use crate::stats::HttpStats;

/// Where a proxy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Between a pod and everything it calls.
    Outbound,
    /// Between everything that calls a pod and its application.
    Inbound,
    /// At the edge.
    Ingress,
}

/// What a proxy is given at start, besides its configuration.
#[derive(Clone)]
pub struct Settings {
    /// Where it stands.
    pub role: Role,
    /// How it reaches upstreams.
    pub dial: Arc<dyn Dial>,
    /// Where the lines of its access log go; none = they are not even made.
    pub access_log: Option<Arc<dyn AccessLog>>,
    /// Address of the client pod as logs show it; none = the peer's, by `peers`.
    pub pod_ip: Option<IpAddr>,
    /// Who is behind a peer's real address; none = the address itself.
    pub peers: Option<Arc<dyn Peers>>,
    /// Seed of its random numbers; none = another one every time.
    pub seed: Option<u64>,
}

/// The caller's map from real addresses back to virtual ones.
pub trait Peers: Send + Sync + 'static {
    /// The virtual address of who calls from a real one, where it is known.
    fn who(&self, real: SocketAddr) -> Option<IpAddr>;
}

/// What one HTTP listener serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Name of its route table.
    pub routes: Arc<str>,
    /// The virtual address that its clients dialled: `10.96.0.7:8080`. A sidecar passes unknown
    /// hosts through to it (Istio: ALLOW_ANY), dialled as any address; none answers them 404.
    pub address: Option<SocketAddr>,
}

/// One proxy. A cheap handle: clones are the same proxy.
#[derive(Clone)]
pub struct Proxy(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) chance: Chance,
    clock: Clock,
    /// Held while a configuration is taken over: each begins from the one before.
    applying: Mutex<()>,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    draining: AtomicBool,
    /// Counters of its HTTP listeners, by Envoy's name for them.
    http: Mutex<BTreeMap<String, Arc<HttpStats>>>,
    /// Room for copies of requests.
    pub(crate) copies: Room,
    passthrough: Passthrough,
}

/// What a request sees from its start to its end.
pub(crate) struct Snapshot {
    pub(crate) config: Arc<Config>,
    pub(crate) clusters: Clusters,
}

impl Settings {
    /// The settings without a log, and with chance unseeded.
    pub fn new(role: Role, dial: Arc<dyn Dial>) -> Self {
        Self {
            role,
            dial,
            access_log: None,
            pod_ip: None,
            peers: None,
            seed: None,
        }
    }
}

impl Inner {
    /// This end of an upstream connection as logs show it; none where its address is not known.
    pub(crate) fn local_as_shown(&self, local: Option<SocketAddr>) -> Option<SocketAddr> {
        let local = local?;
        let ip = match (self.settings.role, self.settings.pod_ip) {
            (Role::Outbound, ip) => ip.unwrap_or(local.ip()),
            // Istio: an inbound side calls its application from this address.
            (Role::Inbound, _) => IpAddr::from([127, 0, 0, 6]),
            (Role::Ingress, ip) => ip?,
        };
        Some(SocketAddr::new(ip, local.port()))
    }

    /// A client as logs show it.
    pub(crate) fn peer_as_shown(&self, peer: SocketAddr) -> SocketAddr {
        let by_peers = || self.settings.peers.as_ref()?.who(peer);
        let ip = self.settings.pod_ip.or_else(by_peers);
        ip.map_or(peer, |ip| SocketAddr::new(ip, peer.port()))
    }

    /// Whether clients are asked to leave.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

impl Role {
    /// The value of `server` in its answers.
    pub(crate) fn server(self) -> HeaderValue {
        match self {
            Self::Outbound => HeaderValue::from_static("envoy"),
            Self::Inbound | Self::Ingress => HeaderValue::from_static("istio-envoy"),
        }
    }
}

impl Proxy {
    /// A proxy without configuration: every request is 404 until [`apply`](Self::apply).
    pub fn new(settings: Settings) -> Self {
        let snapshot = Snapshot {
            config: Arc::default(),
            clusters: Clusters::default(),
        };
        Self(Arc::new(Inner {
            chance: Chance::new(settings.seed),
            settings,
            clock: Clock::default(),
            applying: Mutex::default(),
            snapshot: ArcSwap::from_pointee(snapshot),
            draining: AtomicBool::new(false),
            http: Mutex::default(),
            copies: Room::default(),
            passthrough: Passthrough::default(),
        }))
    }

    /// The inbound side of a pod: everything goes to `app`, seen as `address` (pod IP and port).
    ///
    /// The route table is that of [`Self::inbound_routes`]. Without limits until a configuration of
    /// [`mesh::compile::compile_inbound`] is applied.
    pub fn inbound(settings: Settings, app: impl App, address: SocketAddr) -> Self {
        let dial = Arc::new(AppDial(app));
        let proxy = Self::new(Settings {
            role: Role::Inbound,
            dial,
            ..settings
        });
        proxy.apply(Arc::new(inbound(address, Policy::default())));
        proxy
    }

    /// Asks every client, with its next answer, to go on over a new connection.
    ///
    /// Envoy: a listener that drains does. Who holds a connection to this proxy through an
    /// east-west gateway would otherwise never learn that the pod behind it is leaving.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Lets go of connections through east-west gateways: of idle ones now, of others with the end of
    /// their request.
    ///
    /// Such a connection leads to one pod, or through one door, which nobody sees from here. When that
    /// goes, it would be closed under a request that is just being sent.
    pub fn leave_gateways(&self) {
        let snapshot = self.0.snapshot.load();
        let hosts = snapshot
            .clusters
            .values()
            .flat_map(|cluster| &cluster.hosts);
        for host in hosts.filter(|host| host.target.sni.is_some()) {
            host.pool.drain();
        }
    }

    /// Name of the route table (and cluster) of an inbound side: `inbound|8080||`.
    pub fn inbound_routes(port: u16) -> Arc<str> {
        names::inbound(port).into()
    }

    /// Obeys another configuration from now on.
    ///
    /// Requests under way keep the old one; what has not changed keeps its connections, counters and
    /// balancer; nothing is dropped.
    pub fn apply(&self, config: Arc<Config>) {
        let inner = &*self.0;
        let _turn = inner
            .applying
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let old = inner.snapshot.load();
        let clusters = update(&old.clusters, &config.clusters, &inner.chance, inner.clock);
        inner.passthrough.keep(&clusters);
        inner
            .snapshot
            .store(Arc::new(Snapshot { config, clusters }));
    }

    /// The configuration obeyed now.
    pub fn config(&self) -> Arc<Config> {
        self.0.snapshot.load().config.clone()
    }

    /// The clusters at work, by name, for those who show hosts and counters.
    pub fn clusters(&self) -> Vec<Arc<ClusterState>> {
        let snapshot = self.0.snapshot.load();
        let shown = |cluster: &Arc<ClusterState>| match cluster.config.follows_clients() {
            true => self.0.passthrough.shown(cluster),
            false => cluster.clone(),
        };
        let mut clusters: Vec<_> = snapshot.clusters.values().map(shown).collect();
        clusters.sort_by(|a, b| a.config.name.cmp(&b.config.name));
        clusters
    }
}

impl Listen {
    /// Istio's `stat_prefix`: listeners of all services of a declared HTTP port are one, as are
    /// those of an inbound side's port.
    fn stat_prefix(&self, role: Role) -> String {
        let port = |text: &str| text.parse::<u16>().ok();
        match (role, self.address) {
            (Role::Inbound, Some(address)) => format!("inbound_0.0.0.0_{}", address.port()),
            (Role::Outbound, Some(address)) if port(&self.routes).is_none() => {
                format!("outbound_{}_{}", address.ip(), address.port())
            }
            _ => format!(
                "outbound_0.0.0.0_{}",
                self.routes.trim_start_matches("http.")
            ),
        }
    }
}

impl Inner {
    /// The counters of a listener; listeners of one name share them.
    pub(crate) fn http_stats(&self, listen: &Listen) -> Arc<HttpStats> {
        let mut known = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        let name = listen.stat_prefix(self.settings.role);
        known.entry(name).or_default().clone()
    }

    /// The counters of its listeners, by their names.
    pub(crate) fn listeners(&self) -> BTreeMap<String, Arc<HttpStats>> {
        let known = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// The cluster of a name, for a client that dialled an address.
    ///
    /// Envoy: a cluster whose hosts are what clients dial has none where that is not known.
    pub(crate) fn cluster(
        &self,
        snapshot: &Snapshot,
        name: &str,
        dialled: Option<SocketAddr>,
    ) -> Option<Arc<ClusterState>> {
        let cluster = snapshot.clusters.get(name)?;
        let dialled = dialled.filter(|_| cluster.config.follows_clients());
        Some(dialled.map_or_else(
            || cluster.clone(),
            |address| self.passthrough.toward(cluster, address),
        ))
    }
}
