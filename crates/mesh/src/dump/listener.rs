//! `envoy.config.listener.v3.Listener`: a sidecar's outbound listeners, as istiod names them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::{Cluster, Config, Listener, Serves};

const MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TCP_PROXY: &str = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
/// The HTTP filters in their order, and the types of their settings.
const HTTP_FILTERS: [(&str, &str); 3] = [
    ("fault", "envoy.extensions.filters.http.fault.v3.HTTPFault"),
    ("cors", "envoy.extensions.filters.http.cors.v3.Cors"),
    ("router", "envoy.extensions.filters.http.router.v3.Router"),
];

/// The address at which a listener stands. Istio: the services of a declared HTTP port share one.
pub fn address_of(listener: &Listener) -> SocketAddr {
    match &listener.serves {
        Serves::Http(routes) if routes.parse::<u16>().is_ok() => {
            SocketAddr::from(([0, 0, 0, 0], listener.port))
        }
        _ => SocketAddr::new(listener.ip, listener.port),
    }
}

/// The name of the listener at an address.
pub fn name_of(address: SocketAddr) -> String {
    format!("{}_{}", address.ip(), address.port())
}

/// The listeners of a sidecar, by address.
pub fn listeners(config: &Config) -> Vec<Value> {
    let by_address: BTreeMap<SocketAddr, &Listener> = config
        .listeners
        .iter()
        .map(|it| (address_of(it), it))
        .collect();
    let listeners = by_address.into_iter();
    listeners
        .map(|(address, it)| listener(config, address, &it.serves))
        .collect()
}

fn listener(config: &Config, address: SocketAddr, serves: &Serves) -> Value {
    let name = name_of(address);
    let filter = match serves {
        Serves::Http(routes) => filter(
            "http_connection_manager",
            MANAGER,
            json!({
                "stat_prefix": format!("outbound_{name};"),
                "rds": {
                    "config_source": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
                    "route_config_name": **routes,
                },
                "http_filters": HTTP_FILTERS.map(|(name, kind)| json!({
                    "name": format!("envoy.filters.http.{name}"),
                    "typed_config": {"@type": format!("type.googleapis.com/{kind}")},
                })),
                "use_remote_address": false,
                "normalize_path": true,
            }),
        ),
        Serves::Tcp(cluster) => filter("tcp_proxy", TCP_PROXY, tcp_proxy(config, cluster)),
    };
    json!({
        "name": name,
        "address": {"socket_address": {
            "address": address.ip().to_string(),
            "port_value": address.port(),
        }},
        "filter_chains": [{"filters": [filter]}],
        "traffic_direction": "OUTBOUND",
        "bind_to_port": false,
    })
}

fn tcp_proxy(config: &Config, cluster: &str) -> Value {
    let mut settings = json!({"stat_prefix": cluster, "cluster": cluster});
    let by_source = |it: &Arc<Cluster>| it.policy.hashes_sources;
    if config.clusters.get(cluster).is_some_and(by_source) {
        settings["hash_policy"] = json!([{"source_ip": {}}]);
    }
    settings
}

fn filter(name: &str, kind: &str, mut settings: Value) -> Value {
    settings["@type"] = format!("type.googleapis.com/{kind}").into();
    json!({"name": format!("envoy.filters.network.{name}"), "typed_config": settings})
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn listener(host: &str, last: u8, serves: Serves) -> Listener {
        Listener {
            host: host.into(),
            ip: IpAddr::from([10, 96, 0, last]),
            port: 8080,
            serves,
        }
    }

    #[test]
    fn services_of_a_declared_http_port_share_a_listener_and_others_have_their_own() {
        let config = Config {
            listeners: vec![
                listener("a", 1, Serves::Http("8080".into())),
                listener("b", 2, Serves::Http("8080".into())),
                listener("c", 3, Serves::Http("c.t:8080".into())),
                listener("d", 4, Serves::Tcp("outbound|8080||d".into())),
            ],
            ..Config::default()
        };
        let settings = |it: &Value| it["filter_chains"][0]["filters"][0]["typed_config"].clone();
        let shown = listeners(&config);
        let names: Vec<_> = shown
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["0.0.0.0_8080", "10.96.0.3_8080", "10.96.0.4_8080"]);
        let http = settings(&shown[1]);
        assert_eq!(http["stat_prefix"], "outbound_10.96.0.3_8080;");
        assert_eq!(http["rds"]["route_config_name"], "c.t:8080");
        let tcp = settings(&shown[2]);
        assert_eq!(tcp["cluster"], "outbound|8080||d");
        assert_eq!(tcp["hash_policy"], Value::Null);
    }
}
