//! What a container runs.

use std::net::SocketAddr;
use std::path::Path;

use common::applet;
use k8s_openapi::api::core::v1::{Container, Pod, VolumeMount};

use super::image::Image;
use crate::store::Backend;

/// What stands for a container's command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// This binary with these arguments.
    Process(Vec<String>),
    /// A store that somebody else runs.
    External(SocketAddr),
    /// A proxy: a task of the lab.
    Task,
    /// Work that the lab has no need of (redirecting a pod's connections): it has succeeded.
    Done,
    /// The image has no such executable.
    Missing(String),
}

/// What a container of this image runs.
pub(super) fn program(
    image: Image,
    container: &Container,
    backend: &Backend,
    port: u16,
    volume: &Path,
) -> Program {
    let command = container.command.as_deref().unwrap_or_default();
    let arguments = container.args.as_deref().unwrap_or_default();
    let line: Vec<String> = command.iter().chain(arguments).cloned().collect();
    match image {
        Image::Proxy => match line.first().map(String::as_str) {
            Some("istio-iptables") => Program::Done,
            _ => Program::Task,
        },
        Image::Service(name) if command.is_empty() => Program::Process(service(name, arguments)),
        Image::Service(name) => match executable(&line[0]) {
            own if is_own(name, own) => Program::Process(service(name, &line[1..])),
            other => applet_or_missing(other, &line),
        },
        Image::Curl => match line.first().map(|first| executable(first)) {
            Some(name) if applet::exists(name) => applet_or_missing(name, &line),
            // The image's entry point: arguments alone are curl's.
            _ if command.is_empty() => applet_of("curl", &line),
            _ => Program::Missing(line[0].clone()),
        },
        Image::Redis => redis(&line, container, backend, port, volume),
    }
}

fn redis(
    line: &[String],
    container: &Container,
    backend: &Backend,
    port: u16,
    volume: &Path,
) -> Program {
    let arguments = match line.first().map(|first| executable(first)) {
        Some("redis-server" | "valkey-server") => &line[1..],
        Some(option) if !option.starts_with('-') => return Program::Missing(line[0].clone()),
        _ => line,
    };
    let (port, dir) = (port.to_string(), volume.display().to_string());
    let store = |role: &str| pod(&[role, "--port", &port, "--dir", &dir]);
    match backend {
        Backend::External(address) => Program::External(*address),
        Backend::Embedded => Program::Process(store("embedded-redis")),
        Backend::Program(program) => {
            let mut all = store("redis-server");
            all.extend([
                "--program".to_owned(),
                program.display().to_string(),
                "--".to_owned(),
            ]);
            let mounts = container.volume_mounts.as_deref().unwrap_or_default();
            all.extend(allowed(arguments).map(|argument| on_host(argument, mounts, volume)));
            Program::Process(all)
        }
    }
}

fn pod(arguments: &[&str]) -> Vec<String> {
    let all = std::iter::once("pod").chain(arguments.iter().copied());
    all.map(str::to_owned).collect()
}

/// Whether an executable's name is that of the service's own binary; `app` is the entry point.
pub(super) fn is_own(service: &str, executable: &str) -> bool {
    executable == service || executable == "app"
}

fn service(name: &str, arguments: &[String]) -> Vec<String> {
    let mut all = pod(&[name, "--"]);
    all.extend_from_slice(arguments);
    all
}

fn applet_or_missing(name: &str, line: &[String]) -> Program {
    if applet::exists(name) {
        applet_of(name, &line[1..])
    } else {
        Program::Missing(line[0].clone())
    }
}

fn applet_of(name: &str, arguments: &[String]) -> Program {
    let mut all = pod(&["applet", name, "--"]);
    all.extend_from_slice(arguments);
    Program::Process(all)
}

/// The last part of a path: images have few executables, all in folders of PATH.
fn executable(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// containerd's words for a command that the image does not have.
pub(super) fn no_executable(name: &str) -> String {
    format!("exec: \"{name}\": executable file not found in $PATH")
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

/// Whether a variable could make a process read or load what is on this machine: the dynamic
/// linker's, and a kubeconfig of the manifest's, which may name programs to run and files to read.
pub(super) fn is_dangerous(variable: &str) -> bool {
    variable == "REMOTE_KUBECONFIG" || variable.starts_with("LD_") || variable.starts_with("DYLD_")
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

/// The first claim that a pod mounts.
pub(super) fn claim_of(pod: &Pod) -> Option<&str> {
    let volumes = pod.spec.as_ref()?.volumes.as_deref()?;
    let claim = volumes
        .iter()
        .find_map(|volume| volume.persistent_volume_claim.as_ref());
    claim.map(|claim| claim.claim_name.as_str())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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

    fn line(program: Program) -> String {
        match program {
            Program::Process(arguments) => arguments.join(" "),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_real_redis_gets_the_containers_arguments_and_an_embedded_one_needs_none() {
        let real = Backend::Program(PathBuf::from("/bin/redis-server"));
        let (container, volume) = (container(), Path::new("/v"));
        assert_eq!(
            line(program(Image::Redis, &container, &real, 6390, volume)),
            "pod redis-server --port 6390 --dir /v --program /bin/redis-server -- --dir /v --appendonly yes"
        );
        assert_eq!(
            line(program(
                Image::Redis,
                &container,
                &Backend::Embedded,
                0,
                volume
            )),
            "pod embedded-redis --port 0 --dir /v"
        );
    }

    #[test]
    fn a_container_runs_what_its_image_has_and_nothing_of_this_machine() {
        let rows = [
            (
                Image::Service("user-service"),
                json!({}),
                "pod user-service --",
            ),
            (
                Image::Service("user-service"),
                json!({"args": ["x"]}),
                "pod user-service -- x",
            ),
            (
                Image::Service("user-service"),
                json!({"command": ["/app"], "args": ["x"]}),
                "pod user-service -- x",
            ),
            (
                Image::Service("user-service"),
                json!({"command": ["curl"], "args": ["-s", "http://x"]}),
                "pod applet curl -- -s http://x",
            ),
            (
                Image::Service("user-service"),
                json!({"command": ["sh"]}),
                "Missing(\"sh\")",
            ),
            (
                Image::Curl,
                json!({"args": ["-s", "http://x"]}),
                "pod applet curl -- -s http://x",
            ),
            (
                Image::Curl,
                json!({"args": ["wget", "x"]}),
                "pod applet wget -- x",
            ),
            (
                Image::Curl,
                json!({"command": ["/bin/sh"]}),
                "Missing(\"/bin/sh\")",
            ),
            (Image::Redis, json!({"command": ["sh"]}), "Missing(\"sh\")"),
            (Image::Proxy, json!({"args": ["istio-iptables"]}), "Done"),
            (Image::Proxy, json!({"args": ["proxy", "sidecar"]}), "Task"),
        ];
        for (image, mut container, expected) in rows {
            container["name"] = json!("c");
            let container = from_value(container).unwrap();
            let found = program(image, &container, &Backend::Embedded, 0, Path::new("/v"));
            assert_eq!(line(found), expected, "{container:?}");
        }
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
        for (variable, expected) in [
            ("UI_DIR", false),
            ("LD_PRELOAD", true),
            ("REMOTE_KUBECONFIG", true),
        ] {
            assert_eq!(is_dangerous(variable), expected, "{variable}");
        }
    }
}
