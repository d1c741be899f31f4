//! TCP services: bytes to a host of a cluster, chosen per connection.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use mesh::engine::{Report, source_hash};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::body::Active;
use crate::chance::Chance;
use crate::cluster::{ClusterState, HostState};
use crate::connect::Open;
use crate::dial::Dial;
use crate::listen::{Tasks, accept};
use crate::proxy::{Inner, Proxy};

impl Proxy {
    /// Serves a TCP service until `shutdown`: each connection goes to a host of `cluster`.
    ///
    /// Envoy: one attempt to connect; a client whose connection cannot be made is closed. Unlike
    /// requests, connections have no end to wait for: `shutdown` closes them.
    pub async fn serve_tcp(
        &self,
        listener: TcpListener,
        cluster: Arc<str>,
        shutdown: CancellationToken,
    ) {
        let stop = shutdown.clone();
        accept(listener, Tasks::default(), shutdown, |client, _| {
            let serving = serve_connection(self.0.clone(), cluster.clone(), client);
            stop.clone().run_until_cancelled_owned(serving).map(|_| ())
        })
        .await;
    }
}

async fn serve_connection(proxy: Arc<Inner>, cluster: Arc<str>, client: TcpStream) {
    let snapshot = proxy.snapshot.load_full();
    let dialled = snapshot.config.dialled_for(&cluster);
    let relayed = match proxy.cluster(&snapshot, &cluster, dialled) {
        Some(state) => relay(&state, &*proxy.settings.dial, &proxy.chance, client).await,
        None => Err(io::Error::other("no such cluster")),
    };
    if let Err(error) = relayed {
        tracing::debug!(%cluster, %error, "connection of a TCP service ended");
    }
}

/// Connects a client to a host and copies until both sides are done.
async fn relay(
    cluster: &ClusterState,
    dial: &dyn Dial,
    chance: &Chance,
    mut client: TcpStream,
) -> io::Result<()> {
    let source = client.peer_addr()?.ip();
    let (mut upstream, _active) = connect(cluster, dial, chance, Some(source)).await?;
    client.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut upstream).await?;
    Ok(())
}

/// A connection to a host of a cluster, by its `source` where that is hashed; the host counts it as
/// active while the guard lives.
///
/// Envoy: beyond `max_connections` a connection is closed, and no host is even chosen.
pub(crate) async fn connect(
    cluster: &ClusterState,
    dial: &dyn Dial,
    chance: &Chance,
    source: Option<IpAddr>,
) -> io::Result<(TcpStream, (Active, Open))> {
    let Some(place) = cluster.limits.connections.take() else {
        cluster.stats.upstream_cx_overflow.add();
        return Err(io::Error::other("maxConnections is reached"));
    };
    let hashed = source.filter(|_| cluster.config.policy.hashes_sources);
    let Some(host) = cluster.pick(chance, &[], None, hashed.map(source_hash)) else {
        cluster.stats.upstream_cx_none_healthy.add();
        return Err(io::Error::other("the cluster has no endpoint"));
    };
    let open = Open::new(&host, place);
    let stream = dial_host(cluster, &host, dial).await?;
    stream.set_nodelay(true)?;
    // Envoy: what a connection carries is a request to the counters.
    host.count_request();
    Ok((stream, (Active::new(host.clone()), open)))
}

/// Envoy: a client waits in its host's pool for the connection that is made for it.
async fn dial_host(
    cluster: &ClusterState,
    host: &Arc<HostState>,
    dial: &dyn Dial,
) -> io::Result<TcpStream> {
    let Some(_waiting) = cluster.limits.pending.take() else {
        cluster.stats.upstream_rq_pending_overflow.add();
        return Err(io::Error::other("maxPendingRequests is reached"));
    };
    cluster.stats.upstream_rq_pending_total.add();
    let limit = cluster.config.policy.connect_timeout;
    let dialled = timeout(limit, dial.dial(&host.target)).await;
    let dialled = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    dialled
        .inspect(|_| cluster.report(host, Report::Opened))
        .inspect_err(|error| {
            host.count_failure(error);
            cluster.stats.upstream_rq_pending_failure_eject.add();
            cluster.report(host, Report::ConnectFailure);
        })
}
