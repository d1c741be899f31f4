//! A local reply on the wire.

use std::borrow::Cow;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Response, StatusCode};

use super::{LocalReply, OVERLOADED};

impl LocalReply {
    /// Its body to read.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The answer with its headers, except `date` and `server`, which every answer carries.
    ///
    /// Envoy: a gRPC client gets 200 and the status in headers; HEAD gets the headers alone.
    pub fn response(&self, grpc: bool, head: bool) -> Response<Cow<'static, [u8]>> {
        if grpc {
            return self.grpc_response();
        }
        let body = if head {
            Cow::default()
        } else {
            self.body.clone()
        };
        let mut response = Response::new(body);
        // Envoy writes any number as status (555 "Unknown"); what is no status at all is a 500.
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if may_have_body(self.status) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        if !self.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        if let Some(Ok(location)) = self.location.as_deref().map(HeaderValue::from_str) {
            headers.insert(LOCATION, location);
        }
        if self.overloaded {
            headers.insert(OVERLOADED, HeaderValue::from_static("true"));
        }
        response
    }

    fn grpc_response(&self) -> Response<Cow<'static, [u8]>> {
        let status = self
            .grpc_status
            .unwrap_or_else(|| grpc_of_http(self.status));
        let mut response = Response::new(Cow::default());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from(u16::from(status)));
        if let Ok(message) = HeaderValue::from_bytes(&self.body) {
            headers.insert("grpc-message", message);
        }
        response
    }
}

/// RFC 9110: 1xx and 204 carry no content-length, 304 none of ours.
fn may_have_body(status: u16) -> bool {
    status >= 200 && status != 204 && status != 304
}

/// Envoy: the gRPC status that stands for an HTTP status.
fn grpc_of_http(status: u16) -> u8 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}
