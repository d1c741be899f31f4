//! The rules of both proxies: as objects for ours, and as what istiod makes of them for Envoy.

use std::path::Path;

use serde_json::{Value, json};
use testkit::envoy::loopback;

use crate::support::*;

pub(super) const FQDN: &str = "svc.t.svc.cluster.local";
/// Istio's default format of access logs.
const LOG_FORMAT: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

pub(super) fn rule(name: &str, destination: Value, more: Value) -> Value {
    let mut rule = json!({
        "match": [{"uri": {"prefix": format!("/{name}")}}],
        "route": [{"destination": destination}],
    });
    rule.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    rule
}

pub(super) fn subset(name: &str) -> Value {
    json!({"host": "svc", "subset": name})
}

pub(super) fn objects() -> (Value, Value) {
    let abort = json!({"fault": {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}});
    let delay = json!({"fault": {"delay": {"fixedDelay": "1ms", "percentage": {"value": 100}}}});
    let retries = json!({"retries": {"attempts": 2, "retryOn": "5xx", "backoff": "1ms"}});
    let limit = json!({"timeout": "50ms", "retries": {"attempts": 0}});
    let rules = rules(json!([
        rule("abort", subset("all"), abort),
        rule("delay", subset("all"), delay),
        rule("retry", subset("all"), retries.clone()),
        rule("limit", subset("all"), limit),
        rule("budget", subset("budget"), retries),
        rule("ejecting", subset("ejecting"), json!({})),
        rule("narrow", subset("narrow"), json!({})),
        rule("refusing", subset("refusing"), json!({})),
        rule("nobody", subset("nobody"), json!({})),
        rule("missing", subset("missing"), json!({})),
        rule(
            "mirrored",
            subset("all"),
            json!({"mirror": subset("refusing")})
        ),
        rule(
            "unheard",
            subset("all"),
            json!({"mirror": subset("nobody")})
        ),
        rule("all", subset("all"), json!({})),
    ]));
    let labels = |value: &str| json!({"cluster": value});
    let narrow = json!({"connectionPool": {
        "tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1, "maxRequestsPerConnection": 2},
    }});
    let budget = json!({"retryBudget": {"percent": 40, "minRetryConcurrency": 1}});
    let ejecting = json!({"outlierDetection": {
        "consecutive5xxErrors": 2, "interval": "60s", "baseEjectionTime": "60s", "maxEjectionPercent": 100,
    }});
    let policy = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {"host": "svc", "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}}, "subsets": [
            {"name": "all", "labels": labels("ctx1")},
            {"name": "ejecting", "labels": labels("ctx1"), "trafficPolicy": ejecting},
            {"name": "narrow", "labels": labels("ctx1"), "trafficPolicy": narrow},
            {"name": "budget", "labels": labels("ctx1"), "trafficPolicy": budget},
            {"name": "refusing", "labels": labels("ctx2")},
            {"name": "nobody", "labels": labels("nobody")},
        ]},
    });
    (rules, policy)
}

/// Envoy's bootstrap: clusters of our own dump, and the same routes.
pub(super) fn bootstrap(dump: &Value, log: &Path) -> Value {
    let log = json!([{"name": "envoy.access_loggers.file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        "path": log, "log_format": {"text_format_source": {"inline_string": LOG_FORMAT}},
    }}]);
    let svc = http_listener("svc", "outbound_10.96.0.7_8080;", dump, log);
    bootstrap_of(static_clusters(dump), vec![svc])
}

/// A listener with the first route table of a dump.
pub(super) fn http_listener(name: &str, stat_prefix: &str, dump: &Value, log: Value) -> Value {
    let filter = |name: &str, kind: &str| json!({"name": name, "typed_config": {"@type": format!("type.googleapis.com/envoy.extensions.filters.http.{kind}")}});
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": stat_prefix,
        "route_config": resource(dump, "dynamic_route_configs", "route_config"),
        "access_log": log,
        "normalize_path": true,
        "http_filters": [
            filter("envoy.filters.http.fault", "fault.v3.HTTPFault"),
            filter("envoy.filters.http.router", "router.v3.Router"),
        ],
    });
    listener_of(
        name,
        "envoy.filters.network.http_connection_manager",
        manager,
    )
}

/// A listener that passes bytes on to a cluster.
pub(super) fn tcp_listener(name: &str, cluster: &str) -> Value {
    let relay = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": name,
        "cluster": cluster,
    });
    listener_of(name, "envoy.filters.network.tcp_proxy", relay)
}

fn listener_of(name: &str, filter: &str, config: Value) -> Value {
    let filter = json!({"name": filter, "typed_config": config});
    json!({"name": name, "address": loopback(0), "filter_chains": [{"filters": [filter]}]})
}

/// A bootstrap with Istio's tags.
pub(super) fn bootstrap_of(clusters: Vec<Value>, listeners: Vec<Value>) -> Value {
    json!({
        "stats_config": {"use_all_default_tags": false, "stats_tags": [
            {"tag_name": "cluster_name", "regex": r"^cluster(\.(.+);)"},
            {"tag_name": "http_conn_manager_prefix", "regex": r"^http\.(((?:[_.[:digit:]\w]*|[_\[\]aAbBcCdDeEfF[:digit:]\w\:]*));\.)"},
            {"tag_name": "response_code", "regex": r"_rq(_(\d{3}))$"},
            {"tag_name": "response_code_class", "regex": r"_rq(_(\dxx))$"},
        ]},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

/// The clusters of a dump with their endpoints in them, as there is nobody to discover them from.
pub(super) fn static_clusters(dump: &Value) -> Vec<Value> {
    let section = |kind: &str| {
        let kind = format!("type.googleapis.com/envoy.admin.v3.{kind}");
        let mut sections = dump["configs"].as_array().unwrap().iter();
        sections
            .find(|section| section["@type"] == kind)
            .unwrap()
            .clone()
    };
    let (clusters, endpoints) = (
        section("ClustersConfigDump"),
        section("EndpointsConfigDump"),
    );
    let clusters = clusters["dynamic_active_clusters"]
        .as_array()
        .unwrap()
        .iter();
    let endpoints = endpoints["dynamic_endpoint_configs"].as_array().unwrap();
    let pairs = clusters.zip(endpoints);
    pairs
        .map(|(cluster, endpoints)| {
            let (mut cluster, mut endpoints) = (
                cluster["cluster"].clone(),
                endpoints["endpoint_config"].clone(),
            );
            for message in [&mut cluster, &mut endpoints] {
                message.as_object_mut().unwrap().remove("@type");
            }
            let discovered = cluster
                .as_object_mut()
                .unwrap()
                .remove("eds_cluster_config");
            if discovered.is_some() {
                cluster["type"] = "STATIC".into();
                cluster["load_assignment"] = endpoints;
            }
            cluster
        })
        .collect()
}

/// The first resource of a list of a dump, as a static configuration has it.
fn resource(dump: &Value, list: &str, member: &str) -> Value {
    let sections = dump["configs"].as_array().unwrap().iter();
    let mut lists = sections.filter_map(|section| section.get(list));
    let mut message = lists.next().unwrap()[0][member].clone();
    message.as_object_mut().unwrap().remove("@type");
    message
}
