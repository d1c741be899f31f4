//! Documents that do not change while the server runs: made once, told apart by their hash.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha512};

use super::Call;

/// A document as it goes over the wire.
#[derive(Debug)]
pub(super) struct Published {
    body: Bytes,
    media_type: HeaderValue,
    hash: String,
}

impl Published {
    pub(super) fn new(document: &impl Serialize, media_type: &str) -> Self {
        let body = serde_json::to_vec(document).expect("a JSON value can be written");
        let hash = Sha512::digest(&body)
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        Self {
            body: body.into(),
            media_type: HeaderValue::from_str(media_type).expect("media types are plain text"),
            hash,
        }
    }

    /// Changes when the document does.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// The document, or 304 for who has it already.
    pub(super) fn answer(&self, call: &Call<'_>, cache: &'static str) -> Response {
        let etag = format!("\"{}\"", self.hash);
        let known = call.header(IF_NONE_MATCH).unwrap_or_default();
        let is_known = known.split(',').any(|it| it.trim() == etag);
        let headers = [
            (
                ETAG,
                HeaderValue::from_str(&etag).expect("hexadecimal is plain text"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static(cache)),
            (VARY, HeaderValue::from_static("Accept")),
        ];
        if is_known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let media_type = [(CONTENT_TYPE, self.media_type.clone())];
        (headers, media_type, self.body.clone()).into_response()
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
