//! The trees: VirtualService and DestinationRule of networking.istio.io, v1.

use serde_json::Value;

/// What a value may be.
#[derive(Debug)]
pub(super) enum Shape {
    Text,
    Boolean,
    Number,
    Integer,
    /// An integer that the API refuses below 0.
    Natural,
    Duration,
    /// Named values, `later` those of them that are not obeyed yet.
    OneOf {
        values: &'static [&'static str],
        later: &'static [&'static str],
    },
    List(&'static Shape),
    /// Any names, each with a value of one shape.
    Map(&'static Shape),
    Object(&'static [Field]),
}

/// A field of an object.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) obeyed: bool,
    pub(super) required: bool,
    /// Fields of one group exclude each other.
    pub(super) choice: Option<&'static str>,
}

impl Field {
    const fn later(self) -> Self {
        Self {
            obeyed: false,
            ..self
        }
    }

    const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    const fn choice(self, group: &'static str) -> Self {
        Self {
            choice: Some(group),
            ..self
        }
    }
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        obeyed: true,
        required: false,
        choice: None,
    }
}

const fn text(name: &'static str) -> Field {
    field(name, Shape::Text)
}

const fn texts(name: &'static str) -> Field {
    field(name, Shape::List(&Shape::Text))
}

const fn natural(name: &'static str) -> Field {
    field(name, Shape::Natural)
}

const fn object(name: &'static str, fields: &'static [Field]) -> Field {
    field(name, Shape::Object(fields))
}

const fn list(name: &'static str, items: &'static Shape) -> Field {
    field(name, Shape::List(items))
}

const fn map(name: &'static str, items: &'static Shape) -> Field {
    field(name, Shape::Map(items))
}

/// The tree of an object's kind.
pub(super) fn of(object: &Value) -> Option<&'static Shape> {
    match object.get("kind")?.as_str()? {
        "VirtualService" => Some(&VIRTUAL_SERVICE),
        "DestinationRule" => Some(&DESTINATION_RULE),
        _ => None,
    }
}

static VIRTUAL_SERVICE: Shape = Shape::Object(&[
    texts("hosts"),
    texts("gateways"),
    texts("exportTo"),
    list("http", &HTTP_ROUTE),
    list("tcp", &TCP_ROUTE).later(),
    list("tls", &TLS_ROUTE).later(),
]);

static HTTP_ROUTE: Shape = Shape::Object(&[
    text("name"),
    list("match", &HTTP_MATCH),
    list("route", &ROUTE_DESTINATION),
    object("redirect", REDIRECT),
    object(
        "directResponse",
        &[
            natural("status").required(),
            object(
                "body",
                &[
                    text("string").choice("body"),
                    text("bytes").choice("body").later(),
                ],
            ),
        ],
    ),
    object("delegate", &[text("name"), text("namespace")]).later(),
    object(
        "rewrite",
        &[
            text("uri"),
            text("authority"),
            object("uriRegexRewrite", &[text("match"), text("rewrite")]),
        ],
    ),
    field("timeout", Shape::Duration),
    object("retries", RETRIES),
    object("fault", FAULT),
    object("mirror", DESTINATION).later(),
    list("mirrors", &MIRROR).later(),
    object("mirrorPercentage", PERCENT).later(),
    natural("mirrorPercent").later(),
    natural("mirror_percent").later(),
    object("corsPolicy", CORS).later(),
    object("headers", HEADERS),
]);

static HTTP_MATCH: Shape = Shape::Object(&[
    text("name"),
    object("uri", STRING_MATCH),
    object("scheme", STRING_MATCH),
    object("method", STRING_MATCH),
    object("authority", STRING_MATCH),
    map("headers", &Shape::Object(STRING_MATCH)),
    map("withoutHeaders", &Shape::Object(STRING_MATCH)),
    map("queryParams", &Shape::Object(STRING_MATCH)),
    natural("port"),
    map("sourceLabels", &Shape::Text),
    text("sourceNamespace"),
    texts("gateways"),
    field("ignoreUriCase", Shape::Boolean),
    text("statPrefix").later(),
]);

const STRING_MATCH: &[Field] = &[
    text("exact").choice("match"),
    text("prefix").choice("match"),
    text("regex").choice("match"),
];

