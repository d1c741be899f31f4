//! The command line of a container's process.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, Pod, VolumeMount};

use super::image::Image;
use crate::store::Backend;

/// Arguments for this binary, so that it becomes the container; none for what is no process.
pub(super) fn arguments(
    image: Image,
    container: &Container,
    backend: &Backend,
    port: u16,
    volume: &Path,
) -> Option<Vec<String>> {
    let text = |text: &str| text.to_owned();
    let path = |path: &Path| path.display().to_string();
    let store = |role: &str| {
        vec![
            text("pod"),
            text(role),
            text("--port"),
            port.to_string(),
            text("--dir"),
            path(volume),
        ]
    };
    match (image, backend) {
        (Image::Proxy, _) | (Image::Redis, Backend::External(_)) => None,
        (Image::Service(name), _) => Some(vec![text("pod"), text(name)]),
        (Image::Redis, Backend::Embedded) => Some(store("embedded-redis")),
        (Image::Redis, Backend::Program(program)) => {
            let mut all = store("redis-server");
            all.extend([text("--program"), path(program), text("--")]);
            let mounts = container.volume_mounts.as_deref().unwrap_or_default();
            let arguments = allowed(container.args.as_deref().unwrap_or_default());
            all.extend(arguments.map(|argument| on_host(argument, mounts, volume)));
            Some(all)
        }
    }
}

/// Options of redis-server that cannot reach beyond its volume; others (`--logfile`,
/// `--loadmodule`, …) would act on this machine instead of a container, and are left out.
const REDIS_OPTIONS: [&str; 9] = [
    "--appendfsync",
    "--appendonly",
    "--databases",
    "--dir",
    "--loglevel",
    "--maxmemory",
    "--maxmemory-policy",
    "--requirepass",
    "--timeout",
];

/// The allowed options, each with the values that follow it.
fn allowed(arguments: &[String]) -> impl Iterator<Item = &String> {
    let mut allowed = false;
    arguments.iter().filter(move |argument| {
        if argument.starts_with("--") {
            allowed = REDIS_OPTIONS.contains(&argument.as_str());
        }
        allowed
    })
}

/// Whether a variable is about files of the image, which this machine has not: a path in it would
/// lead to a file of the host.
pub(super) fn is_of_the_image(variable: &str) -> bool {
    matches!(
        variable,
        "UI_DIR" | "REMOTE_KUBECONFIG" | "CONTROLS_TOKEN_FILE"
    ) || variable.starts_with("LD_")
        || variable.starts_with("DYLD_")
}

/// A path below a mount is a path below the volume's folder on this machine.
fn on_host(argument: &str, mounts: &[VolumeMount], volume: &Path) -> String {
    let below = |mount: &VolumeMount| {
        let rest = argument.strip_prefix(&mount.mount_path)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", volume.display()))
    };
    mounts
        .iter()
        .find_map(below)
        .unwrap_or_else(|| argument.to_owned())
}

/// The folder behind the container's first claim; without one, `scratch`, which goes with the pod.
pub(super) fn volume(pod: &Pod, volumes: &Path, scratch: PathBuf) -> PathBuf {
    let spec = pod.spec.as_ref();
    let claims = spec
        .and_then(|spec| spec.volumes.as_deref())
        .unwrap_or_default();
    let claim = claims
        .iter()
        .find_map(|volume| volume.persistent_volume_claim.as_ref());
    match claim {
        Some(claim) => {
            let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
            volumes.join(format!("{namespace}_{}", claim.claim_name))
        }
        None => scratch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn container() -> Container {
        from_value(json!({
            "name": "redis",
            "args": ["--dir", "/data", "--appendonly", "yes"],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }))
        .unwrap()
    }

    #[test]
    fn a_real_redis_gets_the_containers_arguments_and_an_embedded_one_needs_none() {
        let program = Backend::Program(PathBuf::from("/bin/redis-server"));
        let line = arguments(Image::Redis, &container(), &program, 6390, Path::new("/v"))
            .unwrap()
            .join(" ");
        assert_eq!(
            line,
            "pod redis-server --port 6390 --dir /v --program /bin/redis-server -- --dir /v --appendonly yes"
        );
        let line = arguments(
            Image::Redis,
            &container(),
            &Backend::Embedded,
            0,
            Path::new("/v"),
        )
        .unwrap()
        .join(" ");
        assert_eq!(line, "pod embedded-redis --port 0 --dir /v");
    }

    #[test]
    fn what_would_reach_the_host_is_left_out() {
        let given = [
            "--logfile",
            "/tmp/x",
            "--appendonly",
            "yes",
            "--loadmodule",
            "a.so",
            "b",
        ];
        let given = given.map(str::to_owned);
        let kept: Vec<&String> = allowed(&given).collect();
        assert_eq!(kept, ["--appendonly", "yes"]);
        for (variable, expected) in [("UI_DIR", true), ("LD_PRELOAD", true), ("PORT", false)] {
            assert_eq!(is_of_the_image(variable), expected, "{variable}");
        }
    }

    #[test]
    fn a_claim_outlives_the_pod_and_scratch_does_not() {
        let pod = |volumes| -> Pod {
            from_value(json!({"metadata": {"namespace": "n"}, "spec": {"containers": [], "volumes": volumes}})).unwrap()
        };
        let claimed =
            pod(json!([{"name": "d", "persistentVolumeClaim": {"claimName": "redis-data"}}]));
        let scratch = PathBuf::from("/s");
        assert_eq!(
            volume(&claimed, Path::new("/v"), scratch.clone()),
            Path::new("/v/n_redis-data")
        );
        assert_eq!(
            volume(&pod(json!([])), Path::new("/v"), scratch.clone()),
            scratch
        );
    }
}
