//! Clusters that a proxy has whatever the rules (istiod: `buildClusters`).

use std::sync::Arc;

use crate::config::{BLACK_HOLE, Cluster, Discovery, Limits, PASSTHROUGH, Policy};

/// Those of a sidecar: for unknown hosts, and for what must arrive nowhere.
pub(super) fn of_sidecar() -> Vec<Cluster> {
    vec![black_hole(), passthrough()]
}

/// Those of a gateway, which knows all its hosts.
pub(super) fn of_gateway() -> Vec<Cluster> {
    vec![black_hole()]
}

fn passthrough() -> Cluster {
    standing(PASSTHROUGH, Discovery::OriginalDst, Limits::default())
}

fn black_hole() -> Cluster {
    standing(BLACK_HOLE, Discovery::Static, Limits::ENVOY)
}

fn standing(name: &str, discovery: Discovery, limits: Limits) -> Cluster {
    Cluster {
        name: Arc::from(name),
        discovery,
        policy: Policy {
            limits,
            ..Policy::default()
        },
        hosts: Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{GatewayServer, compile_gateway, compile_sidecar};
    use crate::config::Config;
    use crate::dump;
    use crate::registry::{Client, Network, World};

    fn types(config: &Config) -> Vec<(String, String)> {
        let dumped = config.clusters.values().map(|it| dump::cluster(it));
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        dumped
            .map(|it| (text(&it["name"]), text(&it["type"])))
            .collect()
    }

    #[test]
    fn without_any_service_a_proxy_has_these_as_istiod_says() {
        let world = World {
            services: &[],
            virtual_services: &[],
            destination_rules: &[],
            network: &Network::Single,
        };
        let client = Client::default();
        let pair = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        let black_hole = pair(BLACK_HOLE, "STATIC");
        assert_eq!(
            types(&compile_sidecar(&world, &client)),
            [black_hole.clone(), pair(PASSTHROUGH, "ORIGINAL_DST")]
        );
        let server = GatewayServer {
            gateway: "istio-system/cp-gateway",
            port: 80,
            hosts: &[],
        };
        assert_eq!(
            types(&compile_gateway(&world, &client, &server)),
            [black_hole]
        );
    }
}
