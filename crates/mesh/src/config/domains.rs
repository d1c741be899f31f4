//! Host header → virtual host.

use std::borrow::Cow;
use std::collections::HashMap;

/// Domains of a route table: exact names, suffix wildcards, and `*`.
///
/// Envoy: the exact domain wins, then the longest suffix wildcard, then `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domains {
    exact: HashMap<String, usize>,
    /// Suffixes with their leading dot, longest first.
    suffixes: Vec<(String, usize)>,
    any: Option<usize>,
}

impl Domains {
    /// Claims a domain; the first claim stands (Istio: a duplicate domain is dropped).
    pub fn claim(&mut self, domain: &str, index: usize) {
        let domain = domain.to_ascii_lowercase();
        match domain.strip_prefix('*') {
            Some("") => {
                self.any.get_or_insert(index);
            }
            Some(suffix) => self.claim_suffix(suffix, index),
            None => {
                self.exact.entry(domain).or_insert(index);
            }
        }
    }

    fn claim_suffix(&mut self, suffix: &str, index: usize) {
        if self.suffixes.iter().any(|(known, _)| known == suffix) {
            return;
        }
        let longer = self
            .suffixes
            .partition_point(|(known, _)| known.len() >= suffix.len());
        self.suffixes.insert(longer, (suffix.to_owned(), index));
    }

    /// The domains of a virtual host, in order.
    pub fn of(&self, index: usize) -> Vec<String> {
        let exact = self.exact.iter().map(|(domain, of)| (domain.clone(), *of));
        let suffixes = self
            .suffixes
            .iter()
            .map(|(suffix, of)| (format!("*{suffix}"), *of));
        let any = self.any.iter().map(|of| ("*".to_owned(), *of));
        let all = exact.chain(suffixes).chain(any);
        let mut own: Vec<String> = all
            .filter(|(_, of)| *of == index)
            .map(|(domain, _)| domain)
            .collect();
        own.sort();
        own
    }

    /// Whether somebody claimed exactly this domain.
    pub fn has(&self, domain: &str) -> bool {
        self.exact.contains_key(domain)
    }

    /// Whether somebody takes every host.
    pub fn takes_all(&self) -> bool {
        self.any.is_some()
    }

    /// Drops `:port`; the colons of a bare or bracketed IPv6 address are none.
    pub fn without_port(authority: &str) -> &str {
        match authority.rsplit_once(':') {
            Some((host, port))
                if port.bytes().all(|byte| byte.is_ascii_digit())
                    && (!host.contains(':') || host.ends_with(']')) =>
            {
                host
            }
            _ => authority,
        }
    }

    /// The virtual host of an authority.
    pub fn find(&self, authority: &str) -> Option<usize> {
        if self.exact.is_empty() && self.suffixes.is_empty() {
            return self.any;
        }
        let host = lower(Self::without_port(authority));
        let by_suffix = || {
            let ends = |(suffix, _): &&(String, usize)| {
                host.len() > suffix.len() && host.ends_with(suffix.as_str())
            };
            self.suffixes.iter().find(ends).map(|(_, index)| *index)
        };
        self.exact
            .get(&*host)
            .copied()
            .or_else(by_suffix)
            .or(self.any)
    }
}

fn lower(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_beats_the_longest_suffix_beats_any() {
        let mut domains = Domains::default();
        for (index, domain) in ["*", "*.b.c", "x.a.b.c", "*.a.b.c"].into_iter().enumerate() {
            domains.claim(domain, index);
        }
        let rows = [
            ("x.a.b.c", 2),
            ("X.A.b.c:8080", 2),
            ("y.a.b.c", 3),
            ("y.b.c", 1),
            ("b.c", 0),
            ("z:99", 0),
        ];
        for (authority, expected) in rows {
            assert_eq!(domains.find(authority), Some(expected), "{authority}");
        }
    }

    #[test]
    fn the_first_claim_stands() {
        let mut domains = Domains::default();
        for index in 0..2 {
            for domain in ["a.b", "*.b", "*"] {
                domains.claim(domain, index);
            }
        }
        for authority in ["a.b", "c.b", "c"] {
            assert_eq!(domains.find(authority), Some(0));
        }
    }

    #[test]
    fn without_a_wildcard_an_unknown_host_is_nobodys() {
        let mut domains = Domains::default();
        domains.claim("a.b", 0);
        assert_eq!(domains.find("b.a"), None);
    }

    #[test]
    fn ports_are_cut_but_not_parts_of_an_address() {
        let rows = [
            ("h:80", "h"),
            ("h", "h"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("::1", "::1"),
            ("h:x", "h:x"),
            ("h:", "h"),
        ];
        for (authority, host) in rows {
            assert_eq!(Domains::without_port(authority), host);
        }
    }
}
