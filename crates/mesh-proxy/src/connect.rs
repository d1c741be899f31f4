//! A connection from its dial to its end.

use std::io;
use std::sync::{Arc, Weak};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use mesh::local_reply::Reset;
use tokio::time::timeout;

use crate::body::RequestBody;
use crate::cluster::HostState;
use crate::dial::Dial;
use crate::limits::Place;
use crate::pool::Connection;

/// Opens a connection for the pool of a host; it holds its place among the cluster's to its end.
pub(crate) async fn open(host: Arc<HostState>, dial: Arc<dyn Dial>, place: Place) {
    host.stats.cx_total.add();
    let reset = match timeout(host.connect_timeout, establish(&host, &dial, place)).await {
        Ok(Ok(sender)) => return host.pool.put(Connection { sender, used: 0 }),
        Ok(Err(error)) if error.kind() != io::ErrorKind::TimedOut => Reset::ConnectionFailure,
        _ => Reset::ConnectionTimeout,
    };
    host.stats.cx_connect_fail.add();
    host.failed(reset);
}

async fn establish(
    host: &Arc<HostState>,
    dial: &Arc<dyn Dial>,
    place: Place,
) -> io::Result<SendRequest<RequestBody>> {
    let stream = dial.dial(&host.target).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::Builder::new()
        .preserve_header_case(false)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    host.stats.cx_active.add();
    host.pool.opened();
    // Idle connections do not keep a host that no configuration knows any more.
    let (host, dial) = (Arc::downgrade(host), dial.clone());
    // The task ends with its connection: when the peer closes it, or when the sender is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "upstream connection ended");
        }
        drop(place);
        ended(&host, &dial);
    });
    Ok(sender)
}

fn ended(host: &Weak<HostState>, dial: &Arc<dyn Dial>) {
    if let Some(host) = host.upgrade() {
        host.stats.cx_active.subtract();
        host.closed(dial);
    }
}