const DESTINATION: &[Field] = &[
    text("host").required(),
    text("subset"),
    object("port", &[natural("number")]),
];

static ROUTE_DESTINATION: Shape = Shape::Object(&[
    object("destination", DESTINATION).required(),
    field("weight", Shape::Integer),
    object("headers", HEADERS),
]);

const REDIRECT: &[Field] = &[
    text("uri"),
    text("authority"),
    text("scheme"),
    natural("port").choice("port"),
    field(
        "derivePort",
        Shape::OneOf {
            values: &["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"],
            later: &[],
        },
    )
    .choice("port"),
    natural("redirectCode"),
];

const RETRIES: &[Field] = &[
    field("attempts", Shape::Integer),
    field("perTryTimeout", Shape::Duration),
    text("retryOn"),
    field("retryRemoteLocalities", Shape::Boolean).later(),
    field("retryIgnorePreviousHosts", Shape::Boolean),
    field("backoff", Shape::Duration),
];

const PERCENT: &[Field] = &[field("value", Shape::Number)];

const FAULT: &[Field] = &[
    object(
        "delay",
        &[
            field("fixedDelay", Shape::Duration).choice("delay"),
            field("exponentialDelay", Shape::Duration)
                .choice("delay")
                .later(),
            object("percentage", PERCENT),
            field("percent", Shape::Integer),
        ],
    ),
    object(
        "abort",
        &[
            field("httpStatus", Shape::Integer).choice("abort"),
            text("grpcStatus").choice("abort"),
            text("http2Error").choice("abort"),
            object("percentage", PERCENT),
        ],
    ),
];

const HEADER_OPERATIONS: &[Field] = &[
    map("set", &Shape::Text),
    map("add", &Shape::Text),
    texts("remove"),
];

const HEADERS: &[Field] = &[
    object("request", HEADER_OPERATIONS),
    object("response", HEADER_OPERATIONS),
];

static MIRROR: Shape = Shape::Object(&[
    object("destination", DESTINATION).required(),
    object("percentage", PERCENT),
]);

const CORS: &[Field] = &[
    list("allowOrigins", &Shape::Object(STRING_MATCH)),
    texts("allowOrigin"),
    texts("allowMethods"),
    texts("allowHeaders"),
    texts("exposeHeaders"),
    field("maxAge", Shape::Duration),
    field("allowCredentials", Shape::Boolean),
    text("unmatchedPreflights"),
];

static L4_DESTINATION: Shape = Shape::Object(&[
    object("destination", DESTINATION).required(),
    field("weight", Shape::Integer),
]);

static TCP_ROUTE: Shape = Shape::Object(&[
    list(
        "match",
        &Shape::Object(&[
            texts("destinationSubnets"),
            natural("port"),
            text("sourceSubnet"),
            map("sourceLabels", &Shape::Text),
            texts("gateways"),
            text("sourceNamespace"),
        ]),
    ),
    list("route", &L4_DESTINATION),
]);

static TLS_ROUTE: Shape = Shape::Object(&[
    list(
        "match",
        &Shape::Object(&[
            texts("sniHosts").required(),
            texts("destinationSubnets"),
            natural("port"),
            map("sourceLabels", &Shape::Text),
            texts("gateways"),
            text("sourceNamespace"),
        ]),
    ),
    list("route", &L4_DESTINATION),
]);

static DESTINATION_RULE: Shape = Shape::Object(&[
    text("host").required(),
    object("trafficPolicy", TRAFFIC_POLICY),
    list(
        "subsets",
        &Shape::Object(&[
            text("name").required(),
            map("labels", &Shape::Text),
            object("trafficPolicy", TRAFFIC_POLICY),
        ]),
    ),
    texts("exportTo"),
    object("workloadSelector", &[map("matchLabels", &Shape::Text)]),
]);

