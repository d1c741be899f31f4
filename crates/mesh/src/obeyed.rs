//! What is accepted but changes nothing in the lab, said so that nobody waits for it.

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

/// Members that change nothing, and why.
struct Idle {
    kind: &'static str,
    /// Paths of names; in a list it is every element.
    places: &'static [&'static str],
    /// The rest of the path, below each of the places.
    below: &'static str,
    members: &'static [&'static str],
    why: &'static str,
}

/// What of the kinds that are obeyed changes nothing.
const FIELDS: [Idle; 13] = [
    Idle {
        kind: "Gateway",
        places: &["spec.servers"],
        below: "",
        members: &["tls", "bind", "defaultEndpoint"],
        why: "the published port speaks plain HTTP",
    },
    Idle {
        kind: "VirtualService",
        places: &["spec"],
        below: "",
        members: &["tcp", "tls"],
        why: "connections of TCP services go to the service they ask for",
    },
    Idle {
        kind: "VirtualService",
        places: &["spec.http"],
        below: ".match",
        members: &["statPrefix"],
        why: "no statistics are kept per route",
    },
    Idle {
        kind: "VirtualService",
        places: &["spec.http"],
        below: ".directResponse.body",
        members: &["bytes"],
        why: "only a body of text is sent, write it in `string`",
    },
    Idle {
        kind: "VirtualService",
        places: &["spec.http"],
        below: ".fault.delay",
        members: &["exponentialDelay"],
        why: "Istio does not support it either, write `fixedDelay`",
    },
    Idle {
        kind: "DestinationRule",
        places: &POLICIES,
        below: "",
        members: &["tls"],
        why: "connections on this machine are not encrypted",
    },
    Idle {
        kind: "DestinationRule",
        places: &POLICIES,
        below: "",
        members: &["tunnel", "proxyProtocol"],
        why: "hosts are reached directly, without a protocol before their own",
    },
    Idle {
        kind: "DestinationRule",
        places: &POLICIES,
        below: "",
        members: &["retryBudget"],
        why: "retries are limited by a number, write `connectionPool.http.maxRetries`",
    },
    Idle {
        kind: "DestinationRule",
        places: &POLICIES,
        below: ".loadBalancer.consistentHash",
        members: &["maglev"],
        why: "every hash is looked up on a ring, which shares and stays alike",
    },
    Idle {
        kind: "DestinationRule",
        places: &POLICIES,
        below: ".connectionPool.http",
        members: &["maxConcurrentStreams", "useClientProtocol"],
        why: "the lab speaks HTTP/1.1, which has one request on a connection",
    },
    Idle {
        kind: "DestinationRule",
        places: &POLICIES,
        below: ".connectionPool.tcp",
        members: &["tcpKeepalive"],
        why: "no peer on this machine can go silently",
    },
    Idle {
        kind: "DestinationRule",
        places: &POLICIES,
        below: ".loadBalancer",
        members: &["warmupDurationSecs", "warmup"],
        why: "a new host has its full share at once",
    },
    Idle {
        kind: "DestinationRule",
        places: &POLICIES,
        below: ".outlierDetection",
        members: &["consecutiveErrors"],
        why: "Istio reads it no more, write `consecutive5xxErrors`",
    },
];

/// One choice among values that changes nothing, and why.
struct IdleValue {
    kind: &'static str,
    field: &'static str,
    value: &'static str,
    why: &'static str,
}

const VALUES: [IdleValue; 2] = [
    IdleValue {
        kind: "DestinationRule",
        field: "simple",
        value: "PASSTHROUGH",
        why: "there is no network behind a ClusterIP but the mesh, so the balancer chooses",
    },
    IdleValue {
        kind: "DestinationRule",
        field: "h2UpgradePolicy",
        value: "UPGRADE",
        why: "the lab speaks HTTP/1.1",
    },
];

impl Idle {
    fn names(&self, kind: &str, place: &str, member: &str) -> bool {
        let base = place.strip_suffix(self.below);
        self.kind == kind
            && base.is_some_and(|base| self.places.contains(&base))
            && self.members.contains(&member)
    }
}

/// A warning for an object of a kind, for each field and for each value that changes nothing.
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
                if let Some(why) = idle(kind, &place.names, name) {
                    told.push(format!(
                        "{path} is accepted but not obeyed by the lab: {why}"
                    ));
                } else if let Some(row) = idle_value(kind, name, value) {
                    let (value, why) = (row.value, row.why);
                    told.push(format!(
                        "{path}: {value} is accepted but not obeyed by the lab: {why}"
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

fn idle(kind: &str, place: &str, name: &str) -> Option<&'static str> {
    let row = FIELDS.iter().find(|row| row.names(kind, place, name));
    row.map(|row| row.why)
}

fn idle_value(kind: &str, field: &str, value: &Value) -> Option<&'static IdleValue> {
    let value = value.as_str()?;
    VALUES
        .iter()
        .find(|row| (row.kind, row.field, row.value) == (kind, field, value))
}

#[cfg(test)]
mod tests;
