//! A cluster from the failure of a host to its return, by given times and numbers.

use super::*;
use crate::config::{Balancing, Outlier, SlowStart, Threshold};
use crate::registry::Locality;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn od(errors: u32, interval: Duration, base: Duration, percent: u32) -> Outlier {
    Outlier {
        consecutive_5xx: Threshold::enforced(errors),
        interval,
        base_ejection_time: base,
        max_ejection_percent: percent,
        ..Outlier::default()
    }
}

fn hosts(count: usize) -> Vec<Host> {
    let host = |index: usize| Host {
        address: ([10, 1, 0, index as u8], 8080).into(),
        sni: None,
        weight: 1,
        priority: 0,
        locality_weight: 1,
        locality: Locality::default(),
        cluster: "ctx1".into(),
    };
    (0..count).map(host).collect()
}

/// A cluster by round robin.
struct Run {
    engine: Engine,
    hosts: usize,
}

impl Run {
    fn new(outlier: Outlier, count: usize) -> Self {
        let policy = Policy {
            balancing: Balancing::RoundRobin,
            outlier: Some(outlier),
            ..Policy::default()
        };
        Self {
            engine: Engine::new(&policy, &hosts(count), ms(0), 0, Counts::default()),
            hosts: count,
        }
    }

    fn pick(&mut self, now: Duration) -> Option<usize> {
        let choice = Choice {
            active: |_| 0,
            random: || 0,
            tried: |_| false,
            repicks: 0,
            hash: None,
            left: Vec::new(),
        };
        self.engine.pick(now, choice)
    }

    /// One request, which hosts that are `bad` fail; the status, none without a healthy host.
    fn request(&mut self, now: Duration, bad: &[usize]) -> Option<u16> {
        let host = self.pick(now)?;
        let status = if bad.contains(&host) { 500 } else { 200 };
        self.engine.report(host, Report::Answer { status }, now);
        Some(status)
    }

    fn ejected(&mut self, now: Duration) -> Vec<bool> {
        self.engine.health(self.hosts, now).ejected
    }
}

/// The answers to requests at an even pace while host 0 fails.
fn answers(run: &mut Run, requests: u64, every: Duration) -> Vec<Option<u16>> {
    (0..requests)
        .map(|number| run.request(every * number as u32, &[0]))
        .collect()
}

fn failures(answers: &[Option<u16>]) -> usize {
    answers
        .iter()
        .filter(|status| **status == Some(500))
        .count()
}

#[test]
fn one_bad_host_fails_as_often_as_its_threshold_says() {
    // Rows 72 and 73: hosts, percent, failures of 12 requests.
    for (hosts, percent, expected) in [(2, 50, 2), (2, 49, 6), (3, 33, 4), (3, 34, 2)] {
        let mut run = Run::new(od(2, ms(1000), ms(3000), percent), hosts);
        let answers = answers(&mut run, 12, ms(1));
        assert_eq!(failures(&answers), expected, "{hosts} hosts, {percent} %");
        assert!(answers.iter().all(Option::is_some));
    }
}

#[test]
fn the_only_host_is_lost_or_kept_as_percentage_and_panic_say() {
    // Rows 69, 70, 71: percent, minHealthPercent, failures of 6 and requests without a host.
    for (percent, panic_threshold, failed, lost) in [(50, 0, 6, 0), (100, 0, 2, 4), (100, 30, 6, 0)]
    {
        let rules = Outlier {
            panic_threshold,
            ..od(2, ms(1000), ms(3000), percent)
        };
        let mut run = Run::new(rules, 1);
        let answers = answers(&mut run, 6, ms(1));
        let without = answers.iter().filter(|status| status.is_none()).count();
        assert_eq!((failures(&answers), without), (failed, lost), "{percent} %");
        let health = run.engine.health(1, ms(6));
        assert_eq!(health.ejected, [percent == 100]);
        assert_eq!(health.counts.overflow, if percent == 50 { 3 } else { 0 });
        assert_eq!(
            health.counts.panics,
            if panic_threshold == 30 { 4 } else { 0 }
        );
    }
}

#[test]
fn a_second_ejection_within_a_second_is_told_a_second_late() {
    // Row 82: three hosts; host 1 turns bad 0.4 s after host 0 was ejected.
    let mut run = Run::new(od(1, ms(10_000), ms(30_000), 100), 3);
    run.engine.report(0, Report::Timeout, ms(100));
    run.engine.report(1, Report::Timeout, ms(500));
    assert_eq!(run.ejected(ms(500)), [true, true, false]);
    let picks = |run: &mut Run, now: u64| {
        let mut picks: Vec<_> = (0..4).filter_map(|_| run.pick(ms(now))).collect();
        picks.sort_unstable();
        picks.dedup();
        picks
    };
    assert_eq!(picks(&mut run, 1499), [1, 2]);
    assert_eq!(picks(&mut run, 1500), [2]);
}

#[test]
fn a_return_while_still_sick_costs_about_a_second_of_failures() {
    // Row 103: interval 10 s, base 30 s, 50 %, 20 requests a second to two hosts for 165 s.
    let mut run = Run::new(od(2, ms(10_000), ms(30_000), 50), 2);
    let failed: Vec<u64> = (80..3380)
        .map(|number| number * 50)
        .filter(|now| run.request(ms(*now), &[0]) == Some(500))
        .collect();
    // Two at once; after 30 to 40 s and after 60 to 70 s about a second long.
    let first: Vec<_> = failed.iter().filter(|at| **at < 10_000).collect();
    assert_eq!(first.len(), 2, "{failed:?}");
    let returns: Vec<&[u64]> = failed[2..].chunk_by(|a, b| b - a < 2_000).collect();
    let starts: Vec<u64> = returns.iter().map(|chunk| chunk[0] / 1000).collect();
    assert_eq!(starts, [40, 110], "{failed:?}");
    for chunk in returns {
        let length = chunk[chunk.len() - 1] - chunk[0];
        assert!((1000..=1300).contains(&length), "{chunk:?}");
        assert!((10..=13).contains(&chunk.len()), "{chunk:?}");
    }
}

