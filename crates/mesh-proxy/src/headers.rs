//! Headers on the way to an upstream and back.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hyper::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, SERVER, TE, TRANSFER_ENCODING, UPGRADE,
};
use mesh::local_reply::SERVICE_TIME;

use crate::chance::Chance;
use crate::proxy::Role;
use crate::upgrade::{Wish, switches};

pub(crate) const ATTEMPT_COUNT: HeaderName = HeaderName::from_static("x-envoy-attempt-count");
/// How long the upstream may take, in milliseconds.
pub(crate) const EXPECTED_TIMEOUT: HeaderName =
    HeaderName::from_static("x-envoy-expected-rq-timeout-ms");
pub(crate) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const ORIGINAL_HOST: HeaderName = HeaderName::from_static("x-envoy-original-host");
pub(crate) const ORIGINAL_PATH: HeaderName = HeaderName::from_static("x-envoy-original-path");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CLIENT_CERTIFICATE: HeaderName = HeaderName::from_static("x-forwarded-client-cert");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const INTERNAL: HeaderName = HeaderName::from_static("x-envoy-internal");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What Envoy obeys from those it trusts (`cleanInternalHeaders`).
const CONTROL: [&str; 15] = [
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-max-retries",
    "x-envoy-original-url",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
];

/// Prepares a client's headers for an upstream, except for what routing changes.
pub(crate) fn prepare_request(
    headers: &mut HeaderMap,
    role: Role,
    client: IpAddr,
    chance: &Chance,
    wish: Wish,
) {
    remove_hop_by_hop(headers, wish == Wish::WebSocket);
    remove_control(headers, role);
    if !headers.contains_key(REQUEST_ID) {
        let id = HeaderValue::from_str(&chance.uuid());
        headers.insert(
            REQUEST_ID,
            id.expect("a UUID is made of hexadecimal digits and dashes"),
        );
    }
    join_forwarded(headers);
    if role == Role::Ingress {
        append_client(headers, client);
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    } else if !headers.contains_key(FORWARDED_PROTO) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    }
}

/// Prepares an upstream's headers for the client; `took` is told where it is known.
pub(crate) fn prepare_response(
    headers: &mut HeaderMap,
    role: Role,
    took: Option<Duration>,
    wish: Wish,
) {
    remove_hop_by_hop(headers, wish == Wish::WebSocket && switches(headers));
    headers.insert(SERVER, role.server());
    if let Some(took) = took {
        let took = took.as_millis().min(u64::MAX.into()) as u64;
        headers.insert(SERVICE_TIME, HeaderValue::from(took));
    }
}

/// Marks a copy. Envoy: it says that it is internal, and that this proxy sent it; Host stays.
pub(crate) fn mark_copy(headers: &mut HeaderMap, own: Option<IpAddr>) {
    headers.insert(INTERNAL, HeaderValue::from_static("true"));
    if let Some(own) = own {
        append_client(headers, own);
    }
}

/// Sets the Host header, keeping the old one where Envoy keeps it.
pub(crate) fn rewrite_host(headers: &mut HeaderMap, host: &HeaderValue) {
    if let Some(original) = headers.insert(HOST, host.clone()) {
        headers.insert(ORIGINAL_HOST, original);
    }
}

