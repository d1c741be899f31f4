//! The embedded manifests are what kubectl renders, and every kustomization renders.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A kubectl whose kustomize is of this decade; none after a loud skip.
fn kubectl() -> Option<PathBuf> {
    testkit::tools::find_matching("kubectl", "kubectl 1.27 or newer", |program| {
        let output = Command::new(program)
            .args(["version", "--client", "-o", "json"])
            .output();
        let version: Option<Value> = output
            .ok()
            .and_then(|it| serde_json::from_slice(&it.stdout).ok());
        let minor = version.and_then(|it| {
            it["clientVersion"]["minor"]
                .as_str()?
                .trim_end_matches('+')
                .parse::<u32>()
                .ok()
        });
        minor.is_some_and(|minor| minor >= 27)
    })
}

fn render(kubectl: &Path, folder: &str) -> Vec<Value> {
    let output = Command::new(kubectl)
        .arg("kustomize")
        .arg(root().join(folder))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{folder}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    lab::manifest::parse(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

#[test]
fn the_labs_copies_are_what_kubectl_renders() {
    let Some(kubectl) = kubectl() else { return };
    for cluster in ["ctx1", "ctx2"] {
        let mut rendered = render(&kubectl, &format!("k8s/{cluster}"));
        for object in &mut rendered {
            if object["kind"] == "ConfigMap" && object["metadata"]["name"] == "ui" {
                object["data"] = json!({});
            }
        }
        let embedded = lab::manifest::objects(cluster).unwrap();
        assert_eq!(
            embedded, rendered,
            "render k8s/{cluster} into crates/lab/manifests/{cluster}.yaml: scripts/render-lab-manifests"
        );
    }
}

#[test]
fn every_kustomization_renders() {
    let Some(kubectl) = kubectl() else { return };
    for entry in std::fs::read_dir(root().join("practice"))
        .unwrap()
        .flatten()
    {
        if entry.path().join("kustomization.yaml").exists() {
            let folder = format!("practice/{}", entry.file_name().to_str().unwrap());
            let kinds: Vec<_> = render(&kubectl, &folder)
                .iter()
                .map(|it| it["kind"].clone())
                .collect();
            assert_eq!(
                kinds
                    .iter()
                    .filter(|kind| *kind == "DestinationRule")
                    .count(),
                3,
                "{folder}"
            );
            assert_eq!(
                kinds
                    .iter()
                    .filter(|kind| *kind == "VirtualService")
                    .count(),
                3,
                "{folder}"
            );
        }
    }
}

#[test]
fn both_clusters_hold_the_rules_of_the_first_lesson() {
    let lesson = |file: &str| {
        let text = std::fs::read_to_string(root().join("practice/01-initial").join(file)).unwrap();
        lab::manifest::parse(&text).unwrap()
    };
    for cluster in ["ctx1", "ctx2"] {
        let embedded = lab::manifest::objects(cluster).unwrap();
        for rule in lesson("destinationrules.yaml")
            .into_iter()
            .chain(lesson("virtualservices.yaml"))
        {
            assert!(
                embedded.contains(&rule),
                "{cluster} lacks {}",
                rule["metadata"]["name"]
            );
        }
    }
}

#[test]
fn the_external_rule_stays_where_the_ingress_is() {
    let objects = lab::manifest::objects("ctx1").unwrap();
    let rule = objects
        .iter()
        .find(|it| it["kind"] == "VirtualService" && it["metadata"]["name"] == "theater-msa")
        .unwrap();
    assert_eq!(rule["metadata"]["namespace"], "istio-system");
}