#[test]
fn hosts_return_at_ticks_without_any_request() {
    let mut run = Run::new(od(1, ms(1000), ms(2000), 100), 2);
    run.engine.report(0, Report::Timeout, ms(500));
    assert_eq!(run.ejected(ms(2999)), [true, false]);
    assert_eq!(run.ejected(ms(3000)), [false, false]);
    // An hour later there is nothing to catch up with.
    assert_eq!(run.ejected(ms(3_600_000)), [false, false]);
}

#[test]
fn of_two_hosts_that_return_at_one_tick_the_balancer_learns_one_by_one() {
    let mut run = Run::new(od(1, ms(1000), ms(3000), 100), 2);
    run.engine.report(0, Report::Timeout, ms(0));
    run.engine.report(1, Report::Timeout, ms(0));
    assert_eq!(run.pick(ms(2999)), None);
    assert_eq!(run.ejected(ms(3000)), [false, false]);
    let both = |run: &mut Run, now| [run.pick(ms(now)), run.pick(ms(now))];
    assert_eq!(both(&mut run, 3999), [Some(0), Some(0)]);
    let mut later = both(&mut run, 4000);
    later.sort_unstable();
    assert_eq!(later, [Some(0), Some(1)]);
}

#[test]
fn new_endpoints_keep_who_is_away_and_tell_the_balancer_at_once() {
    let mut run = Run::new(od(1, ms(1000), ms(9000), 100), 3);
    run.engine.report(0, Report::Timeout, ms(100));
    run.engine.report(1, Report::Timeout, ms(200));
    assert!((0..3).any(|_| run.pick(ms(300)) == Some(1)), "told late");
    // Host 0 is gone, host 3 is new.
    run.engine
        .replace_hosts(&hosts(3), &[Some(1), Some(2), None], ms(400));
    assert_eq!(run.ejected(ms(400)), [true, false, false]);
    assert!((0..9).all(|_| run.pick(ms(400)) != Some(0)));
}

#[test]
fn without_detection_everybody_stays() {
    let policy = Policy::default();
    let mut engine = Engine::new(&policy, &hosts(1), ms(0), 0, Counts::default());
    for _ in 0..100 {
        engine.report(0, Report::Timeout, ms(0));
    }
    assert_eq!(engine.health(1, ms(0)).ejected, [false]);
}

#[test]
fn a_retry_goes_elsewhere_if_it_can_and_picking_again_is_bounded() {
    let mut run = Run::new(od(1, ms(1000), ms(1000), 100), 2);
    let picks = std::cell::Cell::new(0);
    let mut pick = |tried: &dyn Fn(usize) -> bool| {
        let choice = Choice {
            active: |_| 0,
            random: || 0,
            tried: |host| {
                picks.set(picks.get() + 1);
                tried(host)
            },
            repicks: 5,
            hash: None,
            left: Vec::new(),
        };
        run.engine.pick(ms(0), choice)
    };
    for tried in [0, 1, 0] {
        assert_eq!(pick(&|host| host == tried), Some(1 - tried));
    }
    picks.set(0);
    assert!(pick(&|_| true).is_some());
    assert_eq!(picks.get(), 5);
}

#[test]
fn counters_outlive_a_changed_policy_and_ejections_do_not() {
    let mut run = Run::new(od(1, ms(1000), ms(9000), 100), 1);
    run.engine.report(0, Report::Timeout, ms(0));
    let before = run.engine.health(1, ms(0));
    let policy = Policy {
        outlier: Some(od(2, ms(1000), ms(9000), 100)),
        ..Policy::default()
    };
    let mut changed = Engine::new(&policy, &hosts(1), ms(10), 0, before.counts);
    let after = changed.health(1, ms(10));
    assert_eq!((before.ejected, after.ejected), (vec![true], vec![false]));
    assert_eq!(after.counts.enforced.total(), 1);
}

/// What of 900 picks at a moment each of three hosts gets, the third of which came at 200 s.
fn shares_while_warming(balancing: Balancing, age: Duration) -> Vec<usize> {
    let policy = Policy {
        balancing,
        slow_start: Some(SlowStart {
            window: Duration::from_secs(100),
            aggression: 1.0,
            minimum: 0.1,
        }),
        ..Policy::default()
    };
    let mut engine = Engine::new(&policy, &hosts(2), ms(0), 0, Counts::default());
    let came = Duration::from_secs(200);
    engine.replace_hosts(&hosts(3), &[Some(0), Some(1), None], came);
    let mut run = Run { engine, hosts: 3 };
    let mut counts = vec![0; 3];
    // The weight of a moment counts from the next turn on.
    for number in 0..990 {
        let picked = run.pick(came + age).unwrap();
        counts[picked] += usize::from(number >= 90);
    }
    counts
}

#[test]
fn a_new_host_comes_to_its_share_little_by_little() {
    for balancing in [Balancing::RoundRobin, Balancing::LeastRequest] {
        let share = |seconds| shares_while_warming(balancing, Duration::from_secs(seconds))[2];
        let rows = [(0, 0.1), (25, 0.25), (50, 0.5), (100, 1.0), (500, 1.0)];
        for (seconds, part) in rows {
            let expected = 900.0 * part / (2.0 + part);
            let off = share(seconds) as f64 - expected;
            assert!(off.abs() < 2.0, "{balancing:?} after {seconds} s: {off}");
        }
    }
}
