//! Envoy's configuration, made of istiod's: its routes, clusters and HTTP filters as recorded, with
//! the case's pods in place of endpoints that are discovered, and listeners on free ports.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use testkit::envoy::loopback;

use super::Endpoints;
use crate::case::Case;
use crate::driver::Scene;
use crate::recording::FQDN;

/// File of the clusters that may change.
pub(super) const CLUSTERS: &str = "clusters.json";

/// Parts of the names of statistics that are kept. (All would be tens of thousands: writing them
/// down would keep the main thread, which also ejects hosts, busy for a tenth of a second.)
const STATISTICS: [&str; 6] = [
    "_overflow",
    "lb_healthy_panic",
    "outlier_detection",
    "update_success",
    "upstream_cx_none_healthy",
    "upstream_rq_retry",
];

/// Namespace of a case, in which its service is alone.
pub(super) fn namespace(case: &Case) -> String {
    format!("row-{}", case.row)
}

/// What a process is started with; clusters that will change come from a file instead.
pub(super) fn bootstrap(listeners: &[Value], clusters: &[Value], folder: &Path) -> Value {
    let kept = STATISTICS.map(|part| json!({"contains": part}));
    let mut bootstrap = json!({
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": kept}}},
        "node": {"id": "conformance", "cluster": "conformance"},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    });
    let discovered = folder.join(CLUSTERS);
    if discovered.exists() {
        bootstrap["dynamic_resources"] = json!({"cds_config": file(&discovered)});
    }
    bootstrap
}

/// The file of a route table that may change.
pub(super) fn routes_file(table: &Value) -> Value {
    resources("envoy.config.route.v3.RouteConfiguration", [table])
}

/// The file of clusters that may change.
pub(super) fn clusters_file<'a>(clusters: impl IntoIterator<Item = &'a Value>) -> Value {
    resources("envoy.config.cluster.v3.Cluster", clusters)
}

/// What is read from a file, and read again when it is replaced.
fn resources<'a>(kind: &str, resources: impl IntoIterator<Item = &'a Value>) -> Value {
    let typed = |resource: &Value| {
        let mut resource = resource.clone();
        resource["@type"] = format!("type.googleapis.com/{kind}").into();
        resource
    };
    let typed: Vec<_> = resources.into_iter().map(typed).collect();
    json!({"resources": typed})
}

/// The client's listener: the connection manager as recorded, with the case's routes.
///
/// They come from a file only where they change: every watched file costs one of the kernel's few
/// inotify instances.
pub(super) fn outbound(scene: &Scene<'_>, folder: &Path) -> Value {
    let name = namespace(scene.case);
    let mut filter = recorded()["outbound"].take();
    let manager = &mut filter["typed_config"];
    manager["stat_prefix"] = name.clone().into();
    if scene.case.changes_rules() {
        manager["rds"] = json!({
            "config_source": file(&folder.join(format!("{name}.json"))),
            "route_config_name": name,
        });
    } else {
        manager["route_config"] = route_table(scene);
        manager["route_config"]
            .as_object_mut()
            .unwrap()
            .remove("@type");
        manager.as_object_mut().unwrap().remove("rds");
    }
    let log = folder.join(format!("{name}.log"));
    manager["access_log"][0]["typed_config"]["path"] = log.to_str().unwrap().into();
    listener(&name, &filter, "OUTBOUND")
}

/// A pod's listener: all of it as recorded, to a cluster of its own name.
pub(super) fn inbound(name: &str) -> Value {
    let mut filter = recorded()["inbound"].take();
    let manager = &mut filter["typed_config"];
    let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
    routes[0]["route"]["cluster"] = name.into();
    manager["access_log"] = json!([]);
    listener(name, &filter, "INBOUND")
}

