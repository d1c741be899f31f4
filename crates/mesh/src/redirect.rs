//! Redirects: where a request is sent instead.

mod envoy;

use crate::config::Domains;
use crate::model;

/// A redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Status, 301, 302, 303, 307 or 308.
    pub status: u16,
    scheme: String,
    authority: String,
    path: String,
    port: Port,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    /// That of the request, unless the scheme changes.
    Keep,
    /// That of the scheme: not written.
    Default,
    Number(u16),
}

impl Redirect {
    /// Compiles `redirect`; none for a status that Envoy cannot redirect with.
    pub fn compile(redirect: &model::Redirect) -> Option<Self> {
        let status = match redirect.redirect_code {
            0 => 301,
            code @ (301 | 302 | 303 | 307 | 308) => code,
            _ => return None,
        };
        let port = match (redirect.port, redirect.derive_port.as_str()) {
            (Some(port), _) => Port::Number(port),
            (None, "FROM_PROTOCOL_DEFAULT") => Port::Default,
            _ => Port::Keep,
        };
        Some(Self {
            status,
            scheme: redirect.scheme.clone(),
            authority: redirect.authority.clone(),
            path: redirect.uri.clone(),
            port,
        })
    }

    /// `location` for a request; `path` includes its query.
    ///
    /// Envoy: the query is kept unless the new path brings one.
    pub fn location(&self, scheme: &str, authority: &str, path: &str) -> String {
        let new_scheme = if self.scheme.is_empty() {
            scheme
        } else {
            &self.scheme
        };
        let host = self.host(scheme, authority);
        let path = match (self.path.as_str(), path.split_once('?')) {
            ("", _) => path.to_owned(),
            (new, Some((_, query))) if !new.contains('?') => format!("{new}?{query}"),
            (new, _) => new.to_owned(),
        };
        format!("{new_scheme}://{host}{path}")
    }

    fn host(&self, scheme: &str, authority: &str) -> String {
        let host = if self.authority.is_empty() {
            authority
        } else {
            &self.authority
        };
        match self.port {
            Port::Number(port) => format!("{}:{port}", Domains::without_port(host)),
            Port::Default => Domains::without_port(host).to_owned(),
            Port::Keep if !self.scheme.is_empty() && self.scheme != scheme => {
                without_default_port(host, scheme).to_owned()
            }
            Port::Keep => host.to_owned(),
        }
    }
}

/// Envoy: when the scheme changes, the old scheme's default port is not carried along.
fn without_default_port<'a>(host: &'a str, scheme: &str) -> &'a str {
    let default = if scheme == "http" { ":80" } else { ":443" };
    host.strip_suffix(default).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(build: impl FnOnce(&mut model::Redirect)) -> Redirect {
        let mut written = model::Redirect::default();
        build(&mut written);
        Redirect::compile(&written).unwrap()
    }

    #[test]
    fn the_query_stays_unless_the_new_path_brings_one() {
        let to = |uri: &str| redirect(|r| r.uri = uri.to_owned());
        assert_eq!(
            to("/new").location("http", "h:8080", "/a?q=1"),
            "http://h:8080/new?q=1"
        );
        assert_eq!(
            to("/new?x").location("http", "h", "/a?q=1"),
            "http://h/new?x"
        );
        assert_eq!(to("/new").location("http", "h", "/a"), "http://h/new");
        assert_eq!(to("").location("http", "h", "/a?q=1"), "http://h/a?q=1");
    }

    #[test]
    fn scheme_authority_and_port_are_replaced_one_by_one() {
        let rows = [
            (redirect(|r| r.scheme = "https".into()), "https://h/p"),
            (
                redirect(|r| r.authority = "a.example".into()),
                "http://a.example/p",
            ),
            (redirect(|r| r.port = Some(8443)), "http://h:8443/p"),
            (
                redirect(|r| r.derive_port = "FROM_PROTOCOL_DEFAULT".into()),
                "http://h/p",
            ),
        ];
        for (redirect, expected) in rows {
            assert_eq!(
                redirect.location("http", "h:80", "/p").replace(":80/", "/"),
                expected
            );
        }
        let keeps = redirect(|r| r.derive_port = "FROM_REQUEST_PORT".into());
        assert_eq!(keeps.location("http", "h:8080", "/p"), "http://h:8080/p");
    }

    #[test]
    fn the_default_status_is_301_and_others_than_redirects_are_no_action() {
        assert_eq!(redirect(|_| {}).status, 301);
        for code in [301, 302, 303, 307, 308] {
            assert_eq!(redirect(|r| r.redirect_code = code).status, code);
        }
        let odd = model::Redirect {
            redirect_code: 304,
            ..Default::default()
        };
        assert_eq!(Redirect::compile(&odd), None);
    }
}
