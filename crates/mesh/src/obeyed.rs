//! What is accepted but changes nothing in the lab yet, said so that nobody waits for it.

use serde_json::Value;

/// Kinds that change nothing as a whole, and what therefore stays as it is.
const KINDS: [(&str, &str); 10] = [
    (
        "AuthorizationPolicy",
        "no request is allowed or denied by it",
    ),
    ("EnvoyFilter", "no proxy is changed by it"),
    (
        "PeerAuthentication",
        "mutual TLS between the clusters stays as it is",
    ),
    ("ProxyConfig", "every proxy stays as it is"),
    (
        "RequestAuthentication",
        "no token is asked for or looked at",
    ),
    ("ServiceEntry", "its hosts are not added to the mesh"),
    ("Sidecar", "every proxy still knows every service"),
    ("Telemetry", "access logs and metrics stay as they are"),
    ("WorkloadEntry", "its address gets no requests"),
    ("WorkloadGroup", "no workload joins the mesh by it"),
];

/// Where a DestinationRule has policies.
const POLICIES: [&str; 4] = [
    "spec.trafficPolicy",
    "spec.trafficPolicy.portLevelSettings",
    "spec.subsets.trafficPolicy",
    "spec.subsets.trafficPolicy.portLevelSettings",
];

/// Members that change nothing.
struct Idle {
    kind: &'static str,
    /// Paths of names; in a list it is every element.
    places: &'static [&'static str],
    /// The rest of the path, below each of the places.
    below: &'static str,
    members: &'static [&'static str],
}

impl Idle {
    const fn new(
        kind: &'static str,
        places: &'static [&'static str],
        below: &'static str,
        members: &'static [&'static str],
    ) -> Self {
        Self {
            kind,
            places,
            below,
            members,
        }
    }

    fn names(&self, kind: &str, place: &str, member: &str) -> bool {
        let base = place.strip_suffix(self.below);
        self.kind == kind
            && base.is_some_and(|base| self.places.contains(&base))
            && self.members.contains(&member)
    }
}

/// What of the kinds that are obeyed changes nothing.
const FIELDS: [Idle; 13] = [
    Idle::new(
        "Gateway",
        &["spec.servers"],
        "",
        &["tls", "bind", "defaultEndpoint"],
    ),
    Idle::new("VirtualService", &["spec"], "", &["tcp", "tls"]),
    Idle::new(
        "VirtualService",
        &["spec.http"],
        "",
        &[
            "delegate",
            "mirror",
            "mirrors",
            "mirrorPercentage",
            "mirrorPercent",
            "mirror_percent",
            "corsPolicy",
        ],
    ),
    Idle::new("VirtualService", &["spec.http"], ".match", &["statPrefix"]),
    Idle::new(
        "VirtualService",
        &["spec.http"],
        ".directResponse.body",
        &["bytes"],
    ),
    Idle::new(
        "VirtualService",
        &["spec.http"],
        ".retries",
        &["retryRemoteLocalities"],
    ),
    Idle::new(
        "VirtualService",
        &["spec.http"],
        ".fault.delay",
        &["exponentialDelay"],
    ),
    Idle::new(
        "DestinationRule",
        &POLICIES,
        "",
        &["tls", "tunnel", "proxyProtocol", "retryBudget"],
    ),
    // Hashing is by the ring whatever is asked for.
    Idle::new(
        "DestinationRule",
        &POLICIES,
        ".loadBalancer.consistentHash",
        &["maglev"],
    ),
    Idle::new(
        "DestinationRule",
        &POLICIES,
        ".loadBalancer.consistentHash.httpCookie",
        &["attributes"],
    ),
    Idle::new(
        "DestinationRule",
        &POLICIES,
        ".connectionPool.http",
        &[
            "maxConcurrentStreams",
            "idleTimeout",
            "h2UpgradePolicy",
            "useClientProtocol",
        ],
    ),
    Idle::new(
        "DestinationRule",
        &POLICIES,
        ".connectionPool.tcp",
        &["tcpKeepalive", "maxConnectionDuration", "idleTimeout"],
    ),
    Idle::new(
        "DestinationRule",
        &POLICIES,
        ".loadBalancer",
        &["warmupDurationSecs", "warmup"],
    ),
];

/// One choice among values that changes nothing: its kind, its field, and the value.
const VALUES: [(&str, &str, &str); 1] = [("DestinationRule", "simple", "PASSTHROUGH")];

/// A warning for an object of a kind, for each field and for each value that changes nothing yet.
pub fn warnings(object: &Value) -> Vec<String> {
    let kind = object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let whole = KINDS.iter().find(|(known, _)| *known == kind);
    if let Some((_, consequence)) = whole {
        return vec![format!(
            "{kind} is accepted but not enforced by the lab: {consequence}"
        )];
    }
    let mut told = Vec::new();
    if let Some(spec) = object.get("spec") {
        let place = Place {
            names: "spec".into(),
            path: "spec".into(),
        };
        walk(kind, &place, spec, &mut told);
    }
    told
}

/// Where a value stands: by names alone, and as a reader finds it.
struct Place {
    names: String,
    path: String,
}

