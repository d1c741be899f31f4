//! `deploy-all.sh` on empty clusters: it checks, deploys, verifies, and can be repeated.

use std::path::{Path, PathBuf};

use crate::interruption::interrupt;
use crate::stage::{Stage, lesson, root};
use crate::support::Start;
use crate::support::kubectl::Printed;

async fn empty() -> Option<Stage> {
    Stage::with(Start::with(&["--redis", "embedded", "--empty"])).await
}

async fn deploy(stage: &Stage, words: &str) -> Printed {
    deploy_from(&root(), stage, words).await
}

async fn deploy_from(checkout: &Path, stage: &Stage, words: &str) -> Printed {
    let script = checkout.join("deploy-all.sh");
    let command = format!("{} {words} </dev/null", script.display());
    stage.shell.run(&command).await
}

/// A copy of what is deployed, with the component that wants a password for Redis.
async fn with_password(stage: &Stage) -> PathBuf {
    let copy = stage.shell.home().join("copy");
    let chosen = format!(
        "mkdir {copy} && cd {root} && cp -r deploy-all.sh scripts k8s ui practice {copy} && printf '%s\\n' '- ../components/redis-password' >>{copy}/k8s/ctx2/kustomization.yaml",
        copy = copy.display(),
        root = root().display()
    );
    let printed = stage.shell.run(&chosen).await;
    assert_eq!(printed.exit, 0, "{}", printed.all());
    copy
}

/// The theater, as it is without the component.
async fn runs_without_password(stage: &Stage) {
    let k8s = root().join("k8s");
    let apply = ["ctx2", "ctx1"]
        .map(|it| format!("kubectl apply -k {0}/{it} --context {it}", k8s.display()));
    let ready = "kubectl rollout status deployment/user-service-ctx1 -n theater-msa --context ctx1 --timeout 60s";
    let command = format!("{} && {} && {ready}", apply[0], apply[1]);
    let printed = stage.shell.run(&command).await;
    assert_eq!(printed.exit, 0, "{}", printed.all());
}

/// While it checks, while it applies, while it waits: what goes on afterwards is what completes it.
async fn ctrl_c_can_be_followed_by_another_run(stage: &Stage) {
    let script: (&str, &[&str]) = ("deploy-all.sh", &["--lab"]);
    for moment in [("preflight", 100), ("apply", 50), ("rollouts", 0)] {
        let (exit, told) = interrupt(stage, script, moment).await;
        assert_eq!(exit, Some(130), "{moment:?}: {told}");
        for part in [
            "error: interrupted: what was begun is done",
            "next: run it again",
        ] {
            assert!(told.contains(part), "{moment:?}: {told}");
        }
    }
}

