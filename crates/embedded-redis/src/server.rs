use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::append_log::{self, AppendFile, Committer};
use crate::config::Config;
use crate::connection::{Connection, now};
use crate::db::Db;
use crate::error::{RunError, StartError};
use crate::session::Session;
use crate::status::Status;
use crate::store::Store;

/// How often keys past their deadline are looked for, and how many go at once.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
const SWEEP_KEYS: usize = 1000;

/// Pause after an accept that failed, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long connections may take to send their last replies, and the disk its last writes.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
const FLUSH_LIMIT: Duration = Duration::from_secs(10);

/// A store that is loaded and bound, ready to [`run`](Self::run).
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    store: Arc<Store>,
    append_file: Option<AppendFile>,
    rewrite_above: u64,
}

impl Server {
    /// Loads the append file, cuts a torn tail, and takes over the listener. Clients may connect
    /// from now on; they are served by [`run`](Self::run).
    pub async fn build(listener: TcpListener, config: Config) -> Result<Self, StartError> {
        let address = listener.local_addr().map_err(StartError::Listener)?;
        let status = Status::new(&config, address.port(), now());
        let (db, append_file) = match config.append_file {
            None => (Db::default(), None),
            Some(path) => {
                let load = tokio::task::spawn_blocking(move || append_log::load(&path));
                let (db, file) = load.await.map_err(|_| StartError::Interrupted)??;
                (db, Some(file))
            }
        };
        let store = Arc::new(Store::new(db, status));
        Ok(Self {
            listener,
            address,
            store,
            append_file,
            rewrite_above: config.rewrite_above,
        })
    }

    /// Where the store listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes; then stops accepting, answers what has been read, and
    /// returns when every write is on the disk.
    ///
    /// A disk that fails meanwhile does not end the server: writes are refused, reads go on, and
    /// the error comes back from here at the end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let committer = match self.append_file {
            None => None,
            Some(file) => Some(
                Committer::new(Arc::clone(&self.store), file, self.rewrite_above)
                    .spawn()
                    .map_err(RunError::Thread)?,
            ),
        };
        let closer = Closer(&self.store);
        let (connections, stop) = (TaskTracker::new(), CancellationToken::new());
        let _stop_on_drop = stop.clone().drop_guard();
        tokio::select! {
            () = accept(&self.listener, &self.store, &connections, &stop) => {}
            () = sweep(&self.store) => {}
            () = shutdown => {}
        }
        drop(self.listener);
        stop.cancel();
        connections.close();
        if timeout(DRAIN_LIMIT, connections.wait()).await.is_err() {
            tracing::warn!(left = connections.len(), "connections did not end in time");
        }
        drop(closer);
        flush(committer).await?;
        self.store.failure().map_or(Ok(()), |reason| {
            Err(RunError::AppendFile(reason.to_string()))
        })
    }
}

/// Ends the committer even if the future of [`Server::run`] is dropped half-way.
struct Closer<'a>(&'a Store);

impl Drop for Closer<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn flush(committer: Option<JoinHandle<()>>) -> Result<(), RunError> {
    let Some(thread) = committer else {
        return Ok(());
    };
    let joined = tokio::task::spawn_blocking(move || thread.join());
    timeout(FLUSH_LIMIT, joined)
        .await
        .map(drop)
        .map_err(|_| RunError::Flush(FLUSH_LIMIT))
}

async fn sweep(store: &Store) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        store.sweep(now(), SWEEP_KEYS);
    }
}

async fn accept(
    listener: &TcpListener,
    store: &Arc<Store>,
    connections: &TaskTracker,
    stop: &CancellationToken,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                connections.spawn(serve(stream, peer, Arc::clone(store), stop.clone()));
            }
            Err(cause) => {
                tracing::warn!(%cause, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    store: Arc<Store>,
    stop: CancellationToken,
) {
    let id = store.status.accepted.fetch_add(1, Relaxed) + 1;
    let Some(_seat) = Seat::take(&store) else {
        let refusal = b"-ERR max number of clients reached\r\n";
        let _ = timeout(ACCEPT_PAUSE, stream.write_all(refusal)).await;
        return;
    };
    // Replies are small and awaited: they must not wait for an acknowledgement of the last one.
    let _ = stream.set_nodelay(true);
    let session = Session::new(id, peer, store.status.password.is_none());
    if let Err(cause) = Connection::new(stream, Arc::clone(&store), session)
        .run(stop)
        .await
    {
        tracing::debug!(%peer, %cause, "connection ended");
    }
}

/// One of the connections that may be open at the same time.
struct Seat(Arc<Store>);

impl Seat {
    fn take(store: &Arc<Store>) -> Option<Self> {
        let seat = Self(Arc::clone(store));
        let taken = store.status.connections.fetch_add(1, Relaxed);
        (taken < store.status.max_connections).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.status.connections.fetch_sub(1, Relaxed);
    }
}
