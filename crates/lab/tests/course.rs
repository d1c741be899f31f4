//! Every command that the course's documents print, run by real kubectl against the lab as it
//! deploys itself; and the tables in docs name each of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write as _;
use std::path::Path;

use regex::Regex;
use serde::Deserialize;
use support::Start;
use support::kubectl::{Printed, Shell};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// As the course prints it.
    seed: String,
    /// What is run instead, where that has a placeholder or another name.
    run: Option<String>,
    #[serde(default)]
    exit: i32,
    #[serde(default)]
    prints: Vec<String>,
    #[serde(default = "yes")]
    lab: bool,
}

fn yes() -> bool {
    true
}

fn rows(text: &str) -> Vec<Row> {
    serde_saphyr::from_str(text).unwrap()
}

const COURSE: &str = include_str!("data/course.yaml");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_courses_commands_work_in_the_lab() {
    let Some(kubectl) = support::kubectl::current() else {
        return;
    };
    play(&kubectl, COURSE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kubectl_of_2020_works_too() {
    let Some(kubectl) = support::kubectl::old() else {
        return;
    };
    play(&kubectl, include_str!("data/kubectl-1.20.yaml")).await;
}

async fn play(kubectl: &Path, text: &str) {
    let lab = Start::embedded().up().await;
    let shell = Shell::new(kubectl, &lab.kubeconfig()).env("APP_URL", &lab.url);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut complaints = String::new();
    for row in rows(text).iter().filter(|row| row.lab) {
        let command = row.run.as_ref().unwrap_or(&row.seed);
        let printed = shell.play(command, "", &root, &[]).await;
        for complaint in complaints_about(row, &printed) {
            writeln!(complaints, "{command}\n  {complaint}\n{}", printed.all()).unwrap();
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

fn complaints_about(row: &Row, printed: &Printed) -> Vec<String> {
    let mut complaints = Vec::new();
    if printed.exit != row.exit {
        complaints.push(format!("exit {} instead of {}", printed.exit, row.exit));
    }
    let missing = |pattern: &&String| !Regex::new(pattern).unwrap().is_match(&printed.all());
    complaints.extend(
        row.prints
            .iter()
            .filter(missing)
            .map(|it| format!("does not print {it}")),
    );
    complaints
}

#[test]
fn the_tables_in_docs_name_every_command_of_the_course() {
    for (name, table) in [
        ("commands.md", include_str!("../../../docs/commands.md")),
        (
            "commands.ko.md",
            include_str!("../../../docs/commands.ko.md"),
        ),
    ] {
        for row in rows(COURSE) {
            // In a table a bar is escaped.
            let cell = format!("| `{}` |", row.seed.replace('|', r"\|"));
            let line = table.lines().find(|line| line.starts_with(&cell));
            let line = line.unwrap_or_else(|| panic!("{name} does not name {}", row.seed));
            let works = line.split(" | ").nth(1) == Some("✓");
            assert_eq!(works, row.lab, "{name}: {line}");
        }
    }
}
