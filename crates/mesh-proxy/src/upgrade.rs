//! Requests to switch protocols, and what upstreams make of them.
//!
//! Every HTTP listener of Istio lets WebSocket through (`upgrade_configs`), and nothing else.

use hyper::StatusCode;
use hyper::header::{CONNECTION, HeaderMap, UPGRADE};

/// What a request wants its connection to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It stays what it is.
    Http,
    /// A tunnel.
    WebSocket,
    /// A protocol that is not carried.
    Unknown,
}

impl Wish {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if !switches(headers) {
            return Self::Http;
        }
        let offers = |protocol: &str| {
            let offered = headers.get(UPGRADE).map(|offered| offered.as_bytes());
            offered.is_some_and(|offered| offered.eq_ignore_ascii_case(protocol.as_bytes()))
        };
        if offers("websocket") {
            Self::WebSocket
        } else if offers("h2c") {
            // Envoy: an offer that is not taken, and no error.
            Self::Http
        } else {
            Self::Unknown
        }
    }
}

/// Whether headers offer, or confirm, another protocol: RFC 9110, 7.8: `connection` names `upgrade`.
pub(crate) fn switches(headers: &HeaderMap) -> bool {
    let named = || {
        let values = headers.get_all(CONNECTION).iter();
        let mut names = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        names.any(|name| name.trim().eq_ignore_ascii_case("upgrade"))
    };
    headers.contains_key(UPGRADE) && named()
}

/// Whether an answer ends a handshake without a switch and without an error of its own.
///
/// Envoy hands on status and headers of such an answer, never its body, and does not count it as
/// the upstream's; errors are answers as any.
pub(crate) fn is_unsuccessful(status: StatusCode) -> bool {
    status != StatusCode::SWITCHING_PROTOCOLS && status.as_u16() < 400
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(connection: &str, upgrade: &str) -> Wish {
        let mut headers = HeaderMap::new();
        for (name, value) in [(CONNECTION, connection), (UPGRADE, upgrade)] {
            if !value.is_empty() {
                headers.append(name, value.parse().unwrap());
            }
        }
        Wish::of(&headers)
    }

    #[test]
    fn a_wish_is_an_offer_that_the_connection_names() {
        for (connection, upgrade, wanted) in [
            ("Upgrade", "websocket", Wish::WebSocket),
            ("keep-alive, upgrade", "WebSocket", Wish::WebSocket),
            ("upgrade", "foo", Wish::Unknown),
            ("upgrade", "websocket, foo", Wish::Unknown),
            ("Upgrade, HTTP2-Settings", "h2c", Wish::Http),
            ("", "websocket", Wish::Http),
            ("close", "foo", Wish::Http),
            ("upgrade", "", Wish::Http),
        ] {
            assert_eq!(wish(connection, upgrade), wanted, "{connection}; {upgrade}");
        }
    }

    #[test]
    fn a_handshake_ends_with_a_switch_an_error_or_neither() {
        let unsuccessful = [101, 200, 204, 302, 304, 400, 404, 426, 503]
            .into_iter()
            .filter(|status| is_unsuccessful(StatusCode::from_u16(*status).unwrap()));
        assert_eq!(unsuccessful.collect::<Vec<_>>(), [200, 204, 302, 304]);
    }
}
