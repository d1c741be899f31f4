//! Real kubectl writes to the lab: it says and leaves behind what it does on a real cluster.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Lab, Start};
use tempfile::TempDir;

/// kubectl against the first cluster of a lab.
struct Kubectl {
    program: PathBuf,
    lab: Lab,
    home: TempDir,
}

/// What a command left: exit code, what it printed.
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Kubectl {
    /// None after a loud skip.
    async fn new() -> Option<Self> {
        let program = testkit::tools::find("kubectl")?;
        let lab = Start::embedded().up().await;
        let home = TempDir::new().unwrap();
        let this = Self { program, lab, home };
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b-ssa"}});
        this.run("create -f -", Some(&namespace)).ok();
        Some(this)
    }

    /// Runs the words of a command; `input` goes to its standard input.
    fn run(&self, words: &str, input: Option<&Value>) -> Said {
        let words = words
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        self.run_words(&words, input)
    }

    fn run_words(&self, words: &[String], input: Option<&Value>) -> Said {
        let mut child = Command::new(&self.program)
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.lab.state_dir.join("kubeconfig"))
            .args(["--context", "ctx1"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let text = input.map(Value::to_string).unwrap_or_default();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        Said {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn patch(&self, what: &str, format: &str, patch: &Value) -> Said {
        let mut words: Vec<_> = ["patch", "-n", "theater-msa"].map(str::to_owned).into();
        words.extend(what.split(' ').map(str::to_owned));
        words.extend([format!("--type={format}"), format!("--patch={patch}")]);
        self.run_words(&words, None)
    }

    fn metadata(&self, what: &str) -> Value {
        let said = self.run(
            &format!("get -n b-ssa {what} -o json --show-managed-fields"),
            None,
        );
        serde_json::from_str::<Value>(&said.stdout).unwrap()["metadata"].clone()
    }
}

impl Said {
    fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }
}

fn recorded() -> Value {
    serde_json::from_str(include_str!("../../apiserver/tests/data/apply.json")).unwrap()
}

#[tokio::test]
async fn server_side_applies_say_what_they_say_on_a_real_cluster() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    for recorded in recorded()["kubectl"].as_array().unwrap() {
        let command = recorded["command"].as_str().unwrap();
        let words = command.strip_prefix("kubectl ").unwrap();
        let said = kubectl.run(words, Some(&recorded["stdin"]));
        let found = json!([said.code, said.stdout, said.stderr]);
        assert_eq!(
            found,
            json!([recorded["exit"], recorded["stdout"], recorded["stderr"]]),
            "{command}"
        );
    }
}

#[tokio::test]
async fn an_object_moves_from_client_side_to_server_side_apply() {
    /// What differs from run to run. A time stands in the record where there was none.
    fn comparable(metadata: &Value) -> Value {
        let mut metadata = metadata.clone();
        for member in ["uid", "resourceVersion", "creationTimestamp"] {
            metadata.as_object_mut().unwrap().remove(member);
        }
        for owner in metadata["managedFields"].as_array_mut().unwrap() {
            owner.as_object_mut().unwrap().remove("time");
        }
        metadata
    }
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "csa", "namespace": "b-ssa"}, "data": {"x": "1"},
    });
    for (command, step) in [
        ("apply -f -", "afterClientSideApply"),
        ("apply --server-side -f -", "afterServerSideApplyByKubectl"),
    ] {
        kubectl.run(command, Some(&object)).ok();
        let recorded = comparable(&recorded()["migration"][step]);
        assert_eq!(comparable(&kubectl.metadata("cm csa")), recorded, "{step}");
    }
}

