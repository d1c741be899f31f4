//! Which host a request belongs to: what of it is hashed, and the cookie that makes it stay.

use std::net::{IpAddr, SocketAddr};

use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};

use xxhash_rust::xxh64::xxh64;

use crate::config::{Cookie, HashPolicy};

/// What of a request may be hashed.
#[derive(Debug, Clone, Copy)]
pub struct Hashable<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its query.
    pub query: &'a str,
    /// Where it came from.
    pub client: SocketAddr,
    /// Where it wanted to go.
    pub local: Option<SocketAddr>,
}

/// What hashing a request yields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashed {
    /// The hash; none where the request has nothing that is hashed.
    pub value: Option<u64>,
    /// `set-cookie` for the answer.
    pub cookie: Option<HeaderValue>,
}

/// Hashes a request by all policies together.
pub fn hash(policies: &[HashPolicy], request: Hashable<'_>) -> Hashed {
    let mut hashed = Hashed::default();
    for policy in policies {
        let value = match policy {
            HashPolicy::Header(name) => header_hash(request.headers, name),
            HashPolicy::Query(name) => parameter(request.query, name).map(digest_text),
            HashPolicy::SourceIp => Some(source_hash(request.client.ip())),
            HashPolicy::Cookie(cookie) => cookie_hash(cookie, request, &mut hashed.cookie),
        };
        if let Some(value) = value {
            // Envoy: rotated, so that two equal values do not cancel each other out.
            hashed.value = Some(hashed.value.map_or(0, |before| before.rotate_left(1)) ^ value);
        }
    }
    hashed
}

/// Hashes where a connection comes from.
pub fn source_hash(client: IpAddr) -> u64 {
    digest_text(&client.to_string())
}

/// Envoy: of several values all count, in whatever order they were sent.
fn header_hash(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let mut values: Vec<&[u8]> = headers
        .get_all(name)
        .iter()
        .map(|it| it.as_bytes())
        .collect();
    values.sort_unstable();
    let chained = |seed, value: &&[u8]| xxh64(value, seed);
    (!values.is_empty()).then(|| values.iter().fold(0, chained))
}

/// Envoy: a client without the cookie gets one by its connection, if the cookie has a time to live.
fn cookie_hash(
    cookie: &Cookie,
    request: Hashable<'_>,
    made: &mut Option<HeaderValue>,
) -> Option<u64> {
    if let Some(sent) = sent(request.headers, &cookie.name) {
        return Some(digest_text(sent));
    }
    let ttl = cookie.ttl?;
    let mut connection = request.client.to_string();
    if let Some(local) = request.local {
        connection.push_str(&local.to_string());
    }
    let value = format!("{:016x}", digest_text(&connection));
    let mut text = format!("{}=\"{value}\"", cookie.name);
    if !ttl.is_zero() {
        text.push_str(&format!("; Max-Age={}", ttl.as_secs()));
    }
    if !cookie.path.is_empty() {
        text.push_str(&format!("; Path={}", cookie.path));
    }
    for attribute in &cookie.attributes {
        text.push_str(&format!("; {attribute}"));
    }
    text.push_str("; HttpOnly");
    *made = HeaderValue::from_str(&text).ok();
    Some(digest_text(&value))
}

/// The value of a cookie that the client sent, without its quotes.
fn sent<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter();
    let mut cookies = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let value = cookies.find_map(|cookie| {
        let (own, value) = cookie.trim().split_once('=')?;
        (own == name).then_some(value)
    })?;
    let quoted = value.strip_prefix('"');
    let inner = quoted.and_then(|value| value.strip_suffix('"'));
    Some(inner.unwrap_or(value)).filter(|value| !value.is_empty())
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| {
        let (own, value) = pair.split_once('=').unwrap_or((pair, ""));
        (own == name).then_some(value)
    })
}

/// The hash of bytes, as Envoy's.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    xxh64(bytes, 0)
}

fn digest_text(text: &str) -> u64 {
    digest(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn hashed(policies: &[HashPolicy], pairs: &[(&'static str, &str)], query: &str) -> Hashed {
        let request = Hashable {
            headers: &headers(pairs),
            query,
            client: ([10, 1, 0, 9], 4711).into(),
            local: Some(([10, 96, 0, 7], 8080).into()),
        };
        hash(policies, request)
    }

    fn cookie(ttl: Option<u64>) -> [HashPolicy; 1] {
        [HashPolicy::Cookie(Cookie {
            name: "user".into(),
            ttl: ttl.map(Duration::from_secs),
            path: "/p".into(),
            attributes: Vec::new(),
        })]
    }

    #[test]
    fn attributes_of_a_cookie_stand_before_http_only() {
        let [HashPolicy::Cookie(cookie)] = cookie(Some(60)) else {
            panic!("a cookie")
        };
        let attributes = ["SameSite=Lax", "Secure"].map(str::to_owned).into();
        let policy = [HashPolicy::Cookie(Cookie {
            attributes,
            ..cookie
        })];
        let made = hashed(&policy, &[], "").cookie.unwrap();
        let end = "; Max-Age=60; Path=/p; SameSite=Lax; Secure; HttpOnly";
        assert!(made.to_str().unwrap().ends_with(end), "{made:?}");
    }

    #[test]
    fn the_same_value_is_the_same_hash_and_a_missing_one_is_none() {
        let header = [HashPolicy::Header(http::HeaderName::from_static("x-user"))];
        let of = |user: &str| hashed(&header, &[("x-user", user)], "").value;
        assert_eq!(of("kim"), of("kim"));
        assert_ne!(of("kim"), of("lee"));
        assert_eq!(hashed(&header, &[], "").value, None);
        let query = [HashPolicy::Query("u".into())];
        assert_eq!(
            hashed(&query, &[], "a=1&u=2").value,
            hashed(&query, &[], "u=2&u=3").value
        );
        assert_eq!(hashed(&query, &[], "a=1").value, None);
        assert!(hashed(&[HashPolicy::SourceIp], &[], "").value.is_some());
    }

    #[test]
    fn two_policies_count_together_and_one_alone_where_the_other_finds_nothing() {
        let name = http::HeaderName::from_static("x-user");
        let both = [
            HashPolicy::Header(name.clone()),
            HashPolicy::Query("u".into()),
        ];
        let header = [("x-user", "kim")];
        assert_ne!(
            hashed(&both, &header, "u=1").value,
            hashed(&both, &header, "u=2").value
        );
        assert_eq!(
            hashed(&both, &header, "").value,
            hashed(&both[..1], &header, "").value
        );
        let twice = [both[0].clone(), both[0].clone()];
        assert_ne!(hashed(&twice, &header, "").value, Some(0));
    }

    #[test]
    fn a_cookie_is_made_where_it_has_a_time_to_live() {
        let made = hashed(&cookie(Some(60)), &[], "");
        let text = made.cookie.as_ref().unwrap().to_str().unwrap().to_owned();
        let value = text.strip_prefix("user=\"").unwrap();
        let (value, rest) = value.split_once('"').unwrap();
        assert_eq!((value.len(), rest), (16, "; Max-Age=60; Path=/p; HttpOnly"));
        // Sent back it is the same hash, and none is made again.
        let sent = format!("a=b; user=\"{value}\"");
        let back = hashed(&cookie(Some(60)), &[("cookie", &sent)], "");
        assert_eq!((back.value, back.cookie), (made.value, None));
        let session = hashed(&cookie(Some(0)), &[], "").cookie.unwrap();
        assert!(!session.to_str().unwrap().contains("Max-Age"));
        assert_eq!(hashed(&cookie(None), &[], ""), Hashed::default());
    }
}
