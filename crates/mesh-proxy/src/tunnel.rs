//! A connection that has become a tunnel: bytes in both directions until either side closes.
//!
//! Envoy: no timeout of the route ends it, it keeps its places among the cluster's connections and
//! requests, and there is no half of it: whoever closes, both sides end.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use crate::body::Lease;
use crate::log::{Ending, Record};
use crate::stats::Downstream;

/// Bytes under way in one direction.
const BUFFER: usize = 16 * 1024;
/// Envoy (`delayed_close_timeout`): how long a client may take to read what is left and close.
const LINGER: Duration = Duration::from_secs(1);

/// What an upstream's 101 opens: its side, and what is held until it closes.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) upstream: OnUpgrade,
    pub(crate) lease: Lease,
}

/// A tunnel whose two ends are about to come free of HTTP.
pub(crate) struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) opened: Box<Opened>,
    /// The line of the access log, written when a side has closed.
    pub(crate) record: Option<Box<Record>>,
    /// The request, while its listener counts it.
    pub(crate) request: Option<Downstream>,
}

/// One side of a tunnel.
type End = TokioIo<Upgraded>;

/// Who ended a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    Reader,
    Writer,
}

impl Tunnel {
    /// Carries bytes until a side closes, then closes the other.
    pub(crate) async fn run(self) {
        let Self {
            client,
            opened,
            mut record,
            request,
        } = self;
        let Opened { upstream, lease } = *opened;
        let ends = tokio::try_join!(client, upstream);
        let Ok((client, upstream)) = ends.inspect_err(|error| tracing::debug!(%error, "no tunnel"))
        else {
            return;
        };
        let mut client = split(TokioIo::new(client));
        let mut upstream = split(TokioIo::new(upstream));
        let by_client = carry(&mut client, &mut upstream, record.as_deref_mut()).await;
        if let Some(record) = &mut record {
            record.ended(if by_client {
                Ending::ByClient
            } else {
                Ending::ByUpstream
            });
        }
        drop((record, request));
        if by_client {
            drop(lease);
        } else {
            lease.fail();
        }
        // What was written to the side that closes last has to arrive: no reset may overtake it.
        let _ = upstream.1.shutdown().await;
        drop(upstream);
        if !by_client {
            let _ = timeout(LINGER, leave(&mut client)).await;
        }
    }
}

/// Copies in both directions; whether the client ended it.
async fn carry(
    client: &mut (ReadHalf<End>, WriteHalf<End>),
    upstream: &mut (ReadHalf<End>, WriteHalf<End>),
    record: Option<&mut Record>,
) -> bool {
    let received = record.as_ref().map(|record| record.received());
    let up = pour(&mut client.0, &mut upstream.1, |bytes| {
        if let Some(received) = &received {
            received.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    });
    let mut record = record;
    let down = pour(&mut upstream.0, &mut client.1, |bytes| {
        if let Some(record) = &mut record {
            record.sent(bytes);
        }
    });
    tokio::select! {
        closed = up => closed == Closed::Reader,
        closed = down => closed == Closed::Writer,
    }
}

/// Copies bytes as they come, until a side closes.
async fn pour(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut count: impl FnMut(usize),
) -> Closed {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return Closed::Reader,
            Ok(read) => read,
        };
        count(read);
        if to.write_all(&buffer[..read]).await.is_err() || to.flush().await.is_err() {
            return Closed::Writer;
        }
    }
}

/// Says that nothing follows, and waits until the client has closed too.
async fn leave((reading, writing): &mut (ReadHalf<End>, WriteHalf<End>)) -> io::Result<()> {
    writing.shutdown().await?;
    let mut unread = [0; 1024];
    while reading.read(&mut unread).await? > 0 {}
    Ok(())
}
