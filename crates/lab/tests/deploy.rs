//! From an empty lab to the theater by plain kubectl, and the scripts that prepare a cluster.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::kubectl::{Printed, Shell};
use support::{Lab, Start};

const CONTEXTS: [&str; 2] = ["ctx1", "ctx2"];
/// What both clusters need until everything runs, on two busy cores.
const LIMIT: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    folder.canonicalize().unwrap()
}

/// An empty lab and a shell for it; none after a loud skip.
async fn empty() -> Option<(Lab, Shell)> {
    let kubectl = support::kubectl::current()?;
    let lab = Start::with(&["--redis", "embedded", "--empty"]).up().await;
    let shell = Shell::new(&kubectl, &lab.kubeconfig());
    Some((lab, shell))
}

async fn run(shell: &Shell, command: &str) -> Printed {
    shell.play(command, "", &root(), &[]).await
}

/// What a command prints that must succeed.
async fn ok(shell: &Shell, command: &str) -> String {
    let printed = run(shell, command).await;
    assert_eq!(printed.exit, 0, "{command}: {}", printed.all());
    printed.stdout
}

async fn deploy(shell: &Shell) {
    for context in CONTEXTS {
        ok(
            shell,
            &format!("kubectl apply -k k8s/{context} --context {context}"),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_kubectl_brings_up_both_clusters_from_nothing() {
    let Some((lab, shell)) = empty().await else {
        return;
    };
    deploy(&shell).await;
    for context in CONTEXTS {
        ok(&shell, &format!("kubectl wait deployment --all -n theater-msa --for=condition=Available --timeout=60s --context {context}")).await;
    }
    let mut answered = BTreeSet::new();
    testkit::wait::until("answers of both clusters", LIMIT, async || {
        let (_, cluster) = lab.cluster_of("/users/", None).await;
        answered.extend(cluster);
        answered.len() == 2
    })
    .await;
    what_one_cluster_writes_the_other_reads(&lab).await;
    a_second_apply_changes_nothing(&shell).await;
    one_step_of_the_manual_procedure(&shell).await;
}

async fn what_one_cluster_writes_the_other_reads(lab: &Lab) {
    let mut written = None;
    testkit::wait::until("a write in ctx1", LIMIT, async || {
        let body = json!({"name": "장보고", "email": "jang@example.com"});
        let request = lab.client.post(format!("{}/users/", lab.url));
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let here = answer.headers().get("x-service-cluster").cloned();
        assert_eq!(answer.status(), 201);
        written = answer.headers().get("location").cloned();
        here.is_some_and(|it| it == "ctx1")
    })
    .await;
    let path = written.unwrap().to_str().unwrap().to_owned();
    let read = lab.cluster_of(&path, Some(("x-canary", "true"))).await;
    assert_eq!(read, (200, Some("ctx2".to_owned())), "{path}");
}

/// kubectl always sends a budget's selector, because its merge strategy is `replace`, and says so.
const SENT_AGAIN: [&str; 3] = [
    "poddisruptionbudget.policy/booking-service configured",
    "poddisruptionbudget.policy/movie-service configured",
    "poddisruptionbudget.policy/user-service configured",
];

async fn a_second_apply_changes_nothing(shell: &Shell) {
    for context in CONTEXTS {
        let apply = format!("kubectl apply -k k8s/{context} --context {context}");
        let said = ok(shell, &apply).await;
        let others = said.lines().filter(|it| !it.ends_with(" unchanged"));
        assert_eq!(others.collect::<Vec<_>>(), SENT_AGAIN, "{context}");
        let generations = format!(
            "kubectl get pdb -n theater-msa -o 'jsonpath={{.items[*].metadata.generation}}' --context {context}"
        );
        assert_eq!(ok(shell, &generations).await, "1 1 1", "{context}");
    }
}

async fn one_step_of_the_manual_procedure(shell: &Shell) {
    let said = ok(
        shell,
        "kubectl apply -k k8s/ctx2 -l app=redis --context ctx2 -o name",
    )
    .await;
    let objects: Vec<_> = said.lines().collect();
    let redis = [
        "service/redis",
        "persistentvolumeclaim/redis-data",
        "deployment.apps/redis",
    ];
    assert_eq!(objects, redis);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_labelled_once_and_never_against_another_clusters_name() {
    let Some((_lab, shell)) = empty().await else {
        return;
    };
    let labels =
        "kubectl get nodes -o 'jsonpath={.items[*].metadata.labels.cluster-name}' --context";
    ok(
        &shell,
        "kubectl label nodes --all cluster-name- --context ctx1",
    )
    .await;
    ok(&shell, "scripts/label-nodes --dry-run").await;
    assert_eq!(
        ok(&shell, &format!("{labels} ctx1")).await,
        "",
        "a dry run writes nothing"
    );
    let said = ok(&shell, "scripts/label-nodes").await;
    assert!(said.contains("node/ctx1-node-1 labeled"), "{said}");
    assert!(said.contains("ctx2: no change"), "{said}");
    for context in CONTEXTS {
        let expected = format!("{context} {context}");
        assert_eq!(ok(&shell, &format!("{labels} {context}")).await, expected);
    }
    let said = ok(&shell, "scripts/label-nodes ctx1").await;
    assert!(said.starts_with("ctx1: no change"), "{said}");

    ok(
        &shell,
        "kubectl label node ctx2-node-2 cluster-name=ctx1 --overwrite --context ctx2",
    )
    .await;
    let refused = run(&shell, "scripts/label-nodes").await;
    assert_eq!(refused.exit, 1);
    assert!(
        refused
            .stderr
            .contains("node ctx2-node-2 of ctx2 says cluster-name=ctx1"),
        "{}",
        refused.stderr
    );
    ok(&shell, "scripts/label-nodes --overwrite ctx2").await;
    assert_eq!(ok(&shell, &format!("{labels} ctx2")).await, "ctx2 ctx2");

    for (words, exit, said) in [
        ("--all", 64, "no option --all"),
        ("ctx9", 1, "the nodes of ctx9 cannot be read"),
    ] {
        let refused = run(&shell, &format!("scripts/label-nodes {words}")).await;
        assert_eq!(refused.exit, exit, "{words}");
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
        assert!(refused.stderr.contains("next: "), "{}", refused.stderr);
    }
}

/// Where pods of ctx1 would reach a real ctx2.
const SERVER: &str = "https://api.ctx2.example.com:6443";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_remote_kubeconfig_is_made_of_a_read_only_accounts_token() {
    let Some((_lab, shell)) = empty().await else {
        return;
    };
    let script = format!("scripts/remote-kubeconfig --server {SERVER}");
    for (command, exit, said) in [
        ("scripts/remote-kubeconfig --now", 64, "no option --now"),
        (
            "scripts/remote-kubeconfig --from ctx9",
            1,
            "no context ctx9",
        ),
        (
            "scripts/remote-kubeconfig",
            1,
            "cannot be used by a pod of ctx1",
        ),
        (&script, 1, "ctx2 has no account api-gateway"),
    ] {
        let refused = run(&shell, command).await;
        assert_eq!(refused.exit, exit, "{command}: {}", refused.all());
        assert!(
            refused.stderr.contains(said),
            "{command}: {}",
            refused.stderr
        );
        assert!(
            refused.stderr.contains("next: "),
            "{command}: {}",
            refused.stderr
        );
    }
    deploy(&shell).await;
    let secrets = "kubectl get secrets -n theater-msa -o name --context";
    ok(&shell, &format!("{script} --dry-run")).await;
    for context in CONTEXTS {
        assert_eq!(
            ok(&shell, &format!("{secrets} {context}")).await,
            "",
            "a dry run writes nothing"
        );
    }
    let made = tokio::join!(run(&shell, &script), give_the_token(&shell)).0;
    assert_eq!(made.exit, 0, "{}", made.all());
    assert!(!made.all().contains("a-token"), "{}", made.all());
    let secret = "kubectl get secret remote-kubeconfig -n theater-msa --context ctx1 -o json";
    let secret: Value = serde_json::from_str(&ok(&shell, secret).await).unwrap();
    assert_eq!(
        secret["metadata"]["annotations"],
        Value::Null,
        "no copy of the token"
    );
    let kubeconfig = STANDARD
        .decode(secret["data"]["kubeconfig"].as_str().unwrap())
        .unwrap();
    let kubeconfig = lab::manifest::parse(&String::from_utf8(kubeconfig).unwrap()).unwrap();
    assert_eq!(kubeconfig, [expected_kubeconfig()]);
}

/// What a cluster's token controller does, which a lab without tokens does not have.
async fn give_the_token(shell: &Shell) {
    let secret = "secret/api-gateway-remote -n theater-msa --context ctx2";
    let there = format!("kubectl wait --for=create {secret} --timeout=30s");
    ok(shell, &there).await;
    let data = json!({"data": {"token": STANDARD.encode("a-token"), "ca.crt": STANDARD.encode("an authority")}});
    ok(
        shell,
        &format!("kubectl patch {secret} --type merge -p '{data}'"),
    )
    .await;
}

fn expected_kubeconfig() -> Value {
    let authority = STANDARD.encode("an authority");
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "ctx2",
        "clusters": [{"name": "ctx2", "cluster": {"server": SERVER, "certificate-authority-data": authority}}],
        "contexts": [{"name": "ctx2", "context": {"cluster": "ctx2", "namespace": "theater-msa", "user": "api-gateway"}}],
        "users": [{"name": "api-gateway", "user": {"token": "a-token"}}],
    })
}
