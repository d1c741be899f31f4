//! The manifests: every kustomization renders and is accepted as strictly as by an API server, the
//! lab's copies are what kubectl renders, and what k8s/README.md promises holds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "manifests/habits.rs"]
mod habits;
#[path = "manifests/judge.rs"]
mod judge;
#[path = "manifests/kustomize.rs"]
mod kustomize;
#[path = "manifests/scenarios.rs"]
mod scenarios;
#[path = "manifests/settings.rs"]
mod settings;

use kustomize::{folders, kubectl, render, render_with, root};
use serde_json::{Value, json};

const OVERLAYS: [&str; 2] = ["ctx1", "ctx2"];
/// Components that the overlays include themselves.
const ALWAYS_ON: [&str; 2] = ["chaos", "cluster"];

/// `Kind namespace/name`.
fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, meta) = (text(&object["kind"]), &object["metadata"]);
    format!(
        "{kind} {}/{}",
        text(&meta["namespace"]),
        text(&meta["name"])
    )
}

/// A line `KEY=value` of a file that shells read too.
fn setting(file: &str, key: &str) -> String {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let value = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name == key).then(|| value.to_owned())
    });
    value.unwrap_or_else(|| panic!("{file} says no {key}"))
}

/// Components that are off by default, by their folders.
fn optional() -> Vec<String> {
    let all = folders("k8s/components").into_iter();
    let names = all.map(|it| it.rsplit('/').next().unwrap().to_owned());
    names
        .filter(|it| !ALWAYS_ON.contains(&it.as_str()))
        .collect()
}

#[test]
fn the_labs_copies_are_what_kubectl_renders() {
    let Some(kubectl) = kubectl() else { return };
    for cluster in OVERLAYS {
        let mut rendered = render(kubectl, &root().join("k8s").join(cluster));
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
fn every_kustomization_is_accepted_by_a_strict_api_server() {
    let Some(kubectl) = kubectl() else { return };
    let namespace = std::fs::read_to_string(root().join("k8s/base/namespace.yaml")).unwrap();
    let namespace = lab::manifest::parse(&namespace).unwrap();
    let bare = OVERLAYS.map(|it| (format!("k8s/{it}"), Vec::new()));
    let parts = folders("practice").into_iter().chain(["ui".to_owned()]);
    let parts = parts.map(|it| (it, namespace.clone()));
    for (row, mut objects) in bare.into_iter().chain(parts) {
        let rendered = render(kubectl, &root().join(&row));
        assert!(!rendered.is_empty(), "{row} has objects");
        objects.extend(rendered);
        judge::accepts(objects).unwrap_or_else(|why| panic!("{row}: {why}"));
    }
}

#[test]
fn every_component_alone_and_all_together_are_accepted_on_each_overlay() {
    let Some(kubectl) = kubectl() else { return };
    let optional = optional();
    let all: Vec<&str> = optional.iter().map(String::as_str).collect();
    let alone = all.iter().map(|it| vec![*it]);
    let plain = OVERLAYS.map(|it| (it, render_with(kubectl, it, &[])));
    for components in alone.chain([all.clone()]) {
        let mut effects = 0;
        for (overlay, plain) in &plain {
            let objects = render_with(kubectl, overlay, &components);
            effects += usize::from(objects != *plain);
            judge::accepts(objects)
                .unwrap_or_else(|why| panic!("{components:?} on {overlay}: {why}"));
        }
        assert!(effects > 0, "{components:?} changes something somewhere");
    }
}

#[test]
fn a_wrong_word_in_a_manifest_would_be_refused() {
    let mut objects = lab::manifest::objects("ctx1").unwrap();
    judge::accepts(objects.clone()).unwrap();
    let deployment = objects.iter_mut().find(|it| it["kind"] == "Deployment");
    deployment.unwrap()["spec"]["template"]["spec"]["containers"][0]["imagee"] = json!("x");
    let refusal = judge::accepts(objects).unwrap_err();
    assert!(
        refusal.contains("spec.template.spec.containers[0].imagee"),
        "{refusal}"
    );
}

#[test]
fn both_clusters_hold_the_rules_of_the_first_lesson() {
    let Some(kubectl) = kubectl() else { return };
    let rules = render(kubectl, &root().join("practice/01-initial"));
    assert_eq!(rules.len(), 6);
    for cluster in OVERLAYS {
        let embedded = lab::manifest::objects(cluster).unwrap();
        for rule in &rules {
            assert!(embedded.contains(rule), "{cluster} lacks {}", name(rule));
        }
    }
}

#[test]
fn the_readmes_name_every_component_and_the_least_versions() {
    for file in ["k8s/README.md", "k8s/README.ko.md"] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        for component in folders("k8s/components") {
            let folder = component.strip_prefix("k8s/").unwrap();
            let row = format!("]({folder})");
            assert!(text.contains(&row), "{file} has no row for {folder}");
        }
        for key in ["MIN_KUBECTL", "MIN_KUBERNETES", "MIN_ISTIO"] {
            let value = setting("k8s/versions.env", key);
            assert!(text.contains(&value), "{file} does not say {key}={value}");
        }
    }
}
