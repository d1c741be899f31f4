//! What else was measured with lesson 06's rules on real clusters: a pod that is healed, and a subset
//! whose pods are all sick, under three policies. The measured counts stand beside each test.

use std::time::Duration;

use mesh::config::Outlier;
use mesh::engine::{Counts, Engine, Report};

use crate::theater::{Dice, Lesson, choice};

/// At 20 requests a second.
const TICK: Duration = Duration::from_millis(50);

/// Both clusters as the gateway's sidecar sees them.
struct Ward {
    lesson: Lesson,
    ctx1: Engine,
    ctx2: Engine,
    dice: Dice,
    now: Duration,
}

/// What became of requests.
#[derive(Debug, Default)]
struct Seen {
    /// Of a healthy and of a sick pod of ctx1.
    fine: u32,
    failed: u32,
    /// For ctx1, where nobody could be asked.
    nobody: u32,
    /// From ctx2, whose pods are healthy.
    ctx2: u32,
}

impl Seen {
    /// The whole share of ctx1 is what the weights promise: within five standard deviations.
    fn keeps_its_shares(&self) -> bool {
        let ctx1 = f64::from(self.fine + self.failed + self.nobody);
        let all = ctx1 + f64::from(self.ctx2);
        (ctx1 - 0.7 * all).abs() <= 5.0 * (0.21 * all).sqrt()
    }
}

impl Ward {
    /// Lesson 06, where this policy stands in place of its own.
    fn open(change: impl Fn(&mut Outlier)) -> Self {
        let lesson = Lesson::read("06-sick-pod");
        let engine = |subset| {
            let cluster = lesson.cluster(subset);
            let mut policy = cluster.policy.clone();
            change(policy.outlier.as_mut().unwrap());
            Engine::new(
                &policy,
                &cluster.hosts,
                Duration::ZERO,
                7,
                Counts::default(),
            )
        };
        let (ctx1, ctx2) = (engine("ctx1"), engine("ctx2"));
        Self {
            ctx1,
            ctx2,
            lesson,
            dice: Dice(11),
            now: Duration::ZERO,
        }
    }

    /// So many requests, while pods of ctx1 are sick or not.
    fn ask(&mut self, requests: u32, sick: [bool; 2]) -> Seen {
        let mut seen = Seen::default();
        for _ in 0..requests {
            self.now += TICK;
            let weights = &self.lesson.forward().destinations;
            let is_ctx1 = weights.pick(self.dice.throw()).cluster.contains("|ctx1|");
            let cluster = if is_ctx1 {
                &mut self.ctx1
            } else {
                &mut self.ctx2
            };
            let host = cluster.pick(self.now, choice(&mut self.dice));
            let is_sick = is_ctx1 && host.is_some_and(|host| sick[host]);
            if let Some(host) = host {
                let status = if is_sick { 500 } else { 200 };
                cluster.report(host, Report::Answer { status }, self.now);
            }
            *match (is_ctx1, host, is_sick) {
                (false, ..) => &mut seen.ctx2,
                (true, None, _) => &mut seen.nobody,
                (true, Some(_), true) => &mut seen.failed,
                (true, Some(_), false) => &mut seen.fine,
            } += 1;
        }
        seen
    }

    fn is_out(&mut self) -> [bool; 2] {
        let ejected = self.ctx1.health(2, self.now).ejected;
        [ejected[0], ejected[1]]
    }

    fn counts(&mut self) -> Counts {
        self.ctx1.health(2, self.now).counts
    }
}

/// Measured: back after 36.3 s, 900 of 900 fine.
#[test]
fn a_pod_that_is_healed_while_it_is_out_returns_for_good() {
    let mut ward = Ward::open(|_| {});
    let mut failed = 0;
    while !ward.is_out()[0] {
        failed += ward.ask(1, [true, false]).failed;
    }
    let since = ward.now;
    failed += ward.ask(20, [true, false]).failed;
    assert_eq!(failed, 2, "nobody asks it once it is out");
    while ward.is_out()[0] {
        assert_eq!(ward.ask(1, [false; 2]).failed, 0);
    }
    let out = ward.now - since;
    let promised = Duration::from_secs(30)..=Duration::from_secs(40);
    assert!(promised.contains(&out), "{out:?}");
    let seen = ward.ask(900, [false; 2]);
    assert_eq!((seen.failed, seen.nobody), (0, 0), "{seen:?}");
    assert_eq!(ward.counts().enforced.total(), 1);
}

/// Measured: 558 of 558 requests for ctx1 failed, 242 of 242 for ctx2 were fine, no panic.
#[test]
fn where_half_may_be_out_the_other_half_goes_on_failing() {
    let mut ward = Ward::open(|_| {});
    ward.ask(20, [true; 2]);
    let out = ward.is_out().into_iter().filter(|it| *it).count();
    assert_eq!(out, 1);
    let seen = ward.ask(800, [true; 2]);
    assert_eq!((seen.fine, seen.nobody), (0, 0), "{seen:?}");
    assert!(seen.keeps_its_shares(), "nothing fails over: {seen:?}");
    let counts = ward.counts();
    assert!(counts.overflow > 0, "{counts:?}");
    // 50 % are healthy, which is not below the 30 % of minHealthPercent.
    assert_eq!(counts.panics, 0);
}

/// Measured: 208 of 300 still reach the sick pods, which is the whole share of ctx1.
#[test]
fn where_all_may_be_out_panic_asks_them_again() {
    let mut ward = Ward::open(|outlier| outlier.max_ejection_percent = 100);
    let seen = ward.ask(300, [true; 2]);
    assert_eq!((seen.fine, seen.nobody), (0, 0), "{seen:?}");
    assert!(seen.keeps_its_shares(), "{seen:?}");
    assert_eq!(ward.is_out(), [true; 2]);
    assert!(ward.counts().panics > 0);
}

/// Measured: 503 `no healthy upstream` for the share of ctx1.
#[test]
fn where_all_may_be_out_and_there_is_no_panic_nobody_is_left() {
    let mut ward = Ward::open(|outlier| {
        outlier.max_ejection_percent = 100;
        outlier.panic_threshold = 0;
    });
    // Both are ejected by then, and the balancer knows of it.
    ward.ask(60, [true; 2]);
    assert_eq!(ward.is_out(), [true; 2]);
    let seen = ward.ask(300, [true; 2]);
    assert_eq!((seen.fine, seen.failed), (0, 0), "{seen:?}");
    assert!(seen.nobody > 0 && seen.keeps_its_shares(), "{seen:?}");
}
