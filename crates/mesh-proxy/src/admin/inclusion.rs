//! Which statistics a sidecar keeps.

use mesh::matching::Pattern;

/// Istio: kept whatever is asked for (`pkg/bootstrap/config.go`).
const PREFIXES: [&str; 6] = [
    "reporter=",
    "cluster_manager",
    "listener_manager",
    "server",
    "cluster.xds-grpc",
    "wasm",
];

/// `proxyStatsMatcher` of the annotation `proxy.istio.io/config`: names to keep beside Istio's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatsMatcher {
    /// `inclusionPrefixes`.
    pub prefixes: Vec<String>,
    /// `inclusionSuffixes`.
    pub suffixes: Vec<String>,
    /// `inclusionRegexps`, of whole names.
    pub regexps: Vec<String>,
}

/// A compiled matcher.
#[derive(Debug, Default)]
pub(super) struct Inclusion {
    matcher: StatsMatcher,
    patterns: Vec<Pattern>,
}

impl Inclusion {
    /// What is no regular expression includes nothing. (A real sidecar would not start.)
    pub(super) fn new(matcher: StatsMatcher) -> Self {
        let compile = |text: &String| {
            Pattern::full(text)
                .inspect_err(
                    |error| tracing::warn!(%error, "an inclusionRegexp includes no statistic"),
                )
                .ok()
        };
        Self {
            patterns: matcher.regexps.iter().filter_map(compile).collect(),
            matcher,
        }
    }

    pub(super) fn includes(&self, name: &str) -> bool {
        let StatsMatcher {
            prefixes, suffixes, ..
        } = &self.matcher;
        PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || prefixes
                .iter()
                .any(|prefix| name.starts_with(prefix.as_str()))
            || suffixes
                .iter()
                .any(|suffix| name.ends_with(suffix.as_str()))
            || self
                .patterns
                .iter()
                .any(|pattern| pattern.is_match(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(prefix: &str, suffix: &str, regexp: &str) -> Inclusion {
        let list = |text: &str| {
            let texts = (!text.is_empty()).then(|| text.to_owned());
            texts.into_iter().collect()
        };
        Inclusion::new(StatsMatcher {
            prefixes: list(prefix),
            suffixes: list(suffix),
            regexps: list(regexp),
        })
    }

    #[test]
    fn a_name_is_kept_for_its_begin_its_end_or_as_a_whole() {
        let name = "cluster.outbound|8081|ctx1|u.t.svc.cluster.local;.upstream_rq_total";
        for (prefix, suffix, regexp, expected) in [
            ("", "", "", false),
            ("cluster.outbound", "", "", true),
            ("outbound", "", "", false),
            ("", "rq_total", "", true),
            ("", "", ".*upstream_rq_.*", true),
            ("", "", "upstream_rq_.*", false),
            ("", "", "(", false),
        ] {
            let found = matcher(prefix, suffix, regexp).includes(name);
            assert_eq!(found, expected, "{prefix} {suffix} {regexp}");
        }
    }

    #[test]
    fn istio_keeps_the_servers_own_whatever_is_asked_for() {
        let none = Inclusion::default();
        for (name, expected) in [
            ("server.uptime", true),
            ("cluster_manager.active_clusters", true),
            ("cluster.xds-grpc;.upstream_rq_total", true),
            ("http.inbound_0.0.0.0_8081;.downstream_rq_total", false),
        ] {
            assert_eq!(none.includes(name), expected, "{name}");
        }
    }
}
