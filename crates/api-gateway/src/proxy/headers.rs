//! Which headers pass: all but those of the single connection (RFC 9110, 7.6.1) and Host.

use http::header::{
    CONNECTION, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Uri};

/// Where the Host that the client asked for goes.
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Removes the headers of a connection, those that `Connection` names included.
pub(super) fn end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let fixed = [
        CONNECTION,
        KEEP_ALIVE,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    for name in named.iter().chain(&fixed) {
        headers.remove(name);
    }
    let of_proxies = |name: &&HeaderName| name.as_str().starts_with("proxy-");
    let of_proxies: Vec<HeaderName> = headers.keys().filter(of_proxies).cloned().collect();
    for name in of_proxies {
        headers.remove(name);
    }
}

/// Gives the request the upstream's own Host; the client's goes to `X-Forwarded-Host`.
///
/// Envoy: a sidecar picks the virtual host by Host, so a foreign one would miss every rule.
pub(super) fn readdress(headers: &mut HeaderMap, uri: &Uri, upstream: HeaderValue) {
    let asked = headers.insert(HOST, upstream);
    // RFC 9112, 3.2.2: the authority of an absolute request target wins over Host.
    let in_target = uri
        .authority()
        .and_then(|it| HeaderValue::from_str(it.as_str()).ok());
    if let Some(host) = in_target.or(asked) {
        headers.insert(X_FORWARDED_HOST, host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| -> (HeaderName, HeaderValue) {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn headers_of_the_connection_and_those_it_names_stay_behind() {
        let mut found = headers(&[
            ("connection", "close, X-Private"),
            ("connection", "x-second"),
            ("x-private", "1"),
            ("x-second", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "secret"),
            ("proxy-connection", "keep-alive"),
        ]);
        end_to_end(&mut found);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn everything_else_passes_repeated_values_and_trace_context_included() {
        let all = [
            ("traceparent", "00-a-b-01"),
            ("tracestate", "x=1"),
            ("b3", "0"),
            ("x-request-id", "r"),
            ("cookie", "a=1"),
            ("accept", "text/html"),
            ("accept", "*/*"),
            ("x-canary", "true"),
            ("authorization", "Bearer t"),
        ];
        let mut found = headers(&all);
        end_to_end(&mut found);
        assert_eq!(found, headers(&all));
    }

    #[test]
    fn the_upstream_sees_its_own_host_and_the_clients_beside() {
        let own = || HeaderValue::from_static("user-service:8081");
        let mut found = headers(&[
            ("host", "theater.example.com"),
            ("x-forwarded-host", "forged"),
        ]);
        readdress(&mut found, &Uri::from_static("/users/"), own());
        let expected = [
            ("host", "user-service:8081"),
            ("x-forwarded-host", "theater.example.com"),
        ];
        assert_eq!(found, headers(&expected));
        let mut absolute = headers(&[("host", "ignored")]);
        readdress(
            &mut absolute,
            &Uri::from_static("http://asked.example.com/users/"),
            own(),
        );
        assert_eq!(absolute["x-forwarded-host"], "asked.example.com");
    }
}