const TRAFFIC_POLICY: &[Field] = &[
    object("loadBalancer", LOAD_BALANCER),
    object("connectionPool", CONNECTION_POOL).later(),
    object("outlierDetection", OUTLIER_DETECTION).later(),
    object("tls", TLS).later(),
    list(
        "portLevelSettings",
        &Shape::Object(&[
            object("port", &[natural("number")]),
            object("loadBalancer", LOAD_BALANCER),
            object("connectionPool", CONNECTION_POOL).later(),
            object("outlierDetection", OUTLIER_DETECTION).later(),
            object("tls", TLS).later(),
        ]),
    ),
    object(
        "tunnel",
        &[text("protocol"), text("targetHost"), natural("targetPort")],
    )
    .later(),
    object("proxyProtocol", &[text("version")]).later(),
    object(
        "retryBudget",
        &[
            field("percent", Shape::Number),
            natural("minRetryConcurrency"),
        ],
    )
    .later(),
];

const LOAD_BALANCER: &[Field] = &[
    field(
        "simple",
        Shape::OneOf {
            values: &[
                "UNSPECIFIED",
                "LEAST_CONN",
                "RANDOM",
                "PASSTHROUGH",
                "ROUND_ROBIN",
                "LEAST_REQUEST",
            ],
            later: &["PASSTHROUGH"],
        },
    )
    .choice("policy"),
    object("consistentHash", CONSISTENT_HASH)
        .choice("policy")
        .later(),
    object(
        "localityLbSetting",
        &[
            list(
                "distribute",
                &Shape::Object(&[text("from"), map("to", &Shape::Natural)]),
            ),
            list("failover", &Shape::Object(&[text("from"), text("to")])),
            texts("failoverPriority"),
            field("enabled", Shape::Boolean),
        ],
    )
    .later(),
    field("warmupDurationSecs", Shape::Duration).later(),
    object(
        "warmup",
        &[
            field("duration", Shape::Duration).required(),
            field("minimumPercent", Shape::Number),
            field("aggression", Shape::Number),
        ],
    )
    .later(),
];

const CONSISTENT_HASH: &[Field] = &[
    text("httpHeaderName").choice("key"),
    object(
        "httpCookie",
        &[
            text("name").required(),
            text("path"),
            field("ttl", Shape::Text),
            list(
                "attributes",
                &Shape::Object(&[text("name").required(), text("value")]),
            ),
        ],
    )
    .choice("key"),
    field("useSourceIp", Shape::Boolean).choice("key"),
    text("httpQueryParameterName").choice("key"),
    object("ringHash", &[natural("minimumRingSize")]).choice("table"),
    object("maglev", &[natural("tableSize")]).choice("table"),
    natural("minimumRingSize"),
];

const CONNECTION_POOL: &[Field] = &[
    object(
        "tcp",
        &[
            field("maxConnections", Shape::Integer),
            field("connectTimeout", Shape::Duration),
            object(
                "tcpKeepalive",
                &[
                    natural("probes"),
                    field("time", Shape::Duration),
                    field("interval", Shape::Duration),
                ],
            ),
            field("maxConnectionDuration", Shape::Duration),
            field("idleTimeout", Shape::Duration),
        ],
    ),
    object(
        "http",
        &[
            field("http1MaxPendingRequests", Shape::Integer),
            field("http2MaxRequests", Shape::Integer),
            field("maxRequestsPerConnection", Shape::Integer),
            field("maxRetries", Shape::Integer),
            field("idleTimeout", Shape::Duration),
            field(
                "h2UpgradePolicy",
                Shape::OneOf {
                    values: &["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"],
                    later: &[],
                },
            ),
            field("useClientProtocol", Shape::Boolean),
            field("maxConcurrentStreams", Shape::Integer),
        ],
    ),
];

const OUTLIER_DETECTION: &[Field] = &[
    field("consecutiveErrors", Shape::Integer),
    field("splitExternalLocalOriginErrors", Shape::Boolean),
    natural("consecutiveLocalOriginFailures"),
    natural("consecutiveGatewayErrors"),
    natural("consecutive5xxErrors"),
    field("interval", Shape::Duration),
    field("baseEjectionTime", Shape::Duration),
    field("maxEjectionPercent", Shape::Integer),
    field("minHealthPercent", Shape::Integer),
];

const TLS: &[Field] = &[
    field(
        "mode",
        Shape::OneOf {
            values: &["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"],
            later: &[],
        },
    ),
    text("clientCertificate"),
    text("privateKey"),
    text("caCertificates"),
    text("credentialName"),
    texts("subjectAltNames"),
    text("sni"),
    field("insecureSkipVerify", Shape::Boolean),
    text("caCrl"),
];
