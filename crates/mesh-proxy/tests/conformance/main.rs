//! The conformance suite: the same rows on the Rust proxy and on a real Envoy.
//!
//! A case (`cases/*.yaml`) is a row of what Istio and Envoy were measured to do: rules, pods that
//! behave in a certain way, traffic, and what must come of it. One runner, two drivers:
//!
//! * [`driver::rust`]: the objects through `mesh::compile` into a `mesh_proxy::Proxy`;
//! * [`driver::envoy`]: what a real istiod made of the same objects (`data/istiod.jsonl`), in a real
//!   Envoy, with the case's pods in place of istiod's endpoints.
//!
//! ```text
//! case ─► pods (sockets) ─► driver (proxy before them) ─► traffic ─► expectation ─► table
//! ```

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod case;
mod driver;
mod expectation;
mod lag;
mod pods;
mod recording;
mod run;
mod suite;
mod table;
mod traffic;

#[path = "../it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "helpers of the other tests, of which these use a part"
)]
mod support;

use std::sync::LazyLock;

use case::Case;
use suite::Driver;
use table::Column;

/// As cases name them.
const DRIVERS: [&str; 2] = [Driver::Rust.name(), Driver::Envoy.name()];

static CASES: LazyLock<Vec<Case>> = LazyLock::new(selected);

/// Every case, or those of `CONFORMANCE_ROWS=47,74`.
fn selected() -> Vec<Case> {
    let mut cases = Case::all();
    if let Some(rows) = std::env::var_os("CONFORMANCE_ROWS") {
        let wanted: Vec<&str> = rows.to_str().unwrap().split(',').collect();
        cases.retain(|case| wanted.contains(&case.row.as_str()));
    }
    cases
}

/// The page with the table; `CONFORMANCE_WRITE=1` writes its table anew.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conformance.md");

#[test]
fn the_page_shows_the_table_of_the_cases() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (text, _) = page.split_once("| row |").expect("the page has a table");
    let wanted = format!("{text}{}", table::markdown(&Case::all(), DRIVERS));
    if std::env::var_os("CONFORMANCE_WRITE").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    assert!(
        page == wanted,
        "docs/conformance.md differs from the cases; CONFORMANCE_WRITE=1 writes it"
    );
}

/// Rows 98 and up belong to the lab with both clusters.
#[test]
fn every_row_that_is_configuration_has_a_case() {
    let numbers: Vec<u32> = Case::all().iter().map(Case::number).collect();
    let missing: Vec<u32> = (1..=97).filter(|row| !numbers.contains(row)).collect();
    assert_eq!(missing, [] as [u32; 0]);
}

/// The page names a function for each of them.
#[test]
fn every_row_of_two_clusters_is_shown_by_a_test_of_the_lab() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let page = std::fs::read_to_string(PAGE).unwrap();
    for row in 98..=105 {
        let begin = format!("| {row} | ");
        let lines: Vec<&str> = page.lines().filter(|it| it.starts_with(&begin)).collect();
        assert!(!lines.is_empty(), "row {row}");
        for line in lines {
            let shown_by = line.split(" | ").nth(3).unwrap();
            let mut named = shown_by.split('`').skip(1).step_by(2);
            let (file, function) = (named.next().unwrap(), named.next().unwrap());
            let source = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
            let definition = format!("fn {function}(");
            assert!(source.contains(&definition), "row {row}: {file} {function}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_the_same_on_the_rust_proxy_and_on_envoy() {
    let on_envoy = async {
        match testkit::envoy::find() {
            Some(_) => Some(suite::all(Driver::Envoy, &CASES).await),
            None => None,
        }
    };
    let (rust, envoy) = tokio::join!(suite::all(Driver::Rust, &CASES), on_envoy);
    let columns = [
        Column {
            driver: DRIVERS[0],
            outcomes: Some(rust),
        },
        Column {
            driver: DRIVERS[1],
            outcomes: envoy,
        },
    ];
    println!("{}", table::render(&CASES, &columns));
    let complaints = table::complaints(&CASES, &columns);
    assert!(
        complaints.is_empty(),
        "{} rows:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}
