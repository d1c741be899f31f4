//! `build-images` and `check-images` as far as words and commands go; images themselves are checked by
//! hand (docs/images.md).

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::stage::root;

/// An engine that writes down what it is told, and fails where `BROKEN` names it.
const ENGINE: &str = "#!/bin/sh\necho \"$(basename \"$0\") $*\" >>\"$(dirname \"$0\")/told\"\n[ \"$(basename \"$0\")\" != \"$BROKEN\" ]\n";

/// Folders of PATH: one with these engines, and one with the few tools that the scripts need.
fn path_with(folder: &Path, engines: &[&str]) -> String {
    for tool in [
        "bash", "cat", "dirname", "basename", "mktemp", "rm", "sed", "git", "id", "uname",
    ] {
        let found = testkit::tools::find(tool).unwrap();
        symlink(found, folder.join(tool)).unwrap();
    }
    for engine in engines {
        let file = folder.join(engine);
        std::fs::write(&file, ENGINE).unwrap();
        std::fs::set_permissions(file, PermissionsExt::from_mode(0o755)).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

fn run(engines: &[&str], script: &str, words: &str) -> (Output, String) {
    run_broken(engines, "", script, words)
}

fn run_broken(engines: &[&str], broken: &str, script: &str, words: &str) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(root().join("scripts").join(script))
        .args(words.split_whitespace())
        .env("PATH", path_with(folder.path(), engines))
        .env("TMPDIR", folder.path())
        .env("BROKEN", broken)
        .output()
        .unwrap();
    let left = std::fs::read_dir(folder.path())
        .unwrap()
        .filter_map(Result::ok);
    let left: Vec<_> = left.filter(|it| it.file_type().unwrap().is_dir()).collect();
    assert!(left.is_empty(), "{script} {words}: {left:?}");
    let told = std::fs::read_to_string(folder.path().join("told")).unwrap_or_default();
    (output, told)
}

/// The image that ctx2 runs.
pub(crate) fn redis() -> String {
    let manifest = std::fs::read_to_string(root().join("k8s/ctx2/redis.yaml")).unwrap();
    let image = manifest
        .lines()
        .find_map(|it| it.trim().strip_prefix("image: "));
    image.unwrap().to_owned()
}

#[test]
fn what_is_wrong_is_said_before_anything_is_built() {
    let rows = [
        (
            "build-images",
            "--engine rocket",
            64,
            "unknown engine rocket",
        ),
        ("build-images", "--engine", 64, "--engine needs a value"),
        (
            "build-images",
            "--libc small",
            64,
            "unknown C library small",
        ),
        ("build-images", "--fast", 64, "there is no option --fast"),
        (
            "build-images",
            "user-service cinema",
            64,
            "there is no binary cinema",
        ),
        (
            "build-images",
            "--engine buildah",
            69,
            "buildah is not installed",
        ),
        (
            "build-images",
            "--platform linux/amd64,linux/arm64",
            64,
            "add --push",
        ),
        (
            "build-images",
            "--local --platform linux/s390x",
            64,
            "not for linux/s390x",
        ),
        ("check-images", "", 64, "no image is named"),
        ("check-images", "--engine docker", 64, "no image is named"),
        (
            "check-images",
            "--engine rocket a:v1",
            64,
            "unknown engine rocket",
        ),
        (
            "check-images",
            "--deeply a:v1",
            64,
            "there is no option --deeply",
        ),
        // Whatever is missing: nothing was checked, and nobody takes it for success.
        ("check-images", "--engine podman a:v1", 77, "SKIPPED: "),
    ];
    for (script, words, exit, said) in rows {
        let (output, told) = run(&["docker"], script, words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(exit),
            "{script} {words}: {stderr}"
        );
        assert!(stderr.contains(said), "{script} {words}: {stderr}");
        assert_eq!(told, "", "{script} {words}");
    }
    for script in ["build-images", "check-images"] {
        let words = if script == "build-images" { "" } else { "a:v1" };
        let (output, _) = run(&[], script, words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(69), "{script}: {stderr}");
        assert!(
            stderr.contains("none of docker, podman and buildah is installed"),
            "{stderr}"
        );
        let (output, _) = run(&[], script, "--help");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success());
        assert!(stdout.contains(&format!("scripts/{script} ")), "{stdout}");
    }
}

