//! Envoy with the configuration that istiod makes of the same rules.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use serde_json::{Value, json};

use crate::process::Measured;

/// Istio's default format.
const LOG_FORMAT: &str = concat!(
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% ",
    "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% ",
    "\"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ",
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" ",
    "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% ",
    "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% ",
    "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
);

/// Starts it with one worker.
pub(crate) fn start(upstreams: &[SocketAddr], folder: &Path) -> Measured {
    let address = free_address();
    let configuration = folder.join("envoy.json");
    let log = folder.join("envoy.log");
    let bootstrap = bootstrap(address, upstreams, log.to_str().unwrap());
    fs::write(&configuration, bootstrap.to_string()).unwrap();
    let path = configuration.to_str().unwrap();
    let arguments = [
        "--config-path",
        path,
        "--concurrency",
        "1",
        "--log-level",
        "off",
        "--use-dynamic-base-id",
    ];
    Measured::start("envoy", &arguments, |_| address)
}

/// Envoy does not say which port it was given, so it is told one that is free.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn bootstrap(address: SocketAddr, upstreams: &[SocketAddr], log: &str) -> Value {
    let (ctx1, ctx2) = upstreams.split_at(2);
    json!({
        "admin": {"address": socket("127.0.0.1:0".parse().unwrap())},
        "static_resources": {
            "listeners": [{
                "address": socket(address),
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": connection_manager(log),
                }]}],
            }],
            "clusters": [cluster("ctx1", ctx1), cluster("ctx2", ctx2)],
        },
    })
}

fn connection_manager(log: &str) -> Value {
    json!({
        "@type": type_url("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "outbound_0.0.0.0_8080;",
        "route_config": routes(),
        "http_filters": [
            {"name": "envoy.filters.http.grpc_stats", "typed_config": {
                "@type": type_url("filters.http.grpc_stats.v3.FilterConfig"),
                "emit_filter_state": true, "stats_for_all_methods": false,
            }},
            {"name": "envoy.filters.http.fault", "typed_config": {"@type": type_url("filters.http.fault.v3.HTTPFault")}},
            {"name": "envoy.filters.http.cors", "typed_config": {"@type": type_url("filters.http.cors.v3.Cors")}},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": type_url("filters.http.router.v3.Router")}},
        ],
        "access_log": [{"name": "envoy.access_loggers.file", "typed_config": {
            "@type": type_url("access_loggers.file.v3.FileAccessLog"),
            "path": log,
            "log_format": {"text_format_source": {"inline_string": LOG_FORMAT}},
        }}],
        "stream_idle_timeout": "0s",
        "normalize_path": true,
    })
}

fn routes() -> Value {
    let destination = |subset: &str, weight: u32| json!({"name": name(subset), "weight": weight});
    json!({
        "name": "svc.t.svc.cluster.local:8080",
        "virtual_hosts": [{
            "name": "svc.t.svc.cluster.local:8080",
            "domains": ["*"],
            "routes": [{
                "match": {"prefix": "/"},
                "route": {
                    "weighted_clusters": {"clusters": [destination("ctx1", 70), destination("ctx2", 30)]},
                    "timeout": "0s",
                    "retry_policy": {
                        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
                        "num_retries": 2,
                        "retry_host_predicate": [{
                            "name": "envoy.retry_host_predicates.previous_hosts",
                            "typed_config": {"@type": type_url("retry.host.previous_hosts.v3.PreviousHostsPredicate")},
                        }],
                        "host_selection_retry_max_attempts": "5",
                    },
                    "max_grpc_timeout": "0s",
                },
                "typed_per_filter_config": {"envoy.filters.http.fault": {
                    "@type": type_url("filters.http.fault.v3.HTTPFault"),
                    "delay": {"fixed_delay": "0.001s", "percentage": {"numerator": 1, "denominator": "MILLION"}},
                }},
            }],
            "include_request_attempt_count": true,
        }],
    })
}

fn cluster(subset: &str, upstreams: &[SocketAddr]) -> Value {
    let most = u32::MAX;
    let endpoint = |it: &SocketAddr| json!({"endpoint": {"address": socket(*it)}});
    json!({
        "name": name(subset),
        "type": "STATIC",
        "connect_timeout": "10s",
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": {"thresholds": [{
            "max_connections": most, "max_pending_requests": most, "max_requests": most, "max_retries": most,
        }]},
        "outlier_detection": {
            "consecutive_5xx": 2, "enforcing_consecutive_5xx": 100, "enforcing_success_rate": 0,
            "interval": "10s", "base_ejection_time": "30s", "max_ejection_percent": 50,
        },
        "common_lb_config": {"healthy_panic_threshold": {}},
        "load_assignment": {
            "cluster_name": name(subset),
            "endpoints": [{"lb_endpoints": upstreams.iter().map(endpoint).collect::<Vec<_>>()}],
        },
    })
}

fn name(subset: &str) -> String {
    format!("outbound|8080|{subset}|svc.t.svc.cluster.local")
}

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn type_url(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}
