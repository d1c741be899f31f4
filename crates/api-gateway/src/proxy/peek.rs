//! A look at small text bodies: a proxy on the way tells its reasons there and nowhere else.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use common::identity::X_SERVICE_CLUSTER;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mesh::cause::LONGEST_TEXT;

/// Longest wait for such a body: it is one packet with its headers.
const LIMIT: Duration = Duration::from_secs(1);

/// Whether the answer may be a proxy's own: short text, signed by no service.
pub(super) fn may_be_of_a_proxy(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_text = text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/plain"));
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let is_short = length.is_some_and(|length: usize| (1..=LONGEST_TEXT).contains(&length));
    is_text && is_short && !headers.contains_key(X_SERVICE_CLUSTER)
}

/// Reads the body, and gives it back as it was; the text is none where it broke off or is no text.
pub(super) async fn peek(body: Incoming) -> (Body, Option<String>) {
    let broken = match tokio::time::timeout(LIMIT, body.collect()).await {
        Ok(Ok(whole)) => {
            let bytes = whole.to_bytes();
            let text = String::from_utf8(bytes.to_vec()).ok();
            return (Body::from(bytes), text);
        }
        Ok(Err(error)) => axum::Error::new(error),
        Err(elapsed) => axum::Error::new(elapsed),
    };
    // The client meets the same broken answer.
    let once = futures_util::stream::once(std::future::ready(Err::<Bytes, _>(broken)));
    (Body::from_stream(once), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(kind: &'static str, length: &'static str) -> HeaderMap {
        let pairs = [(CONTENT_TYPE, kind), (CONTENT_LENGTH, length)];
        pairs
            .map(|(name, value)| (name, value.parse().unwrap()))
            .into_iter()
            .collect()
    }

    #[test]
    fn only_short_unsigned_text_is_looked_at() {
        assert!(may_be_of_a_proxy(&headers("text/plain", "18")));
        assert!(may_be_of_a_proxy(&headers(
            "text/plain; charset=utf-8",
            "256"
        )));
        assert!(!may_be_of_a_proxy(&headers("text/plain", "257")));
        assert!(!may_be_of_a_proxy(&headers("text/plain", "0")));
        assert!(!may_be_of_a_proxy(&headers("application/json", "18")));
        assert!(!may_be_of_a_proxy(&HeaderMap::new()));
        let mut signed = headers("text/plain", "18");
        signed.insert(X_SERVICE_CLUSTER, "ctx1".parse().unwrap());
        assert!(!may_be_of_a_proxy(&signed));
    }
}