fn has(printed: &Printed, exit: i32, rows: &[&str]) {
    let all = printed.all();
    assert_eq!(printed.exit, exit, "{all}");
    for row in rows {
        assert!(all.contains(row), "{row} is missing in: {all}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_clusters_are_deployed_verified_and_deleted() {
    // The embedded store knows no passwords; everything else is the same with and without one.
    let has_passwords = testkit::tools::find_any(&["redis-server", "valkey-server"]).is_some();
    let store = if has_passwords { "auto" } else { "embedded" };
    let Some(stage) = Stage::with(Start::with(&["--redis", store, "--empty"])).await else {
        return;
    };
    a_dry_run_changes_nothing(&stage).await;
    ctrl_c_can_be_followed_by_another_run(&stage).await;
    let checkout = if has_passwords {
        runs_without_password(&stage).await;
        with_password(&stage).await
    } else {
        root()
    };
    both_are_deployed(&stage, &checkout, has_passwords).await;
    what_is_built_needs_a_new_tag(&stage).await;
    a_lesson_may_be_played_and_a_context_called_anything(&stage).await;
    what_is_gone_is_told_and_repaired(&stage, &checkout).await;
    deleting_wants_a_yes(&stage).await;
}

async fn a_dry_run_changes_nothing(stage: &Stage) {
    let printed = deploy(stage, "--lab --dry-run").await;
    let rows = [
        "ok       ctx1: Istio 1.22 or newer (by networking.istio.io/v1",
        "deployment.apps/user-service-ctx1 created (dry run)",
    ];
    has(&printed, 0, &rows);
    // An engine that does nothing: what would be built is said before what would be applied.
    let docker = stage.shell.home().join("tools/docker");
    std::os::unix::fs::symlink("/bin/false", docker).unwrap();
    let printed = deploy(stage, "--lab --dry-run --build --ctx1-only").await;
    let rows = [
        "docker build --build-arg BIN=user-service",
        "docker push harbor.example.com/theater-msa/user-service:v1",
        &format!("docker push {}", crate::images::redis()),
        "deployment.apps/user-service-ctx1 created (dry run)",
    ];
    has(&printed, 0, &rows);
    assert!(stage.specs("ctx1").await.is_empty(), "nothing was changed");
}

async fn both_are_deployed(stage: &Stage, checkout: &Path, has_passwords: bool) {
    let told = [
        "ctx1: Secret redis created",
        "ctx2: Secret redis created",
        "ctx1: pods are started again with the password",
    ];
    let printed = deploy_from(checkout, stage, "--lab").await;
    has(&printed, 0, &["the theater is up: http://127.0.0.1:"]);
    if has_passwords {
        has(&printed, 0, &told);
    }
    for missing in ["MISSING", "FAILED"] {
        assert!(!printed.stdout.contains(missing), "{}", printed.stdout);
    }
    for cluster in ["ctx1", "ctx2"] {
        assert_eq!(stage.specs(cluster).await, lesson("01-initial"));
    }
}

async fn what_is_built_needs_a_new_tag(stage: &Stage) {
    let rows = ["-service:v1 already", "nothing was built; raise TAG=v1"];
    has(&deploy(stage, "--lab --build --ctx2-only").await, 1, &rows);
}

/// A lesson that keeps bookings in ctx1 is no defect, and a context has any name that kubectl takes.
async fn a_lesson_may_be_played_and_a_context_called_anything(stage: &Stage) {
    apply(stage, "05-block-fault").await;
    let config = stage.lab.kubeconfig();
    let named = format!(
        "kubectl config set-context team/one --cluster ctx1 --kubeconfig {}",
        config.display()
    );
    assert_eq!(stage.shell.run(&named).await.exit, 0);
    let rows = [
        "ok       every pod of team/one is ready",
        "the theater is up",
    ];
    let printed = deploy(stage, "--lab --verify --context team/one").await;
    has(&printed, 0, &rows);
    apply(stage, "01-initial").await;
}

async fn apply(stage: &Stage, lesson: &str) {
    let practice = root().join("practice");
    let command = format!(
        "kubectl apply -k {}/{lesson} --context ctx1",
        practice.display()
    );
    let printed = stage.shell.run(&command).await;
    assert_eq!(printed.exit, 0, "{}", printed.all());
}

/// A rule of ctx2 is gone: what verifies says what fails and what to do, and repeating repairs it.
async fn what_is_gone_is_told_and_repaired(stage: &Stage, checkout: &Path) {
    let delete = "kubectl delete dr user-service-dr --context ctx2";
    let gone = stage.shell.run(delete).await;
    assert_eq!(gone.exit, 0, "{}", gone.all());
    let rows = [
        "FAILED   both clusters name the same subsets",
        "next: kubectl apply -k practice/01-initial --context ctx2",
        "FAILED   shares and faults fit the rules",
    ];
    has(&deploy(stage, "--lab --verify").await, 1, &rows);
    let repaired = deploy_from(checkout, stage, "--lab --ctx2-only").await;
    has(&repaired, 0, &["ctx2: ", " 1 created", "unchanged"]);
    assert!(
        !repaired.stdout.contains("Secret redis created"),
        "a password is kept"
    );
    assert_eq!(stage.specs("ctx2").await, lesson("01-initial"));
}

async fn deleting_wants_a_yes(stage: &Stage) {
    let refused = deploy(stage, "--lab --delete").await;
    has(&refused, 64, &["removes the data too", "add --yes"]);
    has(&deploy(stage, "--lab --delete --yes").await, 0, &[]);
    let get = "kubectl get namespace theater-msa --context ctx1";
    let left = stage.shell.run(get).await;
    assert!(left.stderr.contains("NotFound"), "{}", left.all());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_ctx2_the_rest_is_deployed_and_told() {
    let Some(stage) = empty().await else {
        return;
    };
    one_cluster_after_the_other(&stage).await;
    let known = std::fs::read_to_string(stage.lab.kubeconfig()).unwrap();
    let dead = known.replace(&stage.lab.api("ctx2"), "http://127.0.0.1:9");
    std::fs::write(stage.shell.home().join("kubeconfig"), dead).unwrap();
    let url = format!("APP_URL={}", stage.lab.url);
    let script = root().join("deploy-all.sh");
    let rolled_out = "deployment \"api-gateway\" successfully rolled out";
    let rows = [
        (
            "--remote-context ctx2",
            "ctx2 is left out: ",
            "127.0.0.1:9",
            rolled_out,
        ),
        (
            "--remote-context ctx9 --dry-run",
            "ctx9 is left out: ",
            "kubectl has no context ctx9",
            "(dry run)",
        ),
    ];
    for (words, left_out, why, done) in rows {
        let command = format!("{url} {} {words} </dev/null", script.display());
        let printed = stage.shell.run(&command).await;
        has(&printed, 2, &[left_out, why, done]);
    }
    let command = format!("{url} {} --ctx2-only </dev/null", script.display());
    has(
        &stage.shell.run(&command).await,
        69,
        &["ctx2 was not reached"],
    );
}

/// ctx1 waits for the only Redis, which ctx2 brings.
async fn one_cluster_after_the_other(stage: &Stage) {
    let waits = "ctx1: services get ready when they reach Redis in ctx2";
    let printed = deploy(stage, "--lab --ctx1-only").await;
    has(
        &printed,
        0,
        &["deployment \"api-gateway\" successfully", waits],
    );
    assert!(stage.specs("ctx2").await.is_empty());
    assert!(!printed.stdout.contains("verify"), "{}", printed.stdout);
    let printed = deploy(stage, "--lab --ctx2-only").await;
    has(&printed, 0, &["deployment \"redis\" successfully"]);
    for cluster in ["ctx1", "ctx2"] {
        assert_eq!(stage.specs(cluster).await, lesson("01-initial"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cluster_lacks_is_told_before_anything_is_changed() {
    let Some(stage) = empty().await else {
        return;
    };
    let commands = [
        "kubectl label nodes --all cluster-name- --context ctx1",
        "kubectl delete gateways.networking.istio.io cp-gateway -n istio-system --context ctx1",
        "kubectl delete storageclass standard --context ctx2",
        "kubectl create deployment istiod --image=docker.io/istio/pilot:1.20.4-distroless --replicas=0 -n istio-system --context ctx2",
    ];
    for command in commands {
        let printed = stage.shell.run(command).await;
        assert_eq!(printed.exit, 0, "{}", printed.all());
    }
    let rows = [
        "MISSING  ctx1: nodes labelled with their cluster's name",
        "next: scripts/label-nodes ctx1=ctx1",
        "MISSING  ctx1: the shared Gateway cp-gateway",
        "MISSING  ctx2: a default StorageClass",
        "MISSING  ctx2: Istio 1.22 or newer (istiod is 1.20.4-distroless)",
        "nothing was changed",
    ];
    has(&deploy(&stage, "--lab").await, 69, &rows);
    assert!(stage.specs("ctx1").await.is_empty());
    let rows = ["ctx1 has no namespace theater-msa", "deploy-all.sh"];
    has(&stage.demo("delay").await, 69, &rows);
    for (words, said) in [
        ("--verify --delete", "do not go together"),
        ("--ctx1-only --ctx2-only", "do not go together"),
        ("--verify --ctx1-only", "--verify looks at both clusters"),
        ("--delete --build", "--delete builds nothing"),
        ("now", "there is no option now"),
        ("--context", "--context needs a value"),
    ] {
        has(&deploy(&stage, words).await, 64, &[said]);
    }
}