fn walk(kind: &str, place: &Place, value: &Value, told: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let place = Place {
                    names: place.names.clone(),
                    path: format!("{}[{index}]", place.path),
                };
                walk(kind, &place, item, told);
            }
        }
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                let path = format!("{}.{name}", place.path);
                if is_idle(kind, &place.names, name) {
                    told.push(format!("{path} is accepted but not obeyed yet by the lab"));
                } else if let Some(value) = idle_value(kind, name, value) {
                    told.push(format!(
                        "{path}: {value} is accepted but not obeyed yet by the lab"
                    ));
                } else {
                    let names = format!("{}.{name}", place.names);
                    walk(kind, &Place { names, path }, value, told);
                }
            }
        }
        _ => {}
    }
}

fn is_idle(kind: &str, place: &str, name: &str) -> bool {
    FIELDS.iter().any(|idle| idle.names(kind, place, name))
}

fn idle_value<'a>(kind: &str, name: &str, value: &'a Value) -> Option<&'a str> {
    let value = value.as_str()?;
    let known = |row: &(&str, &str, &str)| *row == (kind, name, value);
    VALUES.iter().any(known).then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn virtual_service(http: Value) -> Value {
        json!({"kind": "VirtualService", "spec": {"hosts": ["a"], "http": [http]}})
    }

    fn destination_rule(policy: Value) -> Value {
        json!({"kind": "DestinationRule", "spec": {"host": "a", "trafficPolicy": policy}})
    }

    #[test]
    fn what_is_obeyed_warns_of_nothing() {
        let rule = virtual_service(json!({
            "name": "n", "match": [{"uri": {"prefix": "/"}, "headers": {"x": {"exact": "1"}}, "ignoreUriCase": true}],
            "route": [{"destination": {"host": "b", "subset": "s", "port": {"number": 1}}, "weight": 1}],
            "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 1}}, "abort": {"httpStatus": 500}},
            "timeout": "1s", "retries": {"attempts": 1}, "rewrite": {"uri": "/"}, "headers": {"request": {"set": {"a": "b"}}},
        }));
        assert_eq!(warnings(&rule), Vec::<String>::new());
        let policy = destination_rule(json!({
            "loadBalancer": {"simple": "RANDOM", "localityLbSetting": {"failoverPriority": ["a"]}},
            "connectionPool": {
                "tcp": {"connectTimeout": "1s", "maxConnections": 1},
                "http": {"http1MaxPendingRequests": 1, "http2MaxRequests": 1, "maxRetries": 1,
                         "maxRequestsPerConnection": 1},
            },
            "outlierDetection": {"consecutive5xxErrors": 2, "interval": "1s", "minHealthPercent": 30},
        }));
        assert_eq!(warnings(&policy), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_obeyed_yet_is_named_by_path_once() {
        let rule = virtual_service(json!({
            "route": [], "mirror": {"host": "b"}, "corsPolicy": {"maxAge": "1s"}, "delegate": null,
            "retries": {"retryRemoteLocalities": true},
        }));
        let expected = ["corsPolicy", "mirror", "retries.retryRemoteLocalities"];
        let text =
            |path: &str| format!("spec.http[0].{path} is accepted but not obeyed yet by the lab");
        assert_eq!(warnings(&rule), expected.map(text));
        let policy = destination_rule(json!({
            "loadBalancer": {"simple": "PASSTHROUGH", "warmup": {"duration": "1s"}},
            "portLevelSettings": [{"port": {"number": 1}, "tls": {}}],
        }));
        let mut told = warnings(&policy);
        told.sort();
        assert_eq!(
            told,
            [
                "spec.trafficPolicy.loadBalancer.simple: PASSTHROUGH is accepted but not obeyed yet by the lab",
                "spec.trafficPolicy.loadBalancer.warmup is accepted but not obeyed yet by the lab",
                "spec.trafficPolicy.portLevelSettings[0].tls is accepted but not obeyed yet by the lab",
            ]
        );
    }

    #[test]
    fn limits_that_are_not_obeyed_are_told_one_by_one() {
        let rule = json!({"kind": "DestinationRule", "spec": {"host": "a", "subsets": [{"name": "s", "trafficPolicy": {
            "connectionPool": {
                "tcp": {"maxConnections": 1, "connectTimeout": "1s", "idleTimeout": "1s"},
                "http": {"maxRetries": 1, "idleTimeout": "1s"},
            },
        }}]}});
        let pool = "spec.subsets[0].trafficPolicy.connectionPool";
        let mut told = warnings(&rule);
        told.sort();
        assert_eq!(
            told,
            [
                format!("{pool}.http.idleTimeout is accepted but not obeyed yet by the lab"),
                format!("{pool}.tcp.idleTimeout is accepted but not obeyed yet by the lab"),
            ]
        );
    }

    #[test]
    fn a_kind_that_changes_nothing_says_what_stays() {
        let policy =
            json!({"kind": "AuthorizationPolicy", "spec": {"action": "DENY", "rules": [{}]}});
        assert_eq!(
            warnings(&policy),
            [
                "AuthorizationPolicy is accepted but not enforced by the lab: no request is allowed or denied by it"
            ]
        );
        assert_eq!(
            warnings(&json!({"kind": "Service", "spec": {"x": 1}})),
            Vec::<String>::new()
        );
    }
}
