//! Names: short host → FQDN, and Envoy's cluster and server names made of it.

use std::net::IpAddr;

/// Where a DestinationRule is looked up last, and where the gateways live.
pub const ROOT_NAMESPACE: &str = "istio-system";

const SERVICE_SUFFIX: &str = "svc.cluster.local";

/// The FQDN of a Kubernetes service.
pub fn service_fqdn(name: &str, namespace: &str) -> String {
    format!("{name}.{namespace}.{SERVICE_SUFFIX}")
}

/// Resolves a host written in an object of `namespace`.
///
/// Istio: a name without a dot is a service of the object's namespace; anything with a dot, an
/// address and `*` are taken literally (`svc.ns` is *not* expanded).
pub fn fqdn(host: &str, namespace: &str) -> String {
    let literal = host == "*" || host.contains('.') || host.parse::<IpAddr>().is_ok();
    if literal {
        host.to_owned()
    } else {
        service_fqdn(host, namespace)
    }
}

/// Envoy's name of an outbound cluster, `outbound|PORT|SUBSET|FQDN`; no subset is the empty string.
pub fn cluster(port: u16, subset: &str, fqdn: &str) -> String {
    format!("outbound|{port}|{subset}|{fqdn}")
}

/// The server name that tells an east-west gateway the same, `outbound_.PORT_.SUBSET_.FQDN`.
pub fn sni(port: u16, subset: &str, fqdn: &str) -> String {
    format!("outbound_.{port}_.{subset}_.{fqdn}")
}

/// Whether `host` (an exact name or `*.suffix` or `*`) covers `name`.
pub(crate) fn covers(host: &str, name: &str) -> bool {
    match host.strip_prefix('*') {
        Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
        None => host == name,
    }
}

/// Name of a pod's inbound cluster, `inbound|8080||`.
pub fn inbound(port: u16) -> String {
    format!("inbound|{port}||")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_without_a_dot_are_expanded() {
        let rows = [
            ("svc", "svc.t.svc.cluster.local"),
            ("svc.t", "svc.t"),
            ("svc.t.svc.cluster.local", "svc.t.svc.cluster.local"),
            ("10.1.2.3", "10.1.2.3"),
            ("::1", "::1"),
            ("*", "*"),
            ("*.example.com", "*.example.com"),
        ];
        for (host, expected) in rows {
            assert_eq!(fqdn(host, "t"), expected, "{host}");
        }
    }

    #[test]
    fn cluster_and_server_names_follow_envoy() {
        assert_eq!(
            cluster(8081, "ctx2", "u.t.svc.cluster.local"),
            "outbound|8081|ctx2|u.t.svc.cluster.local"
        );
        assert_eq!(
            cluster(8081, "", "u.t.svc.cluster.local"),
            "outbound|8081||u.t.svc.cluster.local"
        );
        assert_eq!(
            sni(8081, "ctx2", "u.t.svc.cluster.local"),
            "outbound_.8081_.ctx2_.u.t.svc.cluster.local"
        );
    }

    #[test]
    fn a_wildcard_covers_names_below_its_suffix_only() {
        assert!(covers("*.example.com", "a.example.com"));
        assert!(!covers("*.example.com", "example.com"));
        assert!(!covers("*.example.com", ".example.com"));
        assert!(covers("*", "anything"));
        assert!(covers("a.b", "a.b"));
        assert!(!covers("a.b", "x.a.b"));
    }
}
