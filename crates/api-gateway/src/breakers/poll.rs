//! The sidecar's admin interface, asked again and again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::drain::Drain;
use common::outbound::{Resolve, first};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Breakers;
use super::reading::Reading;
use crate::clock;
use crate::clusters::Reason;
use crate::config::Upstream;
use crate::events::Hub;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest wait for one look.
const LIMIT: Duration = Duration::from_secs(3);
/// Most that an answer may hold: a sidecar of a large mesh knows thousands of hosts.
const MOST_BYTES: usize = 16 * 1024 * 1024;

const CLUSTERS: &str = "/clusters?format=json";
/// The few counters that are shown: `(upstream_(cx|rq_pending|rq_active|rq_retry)|outlier_detection\.ejections)_overflow$`
const STATS: &str = "/stats?format=json&filter=%28upstream_%28cx%7Crq_pending%7Crq_active%7Crq_retry%29%7Coutlier_detection%5C.ejections%29_overflow%24";

/// Keeps the hub told about the breakers of the sidecar at `admin`, until `drain` begins.
pub async fn poll(admin: Upstream, resolve: Arc<dyn Resolve>, hub: Hub, drain: Drain) {
    tokio::select! {
        () = keep_polling(&admin, &*resolve, &hub) => {}
        () = drain.begun() => {}
    }
}

async fn keep_polling(admin: &Upstream, resolve: &dyn Resolve, hub: &Hub) {
    let mut breakers = Breakers::unknown(Reason::NotYet);
    loop {
        let looked = tokio::time::timeout(LIMIT, look(admin, resolve)).await;
        breakers.observe(looked.unwrap_or(Err(Reason::Timeout)), clock::now());
        hub.set_breakers(breakers.clone());
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look(admin: &Upstream, resolve: &dyn Resolve) -> Result<Reading, Reason> {
    let mut asking = connect(admin, resolve)
        .await
        .map_err(|_| Reason::Unreachable)?;
    let clusters = ask(&mut asking, admin, CLUSTERS).await?;
    let stats = ask(&mut asking, admin, STATS).await?;
    Reading::parse(&clusters, &stats).map_err(|_| Reason::Unreadable)
}

async fn connect(
    admin: &Upstream,
    resolve: &dyn Resolve,
) -> std::io::Result<SendRequest<Empty<Bytes>>> {
    let address = first(resolve.resolve(&admin.host, admin.port).await)?;
    let stream = TcpStream::connect(address).await?;
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(std::io::Error::other)?;
    // It ends with its sender.
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(
    asking: &mut SendRequest<Empty<Bytes>>,
    admin: &Upstream,
    target: &str,
) -> Result<Bytes, Reason> {
    let request = Request::get(target)
        .header(header::HOST, &admin.authority)
        .body(Empty::new())
        .map_err(|_| Reason::Unreadable)?;
    asking.ready().await.map_err(|_| Reason::Unreachable)?;
    let answer = asking.send_request(request).await;
    let answer = answer.map_err(|_| Reason::Unreachable)?;
    if answer.status() != StatusCode::OK {
        return Err(Reason::Status(answer.status().as_u16()));
    }
    let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
    Ok(body.map_err(|_| Reason::Unreadable)?.to_bytes())
}
