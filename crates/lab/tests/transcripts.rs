//! Real kubectl against the lab prints what it printed against a real API server: every recorded
//! command in its order, compared part by part. What differs on purpose is a row of
//! `data/transcripts.deviations.yaml` with its reason; a row that no longer differs fails.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "transcripts/recording.rs"]
mod recording;
#[path = "transcripts/same.rs"]
mod same;
#[path = "transcripts/stage.rs"]
mod stage;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use recording::Block;
use same::comparable;
use serde::Deserialize;
use stage::Stage;
use support::Start;
use support::kubectl::{Printed, Shell};

/// The least share of recorded commands that print the same, in percent.
const EQUAL: usize = 89;

#[derive(Deserialize)]
struct Deviation {
    number: u32,
    reason: String,
    /// Only in some runs: two things happen at once.
    #[serde(default)]
    sometimes: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_prints_what_it_prints_against_a_real_cluster() {
    let Some(kubectl) = support::kubectl::current() else {
        return;
    };
    let lab = Start::with(&["--redis", "embedded", "--empty"]).up().await;
    let (files, blocks) = recording::read(include_str!("data/transcripts.md"));
    let deviations: Vec<Deviation> =
        serde_saphyr::from_str(include_str!("data/transcripts.deviations.yaml")).unwrap();
    let deviations: BTreeMap<u32, Deviation> = deviations
        .into_iter()
        .map(|row| (row.number, row))
        .collect();
    let stage = Stage::set(Shell::new(&kubectl, &lab.kubeconfig()), &files);

    let (mut equal, mut complaints) = (0, String::new());
    for block in &blocks {
        let printed = stage.play(block).await;
        let difference = difference(block, &printed);
        equal += usize::from(difference.is_none());
        match (difference, deviations.get(&block.number)) {
            (None, None) => {}
            (None, Some(row)) if row.sometimes => {}
            (Some(_), Some(row)) => eprintln!("{} deviates: {}", block.number, row.reason),
            (None, Some(row)) => {
                writeln!(
                    complaints,
                    "{} no longer deviates: {}",
                    block.number, row.reason
                )
                .unwrap();
            }
            (Some(difference), None) => complaints.push_str(&difference),
        }
    }
    eprintln!("{equal} of {} commands print the same", blocks.len());
    assert!(
        complaints.is_empty(),
        "{complaints}\n{equal} of {} equal",
        blocks.len()
    );
    assert!(
        equal * 100 >= blocks.len() * EQUAL,
        "{equal} of {}",
        blocks.len()
    );
}

/// What a reader must see to judge; none where all parts are the same.
fn difference(block: &Block, printed: &Printed) -> Option<String> {
    let mut text = format!("\n## {}. {}\n", block.number, block.command);
    let mut differs = block.exit != printed.exit;
    if differs {
        writeln!(text, "exit {} instead of {}", printed.exit, block.exit).unwrap();
    }
    for (part, recorded, seen) in [
        ("stdout", &block.stdout, &printed.stdout),
        ("stderr", &block.stderr, &printed.stderr),
    ] {
        let compared = |text| comparable(block.number, text);
        let (recorded, seen) = (compared(recorded), compared(seen));
        if recorded != seen {
            differs = true;
            write!(
                text,
                "--- {part} recorded\n{recorded}\n+++ {part} seen\n{seen}\n"
            )
            .unwrap();
        }
    }
    differs.then_some(text)
}
