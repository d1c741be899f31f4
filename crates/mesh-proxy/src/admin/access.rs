//! Who is answered: paths that would change something, and names that lead here by accident or malice.

use std::net::IpAddr;

use hyper::http::uri::Authority;

use super::Node;
use super::page::Page;

/// Envoy's paths that change the proxy. Nothing is changed here.
const CHANGING: [&str; 11] = [
    "/allocprofiler",
    "/cpuprofiler",
    "/drain_listeners",
    "/healthcheck/fail",
    "/healthcheck/ok",
    "/heapprofiler",
    "/logging",
    "/quitquitquit",
    "/reopen_logs",
    "/reset_counters",
    "/runtime_modify",
];

/// Refuses what would change the proxy. Envoy: any method reads, only POST changes.
pub(super) fn change(method: &str, path: &str) -> Option<Page> {
    if !CHANGING.contains(&path) {
        return None;
    }
    if method != "POST" {
        let text = format!("Method {method} not allowed, POST required.");
        return Some(Page::text(text).with(405));
    }
    let text = format!("{path} is not supported: nothing can be changed through this interface\n");
    Some(Page::text(text).with(501))
}

/// Refuses a Host that is somebody else's name: a page of that name in a browser on this machine
/// could have had it changed to lead here (DNS rebinding), and read what is shown.
pub(super) fn stranger(node: &Node, host: &str) -> Option<Page> {
    let text = || {
        format!("Host {host} is not of this pod: ask for localhost, an address or the pod's name\n")
    };
    (!is_own(node, host)).then(|| Page::text(text()).with(403))
}

fn is_own(node: &Node, host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || node.pod().is_some_and(|pod| pod == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_addresses_and_the_pods_own_name_are_answered_and_no_other() {
        let node = Node {
            id: "sidecar~10.1.0.2~api-1.t~t.svc.cluster.local".to_owned(),
            cluster: "api.t".to_owned(),
        };
        for (host, own) in [
            ("localhost", true),
            ("LocalHost.:15000", true),
            ("theater.localhost", true),
            ("127.0.0.1:15000", true),
            ("[::1]:15000", true),
            ("10.1.0.2", true),
            ("api-1:15000", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:15000", false),
            ("api-2", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(stranger(&node, host).is_none(), own, "{host}");
        }
    }

    #[test]
    fn what_changes_is_refused_as_envoy_does_or_said_to_be_missing() {
        for (method, path, expected) in [
            ("GET", "/logging", Some(405)),
            ("DELETE", "/quitquitquit", Some(405)),
            ("POST", "/reset_counters", Some(501)),
            ("POST", "/stats", None),
            ("GET", "/nope", None),
        ] {
            let status = change(method, path).map(|page| page.status);
            assert_eq!(status, expected, "{method} {path}");
        }
    }
}
