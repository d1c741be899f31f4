//! Real kubectl renders the manifests.

use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

static KUBECTL: LazyLock<Option<PathBuf>> = LazyLock::new(find);

/// The repository.
pub(super) fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    folder.canonicalize().unwrap()
}

/// A kubectl whose kustomize suffices, as `k8s/versions.env` says; none after a loud skip.
pub(super) fn kubectl() -> Option<&'static Path> {
    KUBECTL.as_deref()
}

fn find() -> Option<PathBuf> {
    let least = super::setting("k8s/versions.env", "MIN_KUBECTL");
    let least: u32 = least.strip_prefix("1.").unwrap().parse().unwrap();
    let what = format!("kubectl 1.{least} or newer");
    testkit::tools::find_matching("kubectl", &what, |program| {
        minor(program).is_some_and(|minor| minor >= least)
    })
}

fn minor(program: &Path) -> Option<u32> {
    let words = ["version", "--client", "-o", "json"];
    let output = Command::new(program).args(words).output().ok()?;
    let version: Value = serde_json::from_slice(&output.stdout).ok()?;
    let minor = version["clientVersion"]["minor"].as_str()?;
    minor.trim_end_matches('+').parse().ok()
}

/// What `kubectl kustomize` prints for a folder.
pub(super) fn render(kubectl: &Path, folder: &Path) -> Vec<Value> {
    let output = Command::new(kubectl).arg("kustomize").arg(folder).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", folder.display());
    assert_eq!(said, "", "{}: nothing to warn of", folder.display());
    lab::manifest::parse(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

/// An overlay with further components, as a trainer's own kustomization adds them.
pub(super) fn render_with(kubectl: &Path, overlay: &str, components: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let way = way_to_the_repository(folder.path());
    let resource = format!("resources:\n- {way}/k8s/{overlay}\n");
    let mut text = format!("{resource}components:\n");
    for component in components {
        text += &format!("- {way}/k8s/components/{component}\n");
    }
    std::fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
    render(kubectl, folder.path())
}

/// kustomize wants relative paths.
fn way_to_the_repository(from: &Path) -> String {
    let from = from.canonicalize().unwrap();
    let steps = from
        .components()
        .filter(|it| matches!(it, Component::Normal(_)));
    format!(
        "{}{}",
        "../".repeat(steps.count()),
        &root().to_str().unwrap()[1..]
    )
}

/// Folders with a kustomization, below this one, by their path in the repository.
pub(super) fn folders(below: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(below)];
    while let Some(folder) = open.pop() {
        if folder.join("kustomization.yaml").exists() {
            let path = folder.strip_prefix(root()).unwrap();
            found.push(path.to_str().unwrap().to_owned());
        }
        let entries = std::fs::read_dir(&folder).unwrap().flatten();
        open.extend(entries.map(|it| it.path()).filter(|it| it.is_dir()));
    }
    found.sort();
    found
}
