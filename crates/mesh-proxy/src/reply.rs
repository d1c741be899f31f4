//! Local replies on the wire.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::Response;
use hyper::ext::ReasonPhrase;
use hyper::header::SERVER;
use mesh::local_reply::{Flags, LocalReply};

use crate::body::ResponseBody;
use crate::log::Record;
use crate::proxy::Role;

/// What a local reply depends on besides its reason.
pub(crate) struct Style {
    pub(crate) role: Role,
    pub(crate) head: bool,
    pub(crate) grpc: bool,
}

/// The answer for a local reply; `flags` were raised before it.
pub(crate) fn respond(
    reply: &LocalReply,
    style: &Style,
    flags: Flags,
    record: Option<Box<Record>>,
    change: impl FnOnce(&mut hyper::HeaderMap),
) -> Response<ResponseBody> {
    let (mut parts, body) = reply.response(style.grpc, style.head).into_parts();
    parts.headers.insert(SERVER, style.role.server());
    change(&mut parts.headers);
    // Envoy: statuses without a standard name are "Unknown".
    if parts.status.canonical_reason().is_none() {
        parts
            .extensions
            .insert(ReasonPhrase::from_static(b"Unknown"));
    }
    let bytes = match body {
        Cow::Borrowed(body) => Bytes::from_static(body),
        Cow::Owned(body) => Bytes::from(body),
    };
    let mut record = record;
    if let Some(record) = &mut record {
        record.answered(
            parts.status.as_u16(),
            &parts.headers,
            flags.then(&reply.flags),
            reply.details,
        );
    }
    Response::from_parts(parts, ResponseBody::local(bytes, record))
}