/// A pod's own cluster. Istio puts the connection pool of the host's policy, never a subset's, on
/// it: that of the cluster without subset.
pub(super) fn inbound_cluster(name: &str, scene: &Scene<'_>, app: SocketAddr) -> Value {
    let mut cluster = recorded()["inbound_cluster"].take();
    let clusters = &scene.recording.clusters;
    let whole = clusters.iter().find(|it| subset(it).is_empty()).unwrap();
    for block in [
        "circuit_breakers",
        "connect_timeout",
        "typed_extension_protocol_options",
    ] {
        cluster[block] = whole[block].clone();
    }
    let object = cluster.as_object_mut().unwrap();
    for original_destination in [
        "@type",
        "lb_policy",
        "cleanup_interval",
        "upstream_bind_config",
        "alt_stat_name",
    ] {
        object.remove(original_destination);
    }
    cluster["name"] = name.into();
    cluster["type"] = "STATIC".into();
    cluster["load_assignment"] = assignment(name, [(app, false)].into_iter(), false);
    cluster
}

/// A case's route table.
pub(super) fn route_table(scene: &Scene<'_>) -> Value {
    let name = namespace(scene.case);
    json!({
        "name": name,
        "virtual_hosts": [renamed(&scene.recording.routes, &name)],
        "validate_clusters": false,
        "max_direct_response_body_size_bytes": 1_048_576,
        "ignore_port_in_host_matching": true,
    })
}

/// A case's clusters, with its pods as their endpoints.
pub(super) fn clusters(scene: &Scene<'_>, endpoints: &Endpoints) -> Vec<Value> {
    let cluster = |recorded: &Value| {
        let mut cluster = renamed(recorded, &namespace(scene.case));
        let pods = scene.pods_of(subset(recorded));
        let pods = pods
            .into_iter()
            .map(|pod| (endpoints[pod], scene.pods[pod].remote));
        let by_locality = cluster.get("outlier_detection").is_some();
        let name = cluster["name"].as_str().unwrap().to_owned();
        cluster["load_assignment"] = assignment(&name, pods, by_locality);
        cluster["type"] = "STATIC".into();
        // Istio: statistics carry the cluster's name and a semicolon.
        cluster["alt_stat_name"] = format!("{name};").into();
        cluster
    };
    scene.recording.clusters.iter().map(cluster).collect()
}

/// `ctx1` of `outbound|8080|ctx1|svc…`
fn subset(cluster: &Value) -> &str {
    cluster["name"].as_str().unwrap().split('|').nth(2).unwrap()
}

/// Endpoints; Istio: with outlier detection those of another region are only a second choice.
fn assignment(
    cluster: &str,
    endpoints: impl Iterator<Item = (SocketAddr, bool)>,
    by_locality: bool,
) -> Value {
    let (far, near): (Vec<_>, Vec<_>) = endpoints.partition(|(_, remote)| *remote);
    let group = |region: &str, priority: u32, endpoints: &[(SocketAddr, bool)]| {
        let endpoints = endpoints.iter();
        let endpoints =
            endpoints.map(|(at, _)| json!({"endpoint": {"address": loopback(at.port())}}));
        json!({
            "locality": {"region": region},
            "priority": priority,
            "lb_endpoints": endpoints.collect::<Vec<_>>(),
        })
    };
    let mut groups = vec![group("here", 0, &near)];
    if !far.is_empty() {
        groups.push(group("elsewhere", u32::from(by_locality), &far));
    }
    json!({"cluster_name": cluster, "endpoints": groups})
}

/// With the service in a namespace of its own.
fn renamed(value: &Value, namespace: &str) -> Value {
    let own = format!("svc.{namespace}.svc.cluster.local");
    serde_json::from_str(&value.to_string().replace(FQDN, &own)).unwrap()
}

fn recorded() -> Value {
    serde_json::from_str(include_str!("../../data/listeners.json")).unwrap()
}

fn listener(name: &str, filter: &Value, direction: &str) -> Value {
    json!({
        "name": name,
        "address": loopback(0),
        "filter_chains": [{"filters": [filter]}],
        "traffic_direction": direction,
    })
}

fn file(path: &Path) -> Value {
    json!({"path_config_source": {"path": path}, "resource_api_version": "V3"})
}