#[test]
fn the_first_engine_that_is_installed_builds_and_pushes_what_the_manifests_name() {
    let (output, told) = run(
        &["podman", "buildah"],
        "build-images",
        "--push user-service theater-lab",
    );
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<_> = told.lines().collect();
    let image = |bin: &str| format!("harbor.example.com/theater-msa/{bin}:v1");
    let [build, push, build_lab, push_lab] = &*lines else {
        panic!("{told}");
    };
    let package = "podman build --build-arg BIN=theater-lab --build-arg PACKAGE=lab ";
    assert!(
        build.starts_with("podman build --build-arg BIN=user-service "),
        "{build}"
    );
    assert!(
        build.contains(&format!(" -t {} ", image("user-service"))),
        "{build}"
    );
    assert_eq!(*push, format!("podman push {}", image("user-service")));
    assert!(build_lab.starts_with(package), "{build_lab}");
    assert_eq!(*push_lab, format!("podman push {}", image("theater-lab")));

    // Without words: the services, and the one image that is not ours, under its own version.
    let (output, told) = run(&["podman"], "build-images", "--push");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        told.lines()
            .filter(|it| it.starts_with("podman build "))
            .count(),
        4
    );
    let image = redis();
    let origin = image.replace("harbor.example.com/theater-msa", "docker.io/library");
    let mirrored =
        format!("podman pull {origin}\npodman tag {origin} {image}\npodman push {image}\n");
    assert!(told.ends_with(&mirrored), "{told}");

    // A dry run prints the same commands, and runs none.
    let (output, told_dry) = run(&["podman"], "build-images", "--dry-run --push");
    assert_eq!(String::from_utf8_lossy(&output.stdout), told);
    assert_eq!(told_dry, "");
}

#[test]
fn several_platforms_are_one_list() {
    let words = "--engine buildah --platform linux/amd64,linux/arm64 --registry r --tag t --push user-service";
    let (output, told) = run(&["buildah"], "build-images", words);
    assert!(output.status.success(), "{output:?}");
    assert!(
        told.starts_with("buildah manifest rm r/user-service:t\nbuildah build "),
        "{told}"
    );
    assert!(
        told.contains("--platform linux/amd64,linux/arm64 --manifest r/user-service:t "),
        "{told}"
    );
    assert!(
        told.ends_with("buildah manifest push --all r/user-service:t docker://r/user-service:t\n"),
        "{told}"
    );
}

#[test]
fn redis_for_several_platforms_is_copied_whole_or_not_at_all() {
    let several = "--platform linux/amd64,linux/arm64 user-service redis";
    let pushed = format!("--push {several}");
    let rows = [
        (&["podman"][..], several, 64, "add --push"),
        (&["podman"], &*pushed, 69, "skopeo is not installed"),
    ];
    for (engines, words, exit, said) in rows {
        let (output, told) = run(engines, "build-images", words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{words}: {stderr}");
        assert!(stderr.contains(said), "{words}: {stderr}");
        assert_eq!(told, "", "{words}");
    }
    for (engines, copier, copies) in [
        (&["podman", "skopeo"][..], "skopeo", "skopeo copy --all "),
        (&["docker"], "docker", "docker buildx imagetools create "),
    ] {
        let words = "--push --platform linux/amd64,linux/arm64 redis";
        let (output, told) = run(engines, "build-images", words);
        assert!(output.status.success(), "{output:?}");
        assert!(
            told.starts_with(copies) && told.lines().count() == 1,
            "{told}"
        );
        let (output, told) = run_broken(engines, copier, "build-images", words);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}
