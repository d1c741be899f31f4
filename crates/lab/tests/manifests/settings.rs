//! What differs from course to course is said once, and cluster by cluster.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::kustomize::{kubectl, render, root};
use super::{OVERLAYS, name};

/// Folders that the overlays are made of.
const SOURCES: [&str; 3] = ["k8s", "practice", "ui"];
/// A domain with dots and a registry with a port, as courses have them.
const SETTINGS: &str = "DOMAIN=203.0.113.7.nip.io\nREGISTRY=registry.example.net:5000\nTAG=v2\nPROMETHEUS_NAMESPACE=monitoring\n";

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn one_file_sets_domain_registry_and_tag_everywhere() {
    let Some(kubectl) = kubectl() else { return };
    let folder = tempfile::tempdir().unwrap();
    for source in SOURCES {
        copy(&root().join(source), &folder.path().join(source));
    }
    let components = ["own-gateway", "ingress", "network-policies"]
        .map(|it| format!("- ../k8s/components/{it}\n"));
    let text = format!(
        "resources:\n- ../k8s/ctx1\ncomponents:\n{}",
        components.concat()
    );
    std::fs::create_dir(folder.path().join("ctx1")).unwrap();
    std::fs::write(folder.path().join("ctx1/kustomization.yaml"), text).unwrap();
    let file = folder.path().join("k8s/settings/settings.env");
    std::fs::write(file, SETTINGS).unwrap();

    for overlay in ["ctx1", "k8s/ctx2"] {
        let objects = render(kubectl, &folder.path().join(overlay));
        assert!(objects.iter().all(|it| name(it) != "ConfigMap /settings"));
        let rendered = serde_json::to_string(&objects).unwrap();
        for old in ["example.com\"", "theater.domain", ":tag", "\"registry/"] {
            assert!(!rendered.contains(old), "{overlay} still says {old}");
        }
        for object in &objects {
            check_images(object);
            check_hosts(object);
            check_prometheus(object);
        }
    }
}

fn check_images(object: &Value) {
    let containers = object.pointer("/spec/template/spec/containers");
    for container in containers.and_then(Value::as_array).into_iter().flatten() {
        let name = container["name"].as_str().unwrap();
        let image = container["image"].as_str().unwrap();
        let (place, tag) = image.rsplit_once(':').unwrap();
        assert_eq!(
            place,
            format!("registry.example.net:5000/theater-msa/{name}")
        );
        // Redis is mirrored under its own version.
        assert_eq!(tag == "v2", name != "redis", "{image}");
    }
}

/// Every public name, wherever an object says it.
fn check_hosts(object: &Value) {
    let pointer = match name(object).as_str() {
        "VirtualService istio-system/theater-msa" => "/spec/hosts/0",
        "Gateway istio-system/theater-gateway" => "/spec/servers/0/hosts/0",
        "Ingress theater-msa/theater-msa" => "/spec/rules/0/host",
        _ => return,
    };
    let host = object.pointer(pointer).unwrap();
    assert_eq!(host, "theater.203.0.113.7.nip.io", "{}", name(object));
}

fn check_prometheus(object: &Value) {
    if name(object) == "NetworkPolicy theater-msa/mesh" {
        let labels = "/spec/ingress/0/from/0/namespaceSelector/matchLabels";
        let expected = serde_json::json!({"kubernetes.io/metadata.name": "monitoring"});
        assert_eq!(object.pointer(labels), Some(&expected));
    }
}

#[test]
fn services_and_their_ports_are_the_same_in_both_clusters() {
    let services = |cluster: &str| -> BTreeMap<String, Value> {
        let objects = lab::manifest::objects(cluster).unwrap().into_iter();
        objects
            .filter(|it| it["kind"] == "Service")
            .map(|it| (name(&it), it["spec"].clone()))
            .collect()
    };
    let (mut ctx1, ctx2) = (services("ctx1"), services("ctx2"));
    assert!(ctx1.remove("Service theater-msa/api-gateway").is_some());
    assert_eq!(ctx1, ctx2);
    assert_eq!(ctx1.len(), 4);
    for (service, spec) in &ctx1 {
        for port in spec["ports"].as_array().unwrap() {
            assert!(port["name"].is_string(), "{service} names its port");
            assert!(port["appProtocol"].is_string(), "{service}: no sniffing");
        }
    }
}

/// The manual procedure: `kubectl apply -k k8s/ctx1 -l app=redis`, and so on.
#[test]
fn applying_step_by_step_leaves_nothing_out() {
    const APPS: [&str; 6] = [
        "redis",
        "user-service",
        "movie-service",
        "booking-service",
        "api-gateway",
        "theater-msa",
    ];
    for cluster in OVERLAYS {
        for object in lab::manifest::objects(cluster).unwrap() {
            let app = object["metadata"]["labels"]["app"].as_str();
            let by_label = app.is_some_and(|app| APPS.contains(&app));
            let rule = object["metadata"]["namespace"] == "theater-msa"
                && ["VirtualService", "DestinationRule"]
                    .contains(&object["kind"].as_str().unwrap());
            let by_file = object["kind"] == "Namespace" || rule;
            assert_ne!(
                by_label,
                by_file,
                "{cluster}: one step applies {}",
                name(&object)
            );
        }
    }
}