#[tokio::test]
async fn the_labs_own_objects_look_applied() {
    /// Of the page's ConfigMap the lab keeps no data: its program holds the page. A budget's
    /// selector is replaced as a whole, which kubectl sends and tells each time, anywhere.
    const CHANGED: [&str; 4] = [
        "configmap/ui configured",
        "poddisruptionbudget.policy/booking-service configured",
        "poddisruptionbudget.policy/movie-service configured",
        "poddisruptionbudget.policy/user-service configured",
    ];
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    let said = kubectl.run(
        &format!("apply -k {}/../../k8s/ctx1", env!("CARGO_MANIFEST_DIR")),
        None,
    );
    let said = said.ok();
    let changed: Vec<_> = said
        .lines()
        .filter(|line| !line.ends_with(" unchanged"))
        .collect();
    assert_eq!(changed, CHANGED);
}

#[tokio::test]
async fn everyday_changes_reach_their_objects() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    for (command, answer) in [
        (
            "label deploy/movie-service-ctx1 x=one",
            "deployment.apps/movie-service-ctx1 labeled\n",
        ),
        (
            "label deploy/movie-service-ctx1 x=one",
            "deployment.apps/movie-service-ctx1 not labeled\n",
        ),
        (
            "annotate svc/movie-service note=1",
            "service/movie-service annotated\n",
        ),
        (
            "set env deploy/movie-service-ctx1 LAB=1",
            "deployment.apps/movie-service-ctx1 env updated\n",
        ),
        (
            "set env deploy/movie-service-ctx1 LAB-",
            "deployment.apps/movie-service-ctx1 env updated\n",
        ),
        (
            "scale deploy/movie-service-ctx1 --replicas=1",
            "deployment.apps/movie-service-ctx1 scaled\n",
        ),
        (
            "taint node ctx1-node-1 k=v:PreferNoSchedule",
            "node/ctx1-node-1 tainted\n",
        ),
        ("taint node ctx1-node-1 k-", "node/ctx1-node-1 untainted\n"),
    ] {
        assert_eq!(
            kubectl.run(&format!("-n theater-msa {command}"), None).ok(),
            answer,
            "{command}"
        );
    }
}

/// kubectl waits until the object is gone; a limit that is met is an exit code of its own.
#[tokio::test]
async fn a_deletion_that_waits_for_dependents_ends_for_every_kind() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    for command in [
        "vs user-service-vs --cascade=orphan",
        "dr user-service-dr --cascade=foreground",
        "deploy movie-service-ctx1 --cascade=foreground",
        "deploy user-service-ctx1 --cascade=orphan",
    ] {
        let command = format!("-n theater-msa delete {command} --timeout=20s");
        kubectl.run(&command, None).ok();
    }
    let left = kubectl
        .run("-n theater-msa get replicasets,pods -o name", None)
        .ok();
    let of = |service: &str| left.lines().filter(|line| line.contains(service)).count();
    assert_eq!((of("movie-service"), of("user-service")), (0, 3));
}

#[tokio::test]
async fn every_format_of_patch_changes_an_object_or_says_why_not() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    let patched = "service/movie-service patched\n";
    for (format, patch) in [
        (
            "strategic",
            json!({"spec": {"ports": [{"port": 90, "name": "more"}]}}),
        ),
        (
            "strategic",
            json!({"spec": {"ports": [{"port": 90, "$patch": "delete"}]}}),
        ),
        ("merge", json!({"metadata": {"labels": {"z": "1"}}})),
        (
            "json",
            json!([{"op": "remove", "path": "/metadata/labels/z"}]),
        ),
    ] {
        assert_eq!(
            kubectl.patch("svc movie-service", format, &patch).ok(),
            patched,
            "{patch}"
        );
    }
    let nameless = json!({"spec": {"ports": [{"name": "x"}]}});
    let said = kubectl.patch("svc movie-service", "strategic", &nameless);
    let words = "Error from server: map: map[name:x] does not contain declared merge key: port\n";
    assert_eq!((said.code, said.stderr.as_str()), (1, words));
    let said = kubectl.patch("vs movie-service-vs", "strategic", &json!({"spec": {}}));
    assert!(said.stderr.starts_with(
        "error: application/strategic-merge-patch+json is not supported by networking.istio.io/v1, Kind=VirtualService: "
    ));
}
