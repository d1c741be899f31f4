//! The east-west gateway: a TCP hop that balances per connection.
//!
//! A real one reads the server name from the TLS handshake, which then runs through it to the pod:
//! the client's connection is up only when the whole way is. Here a listener stands for a server
//! name, and one byte from the hop says that it has reached an endpoint.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use mesh::config::Cluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::cluster::{ClusterState, Clusters, update};
use crate::dial::Dial;
use crate::listen::{Tasks, accept};
use crate::live::Clock;
use crate::tcp;

/// What a hop says when it has reached an endpoint.
const CONNECTED: u8 = 0x06;
/// How long a swallowed connection is held; clients give up long before.
const SWALLOWED: Duration = Duration::from_secs(60);

/// An east-west gateway. A cheap handle: clones are the same gateway.
#[derive(Clone)]
pub struct Hop(Arc<Inner>);

struct Inner {
    dial: Arc<dyn Dial>,
    chance: Chance,
    clock: Clock,
    /// Held while a table is taken over: each begins from the one before.
    applying: Mutex<()>,
    clusters: ArcSwap<Clusters>,
    swallows: AtomicBool,
}

impl Hop {
    /// A gateway that passes nothing on until [`apply`](Self::apply).
    pub fn new(dial: Arc<dyn Dial>, seed: Option<u64>) -> Self {
        Self(Arc::new(Inner {
            dial,
            chance: Chance::new(seed),
            clock: Clock::default(),
            applying: Mutex::default(),
            clusters: ArcSwap::default(),
            swallows: AtomicBool::new(false),
        }))
    }

    /// Obeys another table of server names; connections under way stay.
    pub fn apply(&self, clusters: &BTreeMap<Arc<str>, Arc<Cluster>>) {
        let inner = &*self.0;
        let _turn = inner
            .applying
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let old = inner.clusters.load();
        let new = update(&old, clusters, &inner.chance, inner.clock);
        inner.clusters.store(Arc::new(new));
    }

    /// For tests of failures: whether connections are accepted and then left unanswered.
    pub fn swallow(&self, on: bool) {
        self.0.swallows.store(on, Ordering::Relaxed);
    }

    /// The clusters at work, by server name.
    pub fn clusters(&self) -> Vec<Arc<ClusterState>> {
        let mut clusters: Vec<_> = self.0.clusters.load().values().cloned().collect();
        clusters.sort_by(|a, b| a.config.name.cmp(&b.config.name));
        clusters
    }

    /// Serves one server name until `shutdown`; then what is connected may finish, for a few seconds. A
    /// name that is not in the table, or has no endpoint that answers, closes the connection before it
    /// is up.
    pub async fn serve(&self, listener: TcpListener, sni: Arc<str>, shutdown: CancellationToken) {
        accept(listener, Tasks::default(), shutdown, |client, _| {
            let (hop, sni) = (self.0.clone(), sni.clone());
            async move {
                if let Err(error) = hop.pass(client, &sni).await {
                    tracing::debug!(%sni, %error, "connection through the hop ended");
                }
            }
        })
        .await;
    }
}

impl Inner {
    async fn pass(&self, mut client: TcpStream, sni: &Arc<str>) -> io::Result<()> {
        if self.swallows.load(Ordering::Relaxed) {
            sleep(SWALLOWED).await;
            return Ok(());
        }
        let cluster = self.clusters.load().get(sni).cloned();
        let cluster = cluster.ok_or_else(|| io::Error::other("unknown server name"))?;
        let (mut endpoint, _active) =
            tcp::connect(&cluster, &*self.dial, &self.chance, None).await?;
        client.set_nodelay(true)?;
        client.write_all(&[CONNECTED]).await?;
        copy_bidirectional(&mut client, &mut endpoint).await?;
        Ok(())
    }
}

/// Opens a connection through a hop's listener; it is up when the hop has reached an endpoint.
///
/// # Errors
///
/// The hop refuses, or closes because the name is unknown or nothing answers behind it. The caller
/// limits how long it may take.
pub async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    match stream.read_u8().await {
        Ok(CONNECTED) => Ok(stream),
        Ok(_) => Err(io::Error::other(format!("{address} is no hop"))),
        Err(_) => Err(io::ErrorKind::ConnectionReset.into()),
    }
}
