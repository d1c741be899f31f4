//! From a request to a connection of another protocol: WebSocket or SPDY.

use std::future::Future;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, future};
use http::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_util::codec::{BytesCodec, FramedRead, FramedWrite};

use crate::spdy::Wire;
use crate::status::Status;

const SPDY: &str = "SPDY/3.1";
const STREAM_VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");
/// Largest WebSocket message accepted, in bytes; clients send pages of 32 KiB.
const MAX_MESSAGE: usize = 1024 * 1024;

/// Whether a WebSocket is asked for.
pub(super) fn is_websocket(headers: &HeaderMap) -> bool {
    upgrade_to(headers).is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// Answers with a WebSocket that speaks `protocol`.
pub(super) async fn websocket<F>(
    parts: &Parts,
    protocol: &'static str,
    serve: impl FnOnce(WebSocket) -> F + Send + 'static,
) -> Result<Response, Status>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut parts = parts.clone();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|refusal| Status::bad_request(refusal.to_string()))?;
    let upgrade = upgrade
        .protocols([protocol])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    if upgrade.selected_protocol().is_none() {
        return Err(Status::bad_request(format!(
            "none of the offered WebSocket protocols is spoken here; offer {protocol}"
        )));
    }
    Ok(upgrade.on_upgrade(serve))
}

/// Answers with an SPDY connection that speaks `protocol`.
pub(super) fn spdy<F>(
    parts: &Parts,
    protocol: &'static str,
    serve: impl FnOnce(Wire) -> F + Send + 'static,
) -> Result<Response, Status>
where
    F: Future<Output = ()> + Send + 'static,
{
    // Kubernetes: a client that asks for no upgrade is told so.
    if !upgrade_to(&parts.headers).is_some_and(|asked| asked.eq_ignore_ascii_case(SPDY)) {
        return Err(Status::bad_request("Upgrade request required"));
    }
    if !offers(&parts.headers, protocol) {
        return Err(Status::failure(
            403,
            format!("none of the offered stream protocols is spoken here; offer {protocol}"),
        )
        .reason("Forbidden"));
    }
    let upgrade = parts.extensions.get::<OnUpgrade>().cloned();
    let upgrade =
        upgrade.ok_or_else(|| Status::bad_request("this connection cannot be upgraded"))?;
    tokio::spawn(async move {
        match upgrade.await {
            Ok(connection) => serve(raw(TokioIo::new(connection))).await,
            Err(error) => tracing::debug!(%error, "a client left before its upgrade"),
        }
    });
    Ok(switching(protocol))
}

/// The byte stream that a client sends in WebSocket messages, whose borders mean nothing.
pub(super) fn tunnelled(socket: WebSocket) -> Wire {
    let (outgoing, incoming) = socket.split();
    let incoming = incoming.filter_map(|message| {
        future::ready(match message {
            Ok(Message::Binary(bytes)) => Some(bytes),
            _ => None,
        })
    });
    let outgoing = outgoing
        .with(|bytes: Bytes| future::ready(Ok::<_, axum::Error>(Message::Binary(bytes))))
        .sink_map_err(drop);
    Wire {
        incoming: incoming.boxed(),
        outgoing: Box::pin(outgoing),
    }
}

fn raw(connection: TokioIo<hyper::upgrade::Upgraded>) -> Wire {
    let (reader, writer) = tokio::io::split(connection);
    let incoming = FramedRead::new(reader, BytesCodec::new());
    let incoming = incoming
        .take_while(|read| future::ready(read.is_ok()))
        .filter_map(|read| future::ready(read.ok().map(bytes::BytesMut::freeze)));
    let outgoing = FramedWrite::new(writer, BytesCodec::new());
    Wire {
        incoming: incoming.boxed(),
        outgoing: Box::pin(SinkExt::<Bytes>::sink_map_err(outgoing, drop)),
    }
}

fn upgrade_to(headers: &HeaderMap) -> Option<&str> {
    headers.get(UPGRADE)?.to_str().ok()
}

/// Clients send one header a protocol, or one with commas.
fn offers(headers: &HeaderMap, protocol: &str) -> bool {
    let values = headers.get_all(STREAM_VERSION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offered| offered.trim() == protocol)
}

fn switching(protocol: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(SPDY));
    headers.insert(STREAM_VERSION, HeaderValue::from_static(protocol));
    response
}
