//! Who may talk to the server: whoever knows the secret path segment, from this machine, and no
//! web page.
//!
//! kubectl sends no credentials over plain http, so the path carries one. A page in a browser could
//! still reach a loopback port: through a name that it rebinds to 127.0.0.1 (the Host header then
//! tells), or by a cross-origin request (the Origin header then tells).

use std::fmt;

use http::HeaderMap;
use http::header::{HOST, HeaderName, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use subtle::ConstantTimeEq;

use crate::status::Status;

/// Shortest secret accepted, in characters.
const MIN_SECRET: usize = 16;

/// The credential of the server.
#[derive(Clone)]
pub struct Access {
    secret: String,
}

/// A secret that could be guessed, or that is no plain path segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the path secret must be at least {MIN_SECRET} letters, digits, dashes or underscores")]
pub struct WeakSecret;

impl Access {
    /// Access by this path segment.
    ///
    /// # Errors
    /// [`WeakSecret`].
    pub fn new(secret: impl Into<String>) -> Result<Self, WeakSecret> {
        let secret = secret.into();
        let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        let good = secret.len() >= MIN_SECRET && secret.bytes().all(plain);
        if good {
            Ok(Self { secret })
        } else {
            Err(WeakSecret)
        }
    }

    /// Refuses what cannot come from a program on this machine.
    pub(super) fn check(&self, parts: &Parts) -> Result<(), Status> {
        let host = only(&parts.headers, HOST).and_then(|host| host.parse::<Authority>().ok());
        let Some(host) = host.filter(is_loopback) else {
            return Err(refusal(
                "the Host header must name 127.0.0.1, localhost or [::1]",
            ));
        };
        if parts
            .uri
            .authority()
            .is_some_and(|target| !is_loopback(target))
        {
            return Err(refusal(
                "the request target must name 127.0.0.1, localhost or [::1]",
            ));
        }
        let same = |origin: &str| origin.strip_prefix("http://") == Some(host.as_str());
        let foreign =
            parts.headers.contains_key(ORIGIN) && !only(&parts.headers, ORIGIN).is_some_and(same);
        if foreign {
            Err(refusal("cross-origin requests are not answered"))
        } else {
            Ok(())
        }
    }

    /// The name of the cluster and the path inside it, for a path that begins with the secret.
    pub(super) fn enter<'a>(&self, path: &'a str) -> Option<(&'a str, &'a str)> {
        let (secret, rest) = path.strip_prefix('/')?.split_once('/')?;
        let known: bool = secret.as_bytes().ct_eq(self.secret.as_bytes()).into();
        let cluster = rest.find('/').unwrap_or(rest.len());
        known.then(|| rest.split_at(cluster))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access(…)")
    }
}

/// The value of a header that is there once and readable.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        None
    } else {
        first.to_str().ok()
    }
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    !authority.as_str().contains('@')
        && (host == "127.0.0.1" || host == "[::1]" || host.eq_ignore_ascii_case("localhost"))
}

fn refusal(why: &str) -> Status {
    Status::failure(403, why).reason("Forbidden")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn check(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri("/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Access::new(SECRET).unwrap().check(&parts).is_ok()
    }

    #[test]
    fn only_loopback_hosts_are_served() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:18080",
            "localhost:1",
            "LOCALHOST",
            "[::1]:80",
            "[::1]",
        ] {
            assert!(check(&[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "10.0.0.1",
            "",
            "user@localhost",
            "127.0.0.2",
        ] {
            assert!(!check(&[("host", host)]), "{host}");
        }
        assert!(!check(&[]));
        assert!(!check(&[("host", "localhost"), ("host", "evil.example")]));
    }

    #[test]
    fn only_pages_of_the_server_itself_may_ask() {
        let host = ("host", "localhost:80");
        assert!(check(&[host, ("origin", "http://localhost:80")]));
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:81",
            "https://localhost:80",
            "",
        ] {
            assert!(!check(&[host, ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn the_secret_opens_the_path_to_a_cluster() {
        let access = Access::new(SECRET).unwrap();
        assert_eq!(
            access.enter("/0123456789abcdef/ctx1/api/v1"),
            Some(("ctx1", "/api/v1"))
        );
        assert_eq!(access.enter("/0123456789abcdef/ctx1"), Some(("ctx1", "")));
        for path in [
            "/",
            "",
            "/0123456789abcdef",
            "/0123456789abcdeF/ctx1",
            "/ctx1/api",
            "//0123456789abcdef/ctx1",
        ] {
            assert_eq!(access.enter(path), None, "{path}");
        }
    }

    #[test]
    fn a_secret_is_long_plain_and_never_printed() {
        assert_eq!(Access::new("short").unwrap_err(), WeakSecret);
        assert_eq!(Access::new("0123456789/abcdef").unwrap_err(), WeakSecret);
        assert!(!format!("{:?}", Access::new(SECRET)).contains(SECRET));
    }
}
