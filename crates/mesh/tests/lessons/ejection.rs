//! Lessons 02 and 06: when a sick pod is out, for how long, and what each return costs.

use std::time::Duration;

use mesh::engine::Report;

use crate::theater::{Dice, Lesson, choice};

const TICK: Duration = Duration::from_millis(50);
/// As long as the lesson was measured on real clusters, at 20 requests a second.
const RUN: Duration = Duration::from_secs(165);

/// What was seen of a sick pod in ctx1.
#[derive(Debug, Default)]
struct Seen {
    /// How long it was out, time after time.
    out: Vec<Duration>,
    /// Its failures before it was out first, after its first return, and so on.
    failures: Vec<u64>,
    /// How long it went on failing after each return.
    relapses: Vec<Duration>,
    /// Requests for ctx1, and for ctx2.
    shares: [u64; 2],
    ejections_of_ctx2: u64,
}

/// One of ctx1's pods answers 500 to everything, and half of what goes to ctx2 fails.
fn watch(lesson: &Lesson, seed: u64) -> Seen {
    let mut dice = Dice(seed);
    let (mut ctx1, mut ctx2) = (lesson.engine("ctx1"), lesson.engine("ctx2"));
    let mut seen = Seen {
        failures: vec![0],
        ..Seen::default()
    };
    let (mut since, mut returned) = (None, None);
    let mut now = Duration::ZERO;
    while now < RUN {
        now += TICK;
        match (since, ctx1.health(2, now).ejected[0]) {
            (None, true) => since = Some(now),
            (Some(began), false) => {
                seen.out.push(now - began);
                seen.failures.push(0);
                seen.relapses.push(Duration::ZERO);
                (since, returned) = (None, Some(now));
            }
            _ => {}
        }
        let cluster = &lesson.forward().destinations.pick(dice.throw()).cluster;
        if cluster.contains("|ctx1|") {
            seen.shares[0] += 1;
            let host = ctx1.pick(now, choice(&mut dice)).unwrap();
            let status = if host == 0 { 500 } else { 200 };
            if host == 0 {
                *seen.failures.last_mut().unwrap() += 1;
                let relapse = returned.map(|returned| now - returned);
                seen.relapses
                    .last_mut()
                    .into_iter()
                    .zip(relapse)
                    .for_each(|(it, new)| *it = new);
            }
            ctx1.report(host, Report::Answer { status }, now);
        } else {
            seen.shares[1] += 1;
            let host = ctx2.pick(now, choice(&mut dice)).unwrap();
            let status = if dice.throw().is_multiple_of(2) {
                500
            } else {
                200
            };
            ctx2.report(host, Report::Answer { status }, now);
        }
    }
    seen.ejections_of_ctx2 = ctx2.health(1, now).counts.enforced.total();
    seen
}

#[test]
fn a_sick_pod_is_out_and_returns_as_the_lesson_promises() {
    let lesson = Lesson::read("06-sick-pod");
    let expect = |key: &str| lesson.expect[&format!("sick_{key}")];
    let millis = |key: &str| Duration::from_millis(expect(key));
    let mut returns = Vec::new();
    for seed in 1..=20 {
        let seen = watch(&lesson, seed);
        assert_eq!(
            seen.failures[0],
            expect("ctx1_failures_before_ejection"),
            "{seen:?}"
        );
        let first = millis("ctx1_first_ejection_ms_min")..=millis("ctx1_first_ejection_ms_max");
        let second = millis("ctx1_second_ejection_ms_min")..=millis("ctx1_second_ejection_ms_max");
        assert!(
            first.contains(&seen.out[0]) && second.contains(&seen.out[1]),
            "{seen:?}"
        );
        // Measured on real clusters: an ejection reaches the balancer up to 1 s late.
        let longest = seen.relapses.iter().max().unwrap();
        assert!(*longest <= Duration::from_millis(1_300), "{seen:?}");
        // Its third time out takes the run to its end.
        returns.extend(seen.failures[1..=2].to_vec());
        assert_eq!(seen.ejections_of_ctx2, expect("ctx2_ejections"));
    }
    // How many requests a second holds is chance, but the pod gets every other one at the most.
    let most = expect("ctx1_failures_after_return_max");
    assert!(
        returns.iter().all(|it| (2..=most).contains(it)),
        "{returns:?}"
    );
    // Measured: 6 to 7 requests a second to the pod, 9 to 10 failures.
    let mean = returns.iter().sum::<u64>() as f64 / returns.len() as f64;
    assert!((7.0..=10.0).contains(&mean), "{mean} of {returns:?}");
}

#[test]
fn an_ejection_bends_no_share() {
    let lesson = Lesson::read("06-sick-pod");
    let shares = (1..=20).map(|seed| watch(&lesson, seed).shares);
    let [ctx1, ctx2] = shares.fold([0, 0], |[a, b], [ctx1, ctx2]| [a + ctx1, b + ctx2]);
    let percent = 100.0 * ctx1 as f64 / (ctx1 + ctx2) as f64;
    let promised = lesson.expect["user_ctx1_percent"] as f64;
    // 66,000 requests: five standard deviations are 0.9 points.
    assert!((percent - promised).abs() < 0.9, "{percent}");
}

#[test]
fn lesson_02_has_the_breaker_of_lesson_06_and_its_numbers() {
    let (two, six) = (
        Lesson::read("02-circuit-breaker"),
        Lesson::read("06-sick-pod"),
    );
    let outlier = two.cluster("ctx1").policy.outlier.unwrap();
    assert_eq!(Some(outlier), six.cluster("ctx1").policy.outlier);
    let millis = |time: Duration| time.as_millis() as u64;
    let numbers = [
        (
            "consecutive_errors",
            u64::from(outlier.consecutive_5xx.errors),
        ),
        ("interval_ms", millis(outlier.interval)),
        ("ejection_ms", millis(outlier.base_ejection_time)),
        ("max_ejection_percent", outlier.max_ejection_percent.into()),
        ("min_health_percent", outlier.panic_threshold.into()),
    ];
    for (key, number) in numbers {
        for lesson in [&two, &six] {
            assert_eq!(lesson.expect[&format!("outlier_{key}")], number, "{key}");
        }
    }
    let seen = watch(&two, 1);
    assert_eq!(seen.failures[0], 2, "{seen:?}");
    assert!(seen.out[0] >= Duration::from_secs(30) && seen.out[0] <= Duration::from_secs(40));
}
