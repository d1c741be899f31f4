use super::*;

const SEC: Duration = Duration::from_secs(1);

/// `OD(errors, interval, base, percent)` of the conformance table, in seconds.
fn od(errors: u32, interval: u64, base: u64, percent: u32) -> Outlier {
    Outlier {
        consecutive_5xx: Threshold::enforced(errors),
        interval: SEC * interval as u32,
        base_ejection_time: SEC * base as u32,
        max_ejection_percent: percent,
        ..Outlier::default()
    }
}

/// A detector over some hosts, and its counters.
struct Run {
    detector: Detector,
    counts: Counts,
}

impl Run {
    fn new(rules: Outlier, hosts: usize) -> Self {
        Self {
            detector: Detector::new(rules, hosts, Duration::ZERO),
            counts: Counts::default(),
        }
    }

    fn at(&mut self, millis: u64, host: usize, report: Report) -> bool {
        let now = Duration::from_millis(millis);
        while let Some((at, host)) = self.detector.next_return().filter(|(at, _)| *at <= now) {
            self.detector.let_return(host, at);
        }
        self.detector.report(host, report, now, &mut self.counts)
    }

    /// Answers of host 0 at time 0; of which answer it was ejected.
    fn ejected_by(&mut self, statuses: &[u16]) -> Option<usize> {
        statuses
            .iter()
            .position(|status| self.at(0, 0, Report::Answer { status: *status }))
            .map(|index| index + 1)
    }
}

fn failure() -> Report {
    Report::Answer { status: 500 }
}

#[test]
fn only_failures_in_a_row_eject() {
    // Row 75.
    let row = [503, 503, 200, 503, 503, 404, 503, 500, 503];
    assert_eq!(Run::new(od(3, 1, 2, 100), 1).ejected_by(&row), Some(9));
    // Row 81: nothing written is 5 in a row.
    let defaults = Outlier {
        max_ejection_percent: 100,
        ..Outlier::default()
    };
    assert_eq!(Run::new(defaults, 1).ejected_by(&[500; 9]), Some(5));
    let off = od(0, 1, 2, 100);
    assert_eq!(Run::new(off, 1).ejected_by(&[500; 99]), None);
}

#[test]
fn gateway_failures_count_apart_and_a_500_ends_their_row() {
    // Row 76.
    let rules = Outlier {
        consecutive_gateway: Threshold::enforced(3),
        ..od(99, 1, 2, 100)
    };
    let mut run = Run::new(rules, 1);
    let row = [503, 502, 500, 503, 503, 504];
    assert_eq!(run.ejected_by(&row), Some(6));
    assert_eq!(run.counts.enforced.gateway_failure, 1);
    assert_eq!(run.counts.enforced.total(), 1);
}

#[test]
fn when_both_thresholds_are_reached_the_gateways_counts() {
    let rules = Outlier {
        consecutive_gateway: Threshold::enforced(2),
        ..od(2, 1, 2, 100)
    };
    let mut run = Run::new(rules, 1);
    assert_eq!(run.ejected_by(&[503, 503]), Some(2));
    let ByType {
        consecutive_5xx,
        gateway_failure,
        ..
    } = run.counts.detected;
    assert_eq!((consecutive_5xx, gateway_failure), (0, 1));
}

#[test]
fn gateway_failures_that_nobody_asked_about_are_detected_only() {
    let mut run = Run::new(od(99, 1, 2, 100), 1);
    assert_eq!(run.ejected_by(&[503; 10]), None);
    assert_eq!(run.counts.detected.gateway_failure, 2);
    assert_eq!((run.counts.enforced.total(), run.counts.overflow), (0, 0));
}

#[test]
fn tries_without_an_answer_count_as_503_and_504() {
    // Rows 77 and 78.
    for report in [Report::ConnectFailure, Report::Timeout] {
        let mut run = Run::new(od(2, 1, 2, 100), 1);
        assert!(!run.at(0, 0, report));
        // A connection that comes up is no answer yet.
        assert!(!run.at(0, 0, Report::Connected));
        assert!(run.at(0, 0, report), "{report:?}");
    }
}

#[test]
fn told_apart_they_have_a_threshold_of_their_own() {
    let rules = Outlier {
        consecutive_local_origin: Some(Threshold::enforced(5)),
        ..od(2, 1, 2, 100)
    };
    let mut run = Run::new(rules, 1);
    for _ in 0..4 {
        assert!(!run.at(0, 0, Report::ConnectFailure));
    }
    assert!(!run.at(0, 0, Report::Connected));
    for _ in 0..4 {
        assert!(!run.at(0, 0, Report::Timeout));
    }
    assert!(run.at(0, 0, Report::ConnectFailure));
    assert_eq!(run.counts.enforced.local_origin_failure, 1);
    // Answers count by themselves.
    assert_eq!(Run::new(rules, 1).ejected_by(&[503, 503]), Some(2));
}

#[test]
fn no_more_than_the_percentage_is_away_not_even_the_first() {
    // Rows 69, 70, 72, 73 and fact 1: hosts, percent, how many may be away.
    let rows = [
        (1, 50, 0),
        (1, 99, 0),
        (1, 100, 1),
        (2, 49, 0),
        (2, 50, 1),
        (2, 99, 1),
        (2, 100, 2),
        (3, 33, 0),
        (3, 34, 1),
        (3, 67, 2),
        (10, 10, 1),
        (9, 10, 0),
        (0, 100, 0),
    ];
    for (hosts, percent, expected) in rows {
        let mut run = Run::new(od(1, 1, 2, percent), hosts);
        let away = (0..hosts)
            .filter(|host| run.at(0, *host, failure()))
            .count();
        assert_eq!(away, expected, "{hosts} hosts, {percent} %");
        let refused = (hosts - expected) as u64;
        assert_eq!(run.counts.overflow, refused, "{hosts} hosts, {percent} %");
        assert_eq!(run.counts.detected.consecutive_5xx, hosts as u64);
    }
}