/// RFC 9110, 7.6.1: fields of one hop, and those that `connection` names. Envoy: those of a switch
/// of protocols pass as they are.
fn remove_hop_by_hop(headers: &mut HeaderMap, switches: bool) {
    if !switches {
        remove_connection(headers);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    // Envoy: `trailers` may be said on, for gRPC.
    if headers.get(TE).is_some_and(|value| value != "trailers") {
        headers.remove(TE);
    }
}

fn remove_connection(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    headers.remove(UPGRADE);
}

/// Envoy: what a client says in control headers has no effect, and a sidecar's client does not
/// speak for a certificate; the edge believes nothing.
fn remove_control(headers: &mut HeaderMap, role: Role) {
    let edge = role == Role::Ingress;
    let control = |name: &&HeaderName| {
        let name = name.as_str();
        CONTROL.contains(&name) || (edge && name.starts_with("x-envoy-"))
    };
    while let Some(name) = headers.keys().find(control).cloned() {
        headers.remove(name);
    }
    // Istio, inbound side: the certificate of the client's sidecar is appended.
    if role != Role::Inbound {
        headers.remove(CLIENT_CERTIFICATE);
    }
}

/// Envoy: a list in several lines is one list.
fn join_forwarded(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if lines.len() < 2 {
        return;
    }
    if let Ok(list) = HeaderValue::from_bytes(&lines.join(&b',')) {
        headers.insert(FORWARDED_FOR, list);
    }
}

/// Envoy: an address is appended to those that the client claims.
fn append_client(headers: &mut HeaderMap, client: IpAddr) {
    let client = client.to_canonical().to_string();
    let claimed = headers
        .get(FORWARDED_FOR)
        .and_then(|value| value.to_str().ok());
    let list = claimed.map_or_else(|| client.clone(), |claimed| format!("{claimed},{client}"));
    if let Ok(list) = HeaderValue::from_str(&list) {
        headers.insert(FORWARDED_FOR, list);
    }
}

/// Envoy, away from the edge: the client is who the last address of `x-forwarded-for` says, which
/// has no port.
pub(crate) fn client_of(headers: &HeaderMap, role: Role) -> Option<SocketAddr> {
    if role == Role::Ingress {
        return None;
    }
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?;
    let last = last.to_str().ok()?.rsplit(',').next()?;
    let ip: IpAddr = last.trim().parse().ok()?;
    Some(SocketAddr::new(ip, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    fn prepared(role: Role, pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = headers(pairs);
        let wish = Wish::of(&headers);
        prepare_request(
            &mut headers,
            role,
            IpAddr::from([10, 0, 0, 9]),
            &Chance::new(Some(1)),
            wish,
        );
        headers
    }

    #[test]
    fn fields_of_one_hop_end_here() {
        let left = prepared(
            Role::Outbound,
            &[
                ("connection", "close, x-mine"),
                ("x-mine", "1"),
                ("keep-alive", "5"),
                ("te", "gzip"),
                ("x-other", "2"),
            ],
        );
        for name in ["connection", "x-mine", "keep-alive", "te"] {
            assert!(!left.contains_key(name), "{name}");
        }
        assert_eq!(left["x-other"], "2");
    }

    #[test]
    fn control_headers_of_a_client_are_dropped_and_others_pass() {
        let sent = [
            ("x-envoy-retry-on", "5xx"),
            ("x-envoy-original-path", "/mine"),
            ("te", "trailers"),
        ];
        for role in [Role::Outbound, Role::Inbound] {
            let left = prepared(role, &sent);
            assert!(!left.contains_key("x-envoy-retry-on"), "{role:?}");
            assert_eq!(left["x-envoy-original-path"], "/mine");
            assert_eq!(left["te"], "trailers");
        }
        let left = prepared(Role::Ingress, &sent);
        assert!(!left.contains_key("x-envoy-original-path"));
    }

    #[test]
    fn a_certificate_is_told_by_sidecars_only() {
        let sent = [("x-forwarded-client-cert", "By=spiffe://me")];
        assert!(
            prepared(Role::Outbound, &sent)
                .get("x-forwarded-client-cert")
                .is_none()
        );
        assert!(prepared(Role::Inbound, &sent).contains_key("x-forwarded-client-cert"));
    }

    #[test]
    fn a_request_id_is_kept_or_made() {
        assert_eq!(
            prepared(Role::Outbound, &[("x-request-id", "mine")])["x-request-id"],
            "mine"
        );
        assert_eq!(prepared(Role::Outbound, &[])["x-request-id"].len(), 36);
    }

    #[test]
    fn only_the_edge_tells_the_clients_address() {
        let claimed = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(
            prepared(Role::Ingress, &claimed)["x-forwarded-for"],
            "1.2.3.4,10.0.0.9"
        );
        assert_eq!(
            prepared(Role::Ingress, &claimed)["x-forwarded-proto"],
            "http"
        );
        assert_eq!(
            prepared(Role::Outbound, &claimed)["x-forwarded-for"],
            "1.2.3.4"
        );
        assert_eq!(
            prepared(Role::Outbound, &claimed)["x-forwarded-proto"],
            "https"
        );
        assert_eq!(prepared(Role::Ingress, &[])["x-forwarded-for"], "10.0.0.9");
    }

    #[test]
    fn a_list_of_clients_in_several_lines_is_one_list() {
        let claimed = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2, 3.3.3.3"),
        ];
        for (role, wanted) in [
            (Role::Outbound, "1.1.1.1,2.2.2.2, 3.3.3.3"),
            (Role::Ingress, "1.1.1.1,2.2.2.2, 3.3.3.3,10.0.0.9"),
        ] {
            let left = prepared(role, &claimed);
            let lines: Vec<_> = left.get_all("x-forwarded-for").iter().collect();
            assert_eq!(lines, [wanted], "{role:?}");
        }
    }

    #[test]
    fn an_answer_names_the_proxy_and_the_time() {
        let mut answer = headers(&[
            ("server", "uvicorn"),
            ("connection", "close"),
            ("date", "kept"),
        ]);
        let took = Some(Duration::from_micros(7_900));
        prepare_response(&mut answer, Role::Outbound, took, Wish::Http);
        assert_eq!(
            answer,
            headers(&[("server", "envoy"), ("date", "kept"), (SERVICE_TIME, "7")])
        );
    }
}
