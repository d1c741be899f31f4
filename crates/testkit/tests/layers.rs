//! Who may import whom, read from cargo's own metadata.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Every crate of ours and what of ours it may use. Nobody is in the right column of `lab`.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("common", &[]),
    ("user-service", &["common"]),
    ("movie-service", &["common"]),
    ("booking-service", &["common"]),
    ("api-gateway", &["common", "mesh"]),
    ("mesh", &[]),
    ("mesh-proxy", &["mesh"]),
    ("apimachinery", &[]),
    ("apiserver", &["apimachinery"]),
    ("embedded-redis", &[]),
    ("binomial", &[]),
    (
        "lab",
        &[
            "api-gateway",
            "apimachinery",
            "apiserver",
            "binomial",
            "booking-service",
            "common",
            "embedded-redis",
            "mesh",
            "mesh-proxy",
            "movie-service",
            "user-service",
        ],
    ),
    ("testkit", &["binomial", "common"]),
];

/// What would give `mesh` a socket, a clock or a die.
const IMPURE: [&str; 8] = [
    "tokio",
    "hyper",
    "reqwest",
    "rand",
    "fastrand",
    "mio",
    "axum",
    "getrandom",
];

fn packages() -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    metadata["packages"]
        .as_array()
        .expect("a workspace has packages")
        .clone()
}

/// Names of what a package uses in the product; tests may use more.
fn dependencies(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().unwrap().iter();
    let used = all.filter(|it| it["kind"].is_null());
    used.map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn crates_use_only_what_lies_below_them() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let packages = packages();
    assert_eq!(packages.len(), allowed.len(), "a new crate needs its row");
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let may = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no row"));
        for used in dependencies(package)
            .iter()
            .filter(|it| allowed.contains_key(it.as_str()))
        {
            assert!(may.contains(&used.as_str()), "{name} uses {used}");
        }
    }
}

#[test]
fn the_pure_crates_open_no_socket_read_no_clock_and_draw_no_number() {
    for pure in ["mesh", "apimachinery"] {
        let package = packages()
            .into_iter()
            .find(|it| it["name"] == pure)
            .unwrap();
        for used in dependencies(&package) {
            assert!(!IMPURE.contains(&used.as_str()), "{pure} uses {used}");
        }
    }
}

#[test]
fn the_gateway_has_no_balancer() {
    let gateway = packages()
        .into_iter()
        .find(|it| it["name"] == "api-gateway")
        .unwrap();
    let mesh = gateway["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "mesh")
        .unwrap()
        .clone();
    assert_eq!(mesh["uses_default_features"], false);
    assert_eq!(
        mesh["features"],
        serde_json::json!([]),
        "the gateway reads rules, it never routes"
    );
}
