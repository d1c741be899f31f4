//! `deploy-all.sh` on empty clusters: it checks, deploys, verifies, and can be repeated.

use crate::stage::{Stage, lesson, root};
use crate::support::Start;
use crate::support::kubectl::Printed;

async fn empty() -> Option<Stage> {
    Stage::with(Start::with(&["--redis", "embedded", "--empty"])).await
}

async fn deploy(stage: &Stage, words: &str) -> Printed {
    let script = root().join("deploy-all.sh");
    let command = format!("{} {words} </dev/null", script.display());
    stage.shell.run(&command).await
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
    let Some(stage) = empty().await else {
        return;
    };
    let printed = deploy(&stage, "--lab --dry-run").await;
    has(
        &printed,
        0,
        &["deployment.apps/user-service-ctx1 created (dry run)"],
    );
    assert!(stage.specs("ctx1").await.is_empty(), "nothing was changed");

    let printed = deploy(&stage, "--lab").await;
    has(&printed, 0, &["the theater is up: http://127.0.0.1:"]);
    for missing in ["MISSING", "FAILED"] {
        assert!(!printed.stdout.contains(missing), "{}", printed.stdout);
    }
    for cluster in ["ctx1", "ctx2"] {
        assert_eq!(stage.specs(cluster).await, lesson("01-initial"));
    }

    // A rule of ctx2 is gone: what verifies says what fails and what to do, and repeating repairs it.
    let gone = stage
        .shell
        .run("kubectl delete dr user-service-dr --context ctx2")
        .await;
    assert_eq!(gone.exit, 0, "{}", gone.all());
    let rows = [
        "FAILED   both clusters name the same subsets",
        "next: kubectl apply -k practice/01-initial --context ctx2",
        "FAILED   shares and faults fit the rules",
    ];
    has(&deploy(&stage, "--lab --verify").await, 1, &rows);
    let repaired = deploy(&stage, "--lab --ctx2-only").await;
    has(&repaired, 0, &["ctx2: ", " 1 created", "unchanged"]);
    assert_eq!(stage.specs("ctx2").await, lesson("01-initial"));

    let refused = deploy(&stage, "--lab --delete").await;
    has(&refused, 64, &["removes the data too", "add --yes"]);
    has(&deploy(&stage, "--lab --delete --yes").await, 0, &[]);
    let left = stage
        .shell
        .run("kubectl get namespace theater-msa --context ctx1")
        .await;
    assert!(left.stderr.contains("NotFound"), "{}", left.all());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_ctx2_the_rest_is_deployed_and_told() {
    let Some(stage) = empty().await else {
        return;
    };
    let known = std::fs::read_to_string(stage.lab.kubeconfig()).unwrap();
    let dead = known.replace(&stage.lab.api("ctx2"), "http://127.0.0.1:9");
    std::fs::write(stage.shell.home().join("kubeconfig"), dead).unwrap();
    let url = format!("APP_URL={}", stage.lab.url);
    let script = root().join("deploy-all.sh");
    for (context, why) in [
        ("ctx2", "127.0.0.1:9"),
        ("ctx9", "kubectl has no context ctx9"),
    ] {
        let command = format!(
            "{url} {} --remote-context {context} </dev/null",
            script.display()
        );
        let printed = stage.shell.run(&command).await;
        let left_out = format!("warning: {context} is left out: ");
        has(
            &printed,
            2,
            &[
                &left_out,
                why,
                "deployment \"api-gateway\" successfully rolled out",
            ],
        );
    }
    let command = format!("{url} {} --ctx2-only </dev/null", script.display());
    has(
        &stage.shell.run(&command).await,
        69,
        &["ctx2 was not reached"],
    );
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
    ];
    for command in commands {
        let printed = stage.shell.run(command).await;
        assert_eq!(printed.exit, 0, "{}", printed.all());
    }
    let rows = [
        "MISSING  ctx1: nodes labelled with their cluster's name",
        "next: scripts/label-nodes",
        "MISSING  ctx1: the shared Gateway cp-gateway",
        "MISSING  ctx2: a default StorageClass",
        "nothing was changed",
    ];
    has(&deploy(&stage, "--lab").await, 69, &rows);
    assert!(stage.specs("ctx1").await.is_empty());
    for (words, said) in [
        ("--verify --delete", "do not go together"),
        ("--ctx1-only --ctx2-only", "do not go together"),
        ("now", "there is no option now"),
        ("--context", "--context needs a value"),
    ] {
        has(&deploy(&stage, words).await, 64, &[said]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_made_for_both_clusters_and_kept() {
    // The embedded store knows no passwords.
    if testkit::tools::find_any(&["redis-server", "valkey-server"]).is_none() {
        return;
    }
    let Some(stage) = Stage::with(Start::with(&["--redis", "auto", "--empty"])).await else {
        return;
    };
    // A copy of what is deployed, with the component chosen.
    let copy = stage.shell.home().join("copy");
    let chosen = format!(
        "mkdir {copy} && cd {root} && cp -r deploy-all.sh scripts k8s ui practice {copy} && printf '%s\\n' '- ../components/redis-password' >>{copy}/k8s/ctx2/kustomization.yaml",
        copy = copy.display(),
        root = root().display()
    );
    let printed = stage.shell.run(&chosen).await;
    assert_eq!(printed.exit, 0, "{}", printed.all());
    let command = format!("{}/deploy-all.sh --lab </dev/null", copy.display());
    let rows = [
        "ctx1: Secret redis created",
        "ctx2: Secret redis created",
        "the theater is up",
    ];
    has(&stage.shell.run(&command).await, 0, &rows);
    let only = format!(
        "{}/deploy-all.sh --lab --ctx2-only </dev/null",
        copy.display()
    );
    let again = stage.shell.run(&only).await;
    has(&again, 0, &["unchanged"]);
    assert!(
        !again.stdout.contains("Secret redis created"),
        "{}",
        again.stdout
    );
}
