//! A connection from its dial to its end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mesh::local_reply::Reset;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::cluster::HostState;
use crate::dial::Dial;
use crate::limits::Place;
use crate::pool::Established;
use crate::stats::{ClusterStats, HostStats};

/// Opens a connection for the pool of a host; it holds its place among the cluster's to its end.
pub(crate) async fn open(host: Arc<HostState>, dial: Arc<dyn Dial>, place: Place) {
    let open = Open::new(&host, place);
    host.cluster.upstream_cx_http1_total.add();
    let established = timeout(host.connect_timeout, establish(&host, &dial, open)).await;
    let established = established.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    match established {
        Ok(established) => host.keep_new(established),
        Err(error) => {
            host.count_failure(&error);
            host.failed(match error.kind() {
                io::ErrorKind::TimedOut => Reset::ConnectionTimeout,
                _ => Reset::ConnectionFailure,
            });
        }
    }
}

async fn establish(
    host: &Arc<HostState>,
    dial: &Arc<dyn Dial>,
    open: Open,
) -> io::Result<Established> {
    let stream = dial.dial(&host.target).await?;
    stream.set_nodelay(true)?;
    let local = stream.local_addr().ok();
    let (alive, closed) = oneshot::channel();
    let wire = Wire {
        stream,
        _alive: alive,
    };
    let (sender, connection) = http1::Builder::new()
        .preserve_header_case(false)
        .handshake(TokioIo::new(wire))
        .await
        .map_err(io::Error::other)?;
    host.pool.opened();
    // Idle connections do not keep a host that no configuration knows any more.
    let (host, dial) = (Arc::downgrade(host), dial.clone());
    // The task ends with its connection: when the peer closes it, or when the sender is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "upstream connection ended");
        }
        // A tunnel lives on without HTTP. Nothing is ever sent: what is awaited is the wire's end.
        let _ = closed.await;
        drop(open);
        ended(&host, &dial);
    });
    Ok((sender, local))
}

/// The socket of a connection, whatever it carries; tells when it is closed.
struct Wire {
    stream: TcpStream,
    _alive: oneshot::Sender<()>,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A connection as it counts, from the first step of its dial to its end. Keeps counters, not the
/// host.
pub(crate) struct Open {
    host: Arc<HostStats>,
    cluster: Arc<ClusterStats>,
    _place: Place,
}

impl Open {
    pub(crate) fn new(host: &HostState, place: Place) -> Self {
        let (host, cluster) = (host.stats.clone(), host.cluster.clone());
        host.cx_total.add();
        host.cx_active.add();
        cluster.upstream_cx_total.add();
        cluster.upstream_cx_active.add();
        Self {
            host,
            cluster,
            _place: place,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.host.cx_active.subtract();
        self.cluster.upstream_cx_active.subtract();
    }
}

impl HostState {
    /// Counts a connection that did not come up.
    pub(crate) fn count_failure(&self, error: &io::Error) {
        self.stats.cx_connect_fail.add();
        self.cluster.upstream_cx_connect_fail.add();
        if error.kind() == io::ErrorKind::TimedOut {
            self.cluster.upstream_cx_connect_timeout.add();
        }
    }
}

fn ended(host: &Weak<HostState>, dial: &Arc<dyn Dial>) {
    if let Some(host) = host.upgrade() {
        host.closed(dial);
    }
}
