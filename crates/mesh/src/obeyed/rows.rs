//! What changes nothing, as rows: whole kinds, fields, single values; each with its reason.

/// Kinds that change nothing as a whole, and what therefore stays as it is.
pub(super) const KINDS: [(&str, &str); 10] = [
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
pub(super) const POLICIES: [&str; 4] = [
    "spec.trafficPolicy",
    "spec.trafficPolicy.portLevelSettings",
    "spec.subsets.trafficPolicy",
    "spec.subsets.trafficPolicy.portLevelSettings",
];

/// Members that change nothing, and why.
pub(super) struct Idle {
    pub(super) kind: &'static str,
    /// Paths of names; in a list it is every element.
    pub(super) places: &'static [&'static str],
    /// The rest of the path, below each of the places.
    pub(super) below: &'static str,
    pub(super) members: &'static [&'static str],
    pub(super) why: &'static str,
}

/// What of the kinds that are obeyed changes nothing.
pub(super) const FIELDS: [Idle; 9] = [
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
        below: ".outlierDetection",
        members: &["consecutiveErrors"],
        why: "Istio makes nothing of it any more, write `consecutive5xxErrors`",
    },
];

/// One choice among values that changes nothing, and why.
pub(super) struct IdleValue {
    pub(super) kind: &'static str,
    pub(super) field: &'static str,
    pub(super) value: &'static str,
    pub(super) why: &'static str,
}

const PSEUDO_HEADER: &str = "only headers that a request has in HTTP/1.1 are hashed";

pub(super) const VALUES: [IdleValue; 5] = [
    IdleValue {
        kind: "DestinationRule",
        field: "h2UpgradePolicy",
        value: "UPGRADE",
        why: "the lab speaks HTTP/1.1",
    },
    pseudo_header(":authority"),
    pseudo_header(":method"),
    pseudo_header(":path"),
    pseudo_header(":scheme"),
];

const fn pseudo_header(value: &'static str) -> IdleValue {
    IdleValue {
        kind: "DestinationRule",
        field: "httpHeaderName",
        value,
        why: PSEUDO_HEADER,
    }
}
