//! `…/portforward`: each TCP connection of the client is two SPDY streams.
//!
//! The stream of type `error` carries a text if the connection fails, the one of type `data` its
//! bytes; both have the same `requestid`. Streams of several connections come interleaved.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

use super::{Call, check_host, upgrade};
use crate::kubelet::Kubelet;
use crate::object;
use crate::spdy::{Incoming, Session, Stream, StreamWriter};
use crate::status::Status;

const RAW: &str = "portforward.k8s.io";
const TUNNELLED: &str = "SPDY/3.1+portforward.k8s.io";
/// Connections of one client that may be open at once.
const MAX_CONNECTIONS: usize = 256;
/// Kubernetes: a client whose second stream is not there by then is given up.
const PATIENCE: Duration = Duration::from_secs(30);
const PAGE: usize = 32 * 1024;

/// One pod whose ports are asked for.
#[derive(Clone)]
struct Target {
    kubelet: Arc<dyn Kubelet>,
    pod: Arc<Value>,
}

pub(super) async fn serve(call: &Call<'_>, pod: &Arc<Value>) -> Result<Response, Status> {
    check_host(pod)?;
    let phase = object::text(pod, &["status", "phase"]);
    if phase != "Running" {
        return Err(Status::bad_request(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let target = Target {
        kubelet: Arc::clone(&call.cluster.kubelet),
        pod: Arc::clone(pod),
    };
    let stop = call.shutdown.clone();
    if upgrade::is_websocket(&call.parts.headers) {
        upgrade::websocket(call.parts, TUNNELLED, move |socket| async move {
            let session = Session::start(upgrade::tunnelled(socket));
            tokio::select! {
                () = forward(session, target) => {}
                () = stop.cancelled() => {}
            }
        })
        .await
    } else {
        upgrade::spdy(call.parts, RAW, move |wire| async move {
            tokio::select! {
                () = forward(Session::start(wire), target) => {}
                () = stop.cancelled() => {}
            }
        })
    }
}

/// Serves connections until the client leaves; then they all end.
async fn forward(mut session: Session, target: Target) {
    let mut waiting: HashMap<String, Stream> = HashMap::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            stream = session.accept() => {
                let Some(stream) = stream else { return };
                let id = stream.header("requestid").unwrap_or_default().to_owned();
                match waiting.remove(&id) {
                    Some(other) if connections.len() < MAX_CONNECTIONS => {
                        connections.spawn(connection(pair(stream, other), target.clone()));
                    }
                    Some(_) => tracing::warn!(MAX_CONNECTIONS, "a client forwards too many connections"),
                    None if waiting.len() < MAX_CONNECTIONS => {
                        waiting.insert(id, stream);
                    }
                    None => {}
                }
            }
            Some(_) = connections.join_next() => {}
            () = tokio::time::sleep(PATIENCE), if !waiting.is_empty() => waiting.clear(),
        }
    }
}

/// The data stream and the error stream, in this order.
fn pair(one: Stream, other: Stream) -> (Stream, Stream) {
    if one.header("streamtype") == Some("data") {
        (one, other)
    } else {
        (other, one)
    }
}

async fn connection((data, error): (Stream, Stream), target: Target) {
    let asked = data.header("port").unwrap_or_default().to_owned();
    let connected = match asked.parse() {
        Ok(port) => target.kubelet.connect(&target.pod, port).await,
        Err(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "no port")),
    };
    match connected {
        Ok(connection) => {
            copy(connection, data).await;
            error.writer.finish().await;
        }
        Err(cause) => {
            let text = refusal(&target.pod, &asked, &cause);
            error.writer.send(text.as_bytes()).await;
            error.writer.finish().await;
            data.writer.finish().await;
        }
    }
}

/// The words of containerd, which kubectl prints.
fn refusal(pod: &Value, port: &str, cause: &io::Error) -> String {
    let uid = object::text(pod, &["metadata", "uid"]);
    format!(
        "error forwarding port {port} to pod {uid}, uid : failed to execute portforward in network \
         namespace: failed to connect to localhost:{port} inside namespace: \
         dial tcp4 127.0.0.1:{port}: connect: {cause}"
    )
}

/// Both directions independently, each to its end.
async fn copy(connection: TcpStream, data: Stream) {
    let (reader, writer) = connection.into_split();
    tokio::join!(up(data.incoming, writer), down(reader, data.writer));
}

async fn up(mut from: Incoming, mut to: OwnedWriteHalf) {
    while let Some(bytes) = from.recv().await {
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

async fn down(mut from: OwnedReadHalf, to: StreamWriter) {
    let mut page = vec![0; PAGE];
    while let Ok(read) = from.read(&mut page).await {
        if read == 0 || !to.send(&page[..read]).await {
            break;
        }
    }
    to.finish().await;
}
