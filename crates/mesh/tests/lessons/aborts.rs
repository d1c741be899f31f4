//! `docs/why-aborts-never-eject.md`: each figure of its table is computed here by the rules.

use std::time::Duration;

use mesh::engine::Report;

use crate::theater::{Dice, Lesson, choice, file};

const PAGES: [&str; 2] = [
    "docs/why-aborts-never-eject.md",
    "docs/why-aborts-never-eject.ko.md",
];
const REQUESTS: u32 = 200_000;
/// Of 100.
const FAILING: u64 = 50;
const PER_SECOND: f64 = 20.0;

/// The numbers of the second column of a page's table of figures, from top to bottom.
fn figures(page: &str) -> Vec<f64> {
    let text = file(page);
    let (_, table) = text.split_once("<!-- figures -->").unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with('|'));
    let cells = rows
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|row| row.split('|').nth(2).unwrap());
    cells
        .map(|cell| {
            let number = cell.trim_start().split([' ', '%']).next().unwrap();
            number.replace(',', "").parse().unwrap()
        })
        .collect()
}

#[test]
fn both_pages_tell_the_figures_that_the_rules_give() {
    let rules = Lesson::read("02-circuit-breaker");
    let measured = [
        share_of_failures(&rules),
        until_two_in_a_row(&rules),
        until_two_in_a_row(&rules) / PER_SECOND,
        requests_until_a_pod_is_out(&rules),
        aborted(&Lesson::read("04-error-fault")).0,
        aborted(&Lesson::read("04-error-fault")).1,
    ];
    for page in PAGES {
        let told = figures(page);
        assert_eq!(told.len(), measured.len(), "{page}");
        for (told, measured) in told.iter().zip(measured) {
            // 0 is exact; the rest was measured over 200,000 requests.
            assert!(
                (told - measured).abs() <= 0.05 * told,
                "{page}: {told}, not {measured}"
            );
        }
    }
}

/// Whether a request would fail if half of what goes to ctx2 did.
fn fails(rules: &Lesson, dice: &mut Dice) -> bool {
    let destination = rules.forward().destinations.pick(dice.throw());
    destination.cluster.contains("|ctx2|") && dice.throw() % 100 < FAILING
}

/// In percent of all requests.
fn share_of_failures(rules: &Lesson) -> f64 {
    let mut dice = Dice(1);
    let failed = (0..REQUESTS).filter(|_| fails(rules, &mut dice)).count();
    100.0 * failed as f64 / f64::from(REQUESTS)
}

/// Requests until two in a row have failed, on average.
fn until_two_in_a_row(rules: &Lesson) -> f64 {
    let (mut dice, mut pairs, mut before) = (Dice(2), 0, false);
    for _ in 0..REQUESTS {
        let failed = fails(rules, &mut dice);
        pairs += u32::from(failed && before);
        // Counting starts again after each pair, as a breaker's does.
        before = failed && !before;
    }
    f64::from(REQUESTS) / f64::from(pairs)
}

/// Answers of one pod that fails half of its requests until the lesson's breaker takes it out, on
/// average.
fn requests_until_a_pod_is_out(rules: &Lesson) -> f64 {
    let mut dice = Dice(3);
    let (mut asked, mut ejections) = (0_u32, 0_u32);
    while asked < REQUESTS {
        let mut engine = rules.engine("ctx1");
        while !engine.health(2, Duration::ZERO).ejected[0] {
            let status = if dice.throw() % 100 < FAILING {
                500
            } else {
                200
            };
            engine.report(0, Report::Answer { status }, Duration::ZERO);
            asked += 1;
        }
        ejections += 1;
    }
    f64::from(asked) / f64::from(ejections)
}

/// Lesson 04: aborts in percent of all requests, and ejections.
fn aborted(rules: &Lesson) -> (f64, f64) {
    let mut dice = Dice(4);
    let (mut ctx1, mut ctx2) = (rules.engine("ctx1"), rules.engine("ctx2"));
    let mut aborts = 0;
    let mut now = Duration::ZERO;
    for _ in 0..REQUESTS {
        now += Duration::from_millis(50);
        let destination = rules.forward().destinations.pick(dice.throw());
        // The filter stands before the router: an abort has no host, so there is nobody to blame.
        if rules
            .route()
            .fault
            .draw(dice.throw(), dice.throw())
            .abort
            .is_some()
        {
            aborts += 1;
            continue;
        }
        let engine = match destination.cluster.contains("|ctx1|") {
            true => &mut ctx1,
            false => &mut ctx2,
        };
        let host = engine.pick(now, choice(&mut dice)).unwrap();
        engine.report(host, Report::Answer { status: 200 }, now);
    }
    let ejections = [ctx1.health(2, now), ctx2.health(1, now)];
    let ejections: u64 = ejections.iter().map(|it| it.counts.enforced.total()).sum();
    (
        100.0 * f64::from(aborts) / f64::from(REQUESTS),
        ejections as f64,
    )
}