#[test]
fn a_refused_ejection_counts_again_after_as_many_failures() {
    let mut run = Run::new(od(2, 1, 3, 50), 1);
    assert_eq!(run.ejected_by(&[500; 6]), None);
    assert_eq!(run.counts.overflow, 3);
    // Envoy counts it also for what would not have been acted upon: five 503 in a row.
    assert_eq!(run.ejected_by(&[503; 5]), None);
    assert_eq!(run.counts.overflow, 6);
}

#[test]
fn a_host_that_is_away_is_not_ejected_again() {
    let mut run = Run::new(od(2, 1, 3, 100), 1);
    assert_eq!(run.ejected_by(&[500; 9]), Some(2));
    assert_eq!(run.ejected_by(&[500; 9]), None);
    assert_eq!(run.counts.detected.total(), 1);
}

#[test]
fn hosts_that_nobody_knows_are_ignored() {
    assert!(!Run::new(od(1, 1, 1, 100), 1).at(0, 7, failure()));
}

/// The times in milliseconds at which an always failing host leaves and returns.
fn absences(rules: Outlier, start: u64, until: u64) -> Vec<(u64, u64)> {
    let mut run = Run::new(rules, 1);
    let mut absences = Vec::new();
    // One request in 100 ms, only while it is here.
    for now in (start..until).step_by(100) {
        if run.at(now, 0, failure()) {
            let (returns, _) = run.detector.next_return().unwrap();
            absences.push((now, returns.as_millis() as u64));
        }
    }
    absences
}

#[test]
fn each_ejection_is_longer_and_ends_at_a_tick() {
    // Row 74 and e8 (2.67, 4.90, 6.88, 8.90 s): interval 1 s, base 2 s.
    let lengths: Vec<u64> = absences(od(3, 1, 2, 100), 130, 30_000)
        .iter()
        .map(|(left, returned)| {
            assert_eq!(returned % 1000, 0, "ticks are whole seconds");
            returned - left
        })
        .collect();
    assert_eq!(lengths.len(), 5);
    for (length, k) in lengths.iter().zip(1..) {
        assert!((2000 * k..2000 * k + 1000).contains(length), "{lengths:?}");
    }
    // Measured with 10 s and 30 s: 35.9 s, then 69.9 s.
    let lengths = absences(od(2, 10, 30, 100), 4_000, 150_000);
    assert_eq!(
        lengths,
        [(4_100, 40_000), (40_100, 110_000), (110_100, 210_000)]
    );
}

#[test]
fn nobody_is_away_for_more_than_five_minutes_or_one_base() {
    let rules = od(1, 1, 100, 100);
    let lengths: Vec<u64> = absences(rules, 0, 2_000_000)
        .iter()
        .map(|(left, returned)| (returned - left) / 1000)
        .collect();
    assert_eq!(lengths[..2], [100, 200]);
    assert!(lengths.len() > 6 && lengths[2..].iter().all(|length| *length == 300));
    let rules = od(1, 1, 400, 100);
    assert!(
        absences(rules, 0, 1_500_000)
            .iter()
            .all(|(a, b)| b - a == 400_000)
    );
}

#[test]
fn ticks_that_find_a_host_here_shorten_its_next_absence() {
    let mut run = Run::new(od(1, 1, 2, 100), 1);
    assert!(run.at(0, 0, failure()));
    // Back at 2 s, away for 4 s, back at 6 s with a back-off of 2.
    assert!(run.at(2_100, 0, failure()));
    let returns = |run: &Run| run.detector.next_return().map(|(at, _)| at);
    assert_eq!(returns(&run), Some(7 * SEC));
    // The tick at 8 s found it here: 2 × 2 s instead of 3 × 2 s.
    assert!(run.at(8_500, 0, failure()));
    assert_eq!(returns(&run), Some(13 * SEC));
    // Many ticks later it is as if it had never been away.
    assert!(run.at(100_000, 0, failure()));
    assert_eq!(returns(&run), Some(102 * SEC));
}

#[test]
fn a_host_returns_with_counters_from_zero() {
    let mut run = Run::new(od(2, 1, 1, 100), 1);
    assert_eq!(run.ejected_by(&[500, 500, 500, 500, 500]), Some(2));
    assert!(!run.at(1_500, 0, failure()));
    assert!(run.at(1_600, 0, failure()));
}

#[test]
fn hosts_that_stay_keep_their_state_and_others_begin() {
    let mut run = Run::new(od(2, 1, 30, 100), 3);
    assert!(!run.at(0, 0, failure()));
    assert!(!run.at(0, 2, failure()));
    assert!(run.at(0, 2, failure()));
    // 0 and 2 stay, in another order, with a new one between them; 1 is gone.
    run.detector.replace_hosts(&[Some(2), None, Some(0)]);
    let away: Vec<bool> = (0..3).map(|host| run.detector.is_away(host)).collect();
    assert_eq!(away, [true, false, false]);
    assert!(!run.at(0, 1, failure()));
    assert!(run.at(0, 2, failure()));
    // Who is gone is no longer away.
    run.detector.replace_hosts(&[Some(1)]);
    assert_eq!(run.detector.next_return(), None);
    assert!(run.at(0, 0, failure()), "room for the only one left");
}
