//! Connections of one host: kept alive, one request at a time.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::body::RequestBody;
use crate::cluster::HostState;
use crate::dial::Dial;

/// Envoy: an idle connection is closed after an hour.
const IDLE_TIME: Duration = Duration::from_secs(3600);
/// No more idle connections than these are kept.
const IDLE_LIMIT: usize = 1024;

/// Idle connections; the last used is taken first.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Idle>>);

#[derive(Debug)]
struct Idle {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

/// A connection in use.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<RequestBody>,
    /// Whether it carried a request before.
    pub(crate) reused: bool,
}

impl Pool {
    fn take(&self) -> Option<SendRequest<RequestBody>> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A peer that closes is noticed at once: the connection's task ends and closes the sender.
        std::iter::from_fn(|| idle.pop())
            .find(|idle| !idle.sender.is_closed() && idle.since.elapsed() < IDLE_TIME)
            .map(|idle| idle.sender)
    }

    /// Lets go of every idle connection.
    pub(crate) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Takes back a connection whose answer was read to its end.
    pub(crate) fn put(&self, sender: SendRequest<RequestBody>) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle
            .first()
            .is_some_and(|oldest| oldest.since.elapsed() >= IDLE_TIME)
        {
            idle.retain(|idle| idle.since.elapsed() < IDLE_TIME);
        }
        if idle.len() < IDLE_LIMIT {
            idle.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
    }
}

/// A connection to a host: an idle one that still lives, else a new one.
///
/// The caller limits how long it may take.
pub(crate) async fn connect(host: &Arc<HostState>, dial: &dyn Dial) -> io::Result<Connection> {
    while let Some(mut sender) = host.pool.take() {
        // The connection's task may still be a step behind the end of the last answer.
        if sender.ready().await.is_ok() {
            return Ok(Connection {
                sender,
                reused: true,
            });
        }
    }
    connect_anew(host, dial).await
}

/// A new connection to a host.
pub(crate) async fn connect_anew(host: &Arc<HostState>, dial: &dyn Dial) -> io::Result<Connection> {
    host.stats.cx_total.add();
    let stream = dial.dial(&host.target).await?;
    stream.set_nodelay(true)?;
    let sender = handshake(stream, host).await.map_err(io::Error::other)?;
    Ok(Connection {
        sender,
        reused: false,
    })
}

async fn handshake(
    stream: TcpStream,
    host: &Arc<HostState>,
) -> hyper::Result<SendRequest<RequestBody>> {
    let (sender, connection) = http1::Builder::new()
        .preserve_header_case(false)
        .handshake(TokioIo::new(stream))
        .await?;
    host.stats.cx_active.add();
    let counted = host.clone();
    // The task ends with its connection: when the peer closes it, or when the sender is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(upstream = %counted.target.address, %error, "upstream connection ended");
        }
        counted.stats.cx_active.subtract();
    });
    Ok(sender)
}
