//! Which statistics a pod's sidecar keeps: what its annotations say (Istio: `getStatsOptions`).

use k8s_openapi::api::core::v1::Pod;
use mesh_proxy::StatsMatcher;
use serde::Deserialize;

/// The annotation that holds a `ProxyConfig`, as YAML.
const PROXY_CONFIG: &str = "proxy.istio.io/config";
/// Stands for the pod's address in a pattern.
const POD_IP: &str = "{pod_ip}";

/// What is obeyed of a `ProxyConfig`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ProxyConfig {
    proxy_stats_matcher: ProxyStatsMatcher,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ProxyStatsMatcher {
    inclusion_prefixes: Vec<String>,
    inclusion_suffixes: Vec<String>,
    inclusion_regexps: Vec<String>,
}

/// The statistics that the sidecar of a pod with this address keeps beside its own.
pub(super) fn matcher(pod: &Pod, ip: &str) -> StatsMatcher {
    let annotation = |name: &str| {
        let all = pod.metadata.annotations.as_ref();
        all.and_then(|all| all.get(name)).map(String::as_str)
    };
    let config = annotation(PROXY_CONFIG).map(parse).unwrap_or_default();
    let asked = config.proxy_stats_matcher;
    // An annotation of its own wins over the same list of the configuration.
    let list = |kind: &str, configured: Vec<String>| {
        let own = annotation(&format!("sidecar.istio.io/statsInclusion{kind}"));
        let own = own.filter(|own| !own.is_empty());
        let list = own.map(|own| own.split(',').map(str::to_owned).collect());
        let list: Vec<String> = list.unwrap_or(configured);
        list.iter().map(|it| it.replace(POD_IP, ip)).collect()
    };
    StatsMatcher {
        prefixes: list("Prefixes", asked.inclusion_prefixes),
        suffixes: list("Suffixes", asked.inclusion_suffixes),
        regexps: list("Regexps", asked.inclusion_regexps),
    }
}

/// What is no `ProxyConfig` configures nothing. (Istio's webhook would refuse the pod.)
fn parse(text: &str) -> ProxyConfig {
    serde_saphyr::from_str(text)
        .inspect_err(|error| tracing::warn!(%error, "the annotation {PROXY_CONFIG} is not obeyed"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Annotations, and the prefixes, suffixes and regexps that they keep.
    type Row = (
        &'static [(&'static str, &'static str)],
        [&'static [&'static str]; 3],
    );

    const CONFIG: &str = "concurrency: 1\nproxyStatsMatcher:\n  inclusionPrefixes: [\"http.{pod_ip}_\"]\n  inclusionRegexps:\n  - .*overflow.*\n";
    const OWN: (&str, &str) = ("sidecar.istio.io/statsInclusionPrefixes", "a,b");

    fn kept(annotations: &[(&str, &str)]) -> [Vec<String>; 3] {
        let annotations = annotations.iter();
        let annotations: BTreeMap<String, String> = annotations
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut pod = Pod::default();
        pod.metadata.annotations = Some(annotations);
        let StatsMatcher {
            prefixes,
            suffixes,
            regexps,
        } = matcher(&pod, "10.1.0.2");
        [prefixes, suffixes, regexps]
    }

    #[test]
    fn a_pod_says_what_its_sidecar_keeps() {
        let rows: [Row; 4] = [
            (&[], [&[], &[], &[]]),
            (
                &[(PROXY_CONFIG, CONFIG)],
                [&["http.10.1.0.2_"], &[], &[".*overflow.*"]],
            ),
            (
                &[(PROXY_CONFIG, CONFIG), OWN],
                [&["a", "b"], &[], &[".*overflow.*"]],
            ),
            (&[(PROXY_CONFIG, "{{{")], [&[], &[], &[]]),
        ];
        for (annotations, expected) in rows {
            let expected: [Vec<String>; 3] =
                expected.map(|list| list.iter().map(|it| (*it).to_owned()).collect());
            assert_eq!(kept(annotations), expected, "{annotations:?}");
        }
    }
}
