//! The counts that real clusters gave for each lesson, judged as the lab's own are.

use std::collections::BTreeMap;
use std::path::Path;

use super::Expectation;
use super::sample::{Sample, Seen};

const TEST: Option<&str> = Some("x-circuit-test");
const CANARY: Option<&str> = Some("x-canary");

/// Lesson, service, header, answers of ctx1 and of ctx2, aborted, held back.
type Row = (
    &'static str,
    &'static str,
    Option<&'static str>,
    [u32; 2],
    u32,
    u32,
);

/// Two clusters with Istio 1.30.3, Envoy 1.40; 1,000 requests a row, 100 canaries.
#[rustfmt::skip]
const ROWS: [Row; 36] = [
    ("01-initial", "user", None, [692, 308], 0, 0),
    ("01-initial", "movie", None, [293, 707], 0, 0),
    ("01-initial", "booking", None, [497, 503], 0, 0),
    ("01-initial", "booking", CANARY, [0, 100], 0, 0),
    ("02-circuit-breaker", "user", None, [687, 313], 0, 0),
    ("02-circuit-breaker", "movie", None, [279, 721], 0, 0),
    ("02-circuit-breaker", "booking", None, [484, 516], 0, 0),
    ("02-circuit-breaker", "user", CANARY, [0, 100], 0, 0),
    ("03-delay-fault", "user", None, [690, 310], 0, 0),
    ("03-delay-fault", "movie", None, [289, 711], 0, 700),
    ("03-delay-fault", "movie", None, [289, 711], 0, 703),
    ("03-delay-fault", "movie", CANARY, [0, 100], 0, 0),
    ("03-delay-fault", "booking", None, [520, 480], 0, 0),
    ("03-delay-fault", "booking", CANARY, [0, 100], 0, 0),
    ("04-error-fault", "user", None, [472, 210], 318, 0),
    ("04-error-fault", "user", CANARY, [0, 100], 0, 0),
    ("04-error-fault", "user", TEST, [86, 0], 914, 0),
    ("04-error-fault", "user", TEST, [107, 0], 893, 0),
    ("04-error-fault", "user", TEST, [93, 0], 907, 0),
    ("04-error-fault", "movie", None, [283, 717], 0, 0),
    ("04-error-fault", "booking", None, [506, 494], 0, 0),
    ("05-block-fault", "user", None, [713, 287], 0, 0),
    ("05-block-fault", "movie", None, [314, 686], 0, 0),
    ("05-block-fault", "booking", None, [1_000, 0], 0, 0),
    ("05-block-fault", "booking", CANARY, [100, 0], 0, 0),
    ("06-sick-pod", "user", None, [2_316, 984], 0, 0),
    ("99-scenarios", "user", None, [494, 209], 297, 0),
    ("99-scenarios", "user", CANARY, [0, 100], 0, 0),
    ("99-scenarios", "user", TEST, [86, 0], 914, 0),
    ("99-scenarios", "user", TEST, [107, 0], 893, 0),
    ("99-scenarios", "user", TEST, [93, 0], 907, 0),
    ("99-scenarios", "movie", None, [306, 694], 0, 703),
    ("99-scenarios", "movie", CANARY, [0, 100], 0, 0),
    ("99-scenarios", "booking", None, [1_000, 0], 0, 0),
    ("99-scenarios", "booking", CANARY, [100, 0], 0, 0),
    ("02-circuit-breaker", "movie", CANARY, [0, 100], 0, 0),
];

#[test]
fn what_real_clusters_gave_fits_each_lessons_numbers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (lesson, service, header, [ctx1, ctx2], aborted, held) in ROWS {
        let all = ctx1 + ctx2 + aborted;
        let sample = Sample {
            service,
            header,
            requests: all,
        };
        let clusters = [("ctx1", ctx1), ("ctx2", ctx2)];
        let seen = Seen {
            all,
            by_cluster: BTreeMap::from(clusters.map(|(name, count)| (name.to_owned(), count))),
            aborted,
            held,
        };
        let figures = Expectation::of(&root, lesson)
            .unwrap()
            .judged(sample, &seen);
        let odd: Vec<_> = figures.iter().filter(|it| !it.fits()).collect();
        assert!(!figures.is_empty() && odd.is_empty(), "{lesson}: {odd:?}");
    }
}
