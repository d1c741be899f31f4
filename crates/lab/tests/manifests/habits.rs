//! What production expects of every workload.

use std::time::Duration;

use common::drain;
use serde_json::{Value, json};

use super::OVERLAYS;

/// How long `wait-for-drain` waits when it is told nothing else.
const PRE_STOP: Duration = Duration::from_secs(5);

fn workloads() -> Vec<(&'static str, Value)> {
    let of = |cluster| {
        let objects = lab::manifest::objects(cluster).unwrap().into_iter();
        objects.map(move |object| (cluster, object))
    };
    let all = OVERLAYS.into_iter().flat_map(of);
    all.filter(|(_, object)| object["kind"] == "Deployment")
        .collect()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let value = object.pointer(pointer);
    value.and_then(Value::as_str).unwrap_or_default()
}

fn container(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]["containers"][0]
}

/// A line of the sidecar's configuration.
fn proxy_setting<'a>(deployment: &'a Value, key: &str) -> Option<&'a str> {
    let config =
        &deployment["spec"]["template"]["metadata"]["annotations"]["proxy.istio.io/config"];
    let lines = config.as_str()?.lines();
    let mut pairs = lines.filter_map(|line| line.trim().split_once(": "));
    pairs.find_map(|(name, value)| (name == key).then_some(value))
}

#[test]
fn every_deployment_belongs_to_its_cluster_by_name_label_and_node() {
    for (cluster, deployment) in workloads() {
        let app = text(&deployment, "/metadata/labels/app");
        let once = ["redis", "api-gateway"].contains(&app);
        let expected = if once {
            app.to_owned()
        } else {
            format!("{app}-{cluster}")
        };
        assert_eq!(text(&deployment, "/metadata/name"), expected);
        let template = &deployment["spec"]["template"];
        let labels = json!({"app": app, "version": "v1", "cluster": cluster});
        assert_eq!(template["metadata"]["labels"], labels, "{expected}");
        let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        let nodes = json!([{"matchExpressions": [{"key": "cluster-name", "operator": "In", "values": [cluster]}]}]);
        assert_eq!(template.pointer(terms), Some(&nodes), "{expected}");
        let spread = template["spec"]["topologySpreadConstraints"]
            .as_array()
            .unwrap();
        assert!(
            spread
                .iter()
                .any(|it| it["topologyKey"] == "kubernetes.io/hostname")
        );
        assert_eq!(template["spec"]["enableServiceLinks"], false, "{expected}");
    }
}

#[test]
fn every_container_is_confined_probed_and_bounded() {
    let confined = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    for (cluster, deployment) in workloads() {
        let name = format!("{cluster} {}", text(&deployment, "/metadata/name"));
        let container = container(&deployment);
        assert_eq!(container["securityContext"], confined, "{name}");
        for probe in ["livenessProbe", "readinessProbe"] {
            assert!(container[probe].is_object(), "{name} has a {probe}");
        }
        for bound in [
            "/resources/requests/cpu",
            "/resources/requests/memory",
            "/resources/limits/memory",
        ] {
            assert!(container.pointer(bound).is_some(), "{name} has {bound}");
        }
    }
}

#[test]
fn a_sidecar_outlives_its_service_and_the_kubelet_waits_for_both() {
    for (_, deployment) in workloads() {
        let name = text(&deployment, "/metadata/name");
        assert_eq!(
            proxy_setting(&deployment, "holdApplicationUntilProxyStarts"),
            Some("true")
        );
        if name == "redis" {
            continue;
        }
        let service = text(container(&deployment), "/name");
        let hook = &container(&deployment)["lifecycle"]["preStop"]["exec"]["command"];
        assert_eq!(hook, &json!([service, "wait-for-drain"]), "{name}");
        let sidecar = proxy_setting(&deployment, "terminationDrainDuration").unwrap();
        let sidecar = Duration::from_secs(sidecar.trim_end_matches('s').parse().unwrap());
        let grace = &deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"];
        let grace = Duration::from_secs(grace.as_u64().unwrap());
        let service = PRE_STOP + drain::GRACE + drain::LIMIT;
        assert!(
            service < sidecar,
            "{name}: {service:?} in the service, {sidecar:?} in its sidecar"
        );
        assert!(
            sidecar < grace,
            "{name}: {sidecar:?} in the sidecar, {grace:?} until SIGKILL"
        );
    }
}

#[test]
fn a_rollout_takes_nothing_away_before_its_successor_is_ready() {
    for (_, deployment) in workloads() {
        let strategy = &deployment["spec"]["strategy"];
        let expected = match text(&deployment, "/metadata/name") {
            "redis" => json!({"type": "Recreate"}),
            _ => {
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
            }
        };
        assert_eq!(strategy, &expected);
    }
}

#[test]
fn a_drain_of_nodes_takes_one_pod_of_a_service_at_a_time() {
    for cluster in OVERLAYS {
        let objects = lab::manifest::objects(cluster).unwrap();
        let budgets = objects
            .iter()
            .filter(|it| it["kind"] == "PodDisruptionBudget");
        let budgets: Vec<_> = budgets.map(|it| &it["spec"]).collect();
        for deployment in objects.iter().filter(|it| it["spec"]["replicas"] == 2) {
            let selector = &deployment["spec"]["selector"];
            let budget = json!({"maxUnavailable": 1, "selector": selector});
            assert!(
                budgets.contains(&&budget),
                "{} has no budget",
                super::name(deployment)
            );
        }
        assert_eq!(
            budgets.len(),
            3,
            "a budget for one pod would forbid to drain its node"
        );
    }
}

#[test]
fn the_gateways_sidecar_has_one_worker_and_shows_what_lessons_read() {
    let (_, gateway) = workloads()
        .into_iter()
        .find(|(_, it)| it["metadata"]["name"] == "api-gateway")
        .unwrap();
    assert_eq!(proxy_setting(&gateway, "concurrency"), Some("1"));
    let config = text(
        &gateway["spec"]["template"]["metadata"]["annotations"],
        "/proxy.istio.io~1config",
    );
    for family in [
        "outlier_detection",
        "circuit_breakers",
        "overflow",
        "lb_healthy_panic",
        "fault",
        "upstream_rq_",
    ] {
        assert!(
            config.contains(&format!("- .*{family}.*")),
            "no {family} in {config}"
        );
    }
}

#[test]
fn the_dashboard_may_read_and_never_write() {
    for cluster in OVERLAYS {
        for role in lab::manifest::objects(cluster).unwrap() {
            let Some(rules) = role["rules"].as_array() else {
                continue;
            };
            for rule in rules {
                assert_eq!(rule["verbs"], json!(["get", "list", "watch"]));
                let nodes = rule["resources"] == json!(["nodes"]);
                let everywhere = role["kind"] == "ClusterRole";
                assert_eq!(
                    nodes, everywhere,
                    "nodes, and only nodes, are read cluster-wide"
                );
            }
        }
    }
}
