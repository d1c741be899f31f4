//! What real kubectl says itself, or makes of refusals, against the lab: the recorded errors of
//! which only kubectl's side is there, word for word. Those with a raw answer are repeated in
//! `apiserver/tests/it/errors.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde::Deserialize;
use serde_json::json;
use support::Start;
use support::kubectl::{Printed, Shell};

const ROWS: &str = include_str!("data/errors.json");

/// What was there when they were recorded.
const WORLD: &str = "
kubectl create namespace b-err &&
kubectl create configmap c -n b-err --from-literal=a=1 &&
kubectl create deployment d -n b-err --image=none:1 --replicas=0 &&
kubectl run p -n b-err --image=none:1
";

/// Rows that print something else, and why.
const DEVIATIONS: &[(&str, &str)] = &[];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    case: String,
    command: String,
    #[serde(default)]
    stdin: String,
    exit: i32,
    stdout: String,
    stderr: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_refuses_as_against_a_real_cluster() {
    let Some(kubectl) = support::kubectl::current() else {
        return;
    };
    let lab = Start::with(&["--redis", "embedded", "--empty"]).up().await;
    let shell = Shell::new(&kubectl, &lab.kubeconfig());
    let made = shell.run(WORLD).await;
    assert_eq!(made.exit, 0, "{made:?}");
    let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
    let mut wrong = Vec::new();
    for row in &rows {
        let printed = shell
            .play(&here(&row.command), &input(&row.stdin), shell.home(), &[])
            .await;
        let deviates = DEVIATIONS.iter().any(|(case, _)| *case == row.case);
        match (is_same(row, &printed), deviates) {
            (false, false) => wrong.push(difference(row, &printed)),
            (true, true) => wrong.push(format!("{}: deviates no longer", row.case)),
            _ => {}
        }
    }
    let equal = rows.len() - DEVIATIONS.len();
    println!("{equal} of {} errors print the same", rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_deviation_names_a_row() {
    let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
    for (case, reason) in DEVIATIONS {
        assert!(rows.iter().any(|row| row.case == *case), "{case}");
        assert!(!reason.is_empty(), "{case}");
    }
}

fn is_same(row: &Row, printed: &Printed) -> bool {
    (row.exit, row.stdout.as_str(), row.stderr.as_str())
        == (printed.exit, &*printed.stdout, &*printed.stderr)
}

fn difference(row: &Row, printed: &Printed) -> String {
    format!(
        "{}\n  expected {} {:?} {:?}\n  found    {} {:?} {:?}",
        row.case, row.exit, row.stdout, row.stderr, printed.exit, printed.stdout, printed.stderr
    )
}

/// The recorded node as the lab has it.
fn here(command: &str) -> String {
    command.replace("b-node1", "ctx1-node-1")
}

/// The input as it was; one that was left out for its length, `(307311 bytes)`, at that length.
fn input(recorded: &str) -> String {
    let length = recorded
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(" bytes)"));
    let Some(length) = length.and_then(|text| text.parse::<usize>().ok()) else {
        return recorded.to_owned();
    };
    let large = |value: &str| {
        let metadata = json!({"name": "big", "namespace": "b-err"});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}})
            .to_string()
    };
    large(&"x".repeat(length - large("").len()))
}
