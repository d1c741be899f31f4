//! A client's request as it is sent on: in origin form, its body streamed or held.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Uri};
use tokio::sync::watch;

use crate::body::RequestBody;
use crate::upload::{BrokenOff, Upload};

/// A request without its connection, and what is open until its body is complete.
pub(crate) type Outgoing = (Request<RequestBody>, Upload);

/// Envoy: request bodies up to its buffer limit can be sent again.
pub(crate) const REPLAY_LIMIT: u64 = 1024 * 1024;

/// Takes the request apart from its connection: small bodies that may be sent twice are read first.
pub(crate) async fn hold(
    request: Request<Incoming>,
    replays: bool,
    counter: Arc<AtomicU64>,
) -> Result<Outgoing, BrokenOff> {
    let (mut parts, body) = request.into_parts();
    in_origin_form(&mut parts);
    let (open, complete) = watch::channel(None);
    let small = body
        .size_hint()
        .exact()
        .is_some_and(|size| size <= REPLAY_LIMIT);
    let body = if body.is_end_stream() {
        RequestBody::held(Bytes::new())
    } else if small && replays {
        let read = body.collect().await;
        let read = read.map_err(|error| BrokenOff::of(&error))?.to_bytes();
        counter.fetch_add(read.len() as u64, Ordering::Relaxed);
        RequestBody::held(read)
    } else {
        RequestBody::Streamed {
            body,
            open: Some(open),
            counter,
            copies: Vec::new(),
        }
    };
    Ok((Request::from_parts(parts, body), complete))
}

/// RFC 9112, 3.2.2: an absolute target's authority is the Host, and upstreams get the path alone.
fn in_origin_form(parts: &mut Parts) {
    let Some(authority) = parts.uri.authority() else {
        return;
    };
    if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        parts.headers.insert(HOST, host);
    }
    if let Some(path) = parts.uri.path_and_query().cloned() {
        parts.uri = Uri::from(path);
    }
}

/// The same request once more, where its body can be sent again.
pub(crate) fn copy(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    Some(with_head_of(request, request.body().again()?))
}

/// A request with the head of another.
pub(crate) fn with_head_of(
    request: &Request<RequestBody>,
    body: RequestBody,
) -> Request<RequestBody> {
    let mut copy = Request::new(body);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}
