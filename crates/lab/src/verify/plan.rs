//! Which checks there are, and in which order they run.

use std::fmt;
use std::time::Duration;

use anyhow::Result;

use super::change::{self, CHANGES, Change};
use super::crossing;
use super::deployment::{self, Way};
use super::durability::{self, FULL};
use super::lessons::{self, FIRST, LESSONS, Lesson};
use super::originals::Older;
use super::sick;
use super::sight;
use super::stage::Stage;

/// Requests of a service in every lesson.
const QUICK_SAMPLE: u32 = 200;
const FULL_SAMPLE: u32 = 2_000;
/// Requests of a service whose shares are looked at once more closely.
const CLASS_SAMPLE: u32 = 10_000;

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// A lesson by plain apply, and so many requests a service.
    Apply(Lesson, u32),
    /// A lesson by its verb.
    Script(Lesson, u32),
    /// A verb under load, beside the original's rules.
    Change(Change, Older),
    /// The theater into empty clusters.
    Deploy(Way),
    /// Everything back to 01.
    Reset,
    /// How soon a verb has seen its first answer.
    Sight,
    /// Acknowledged writes, with this store.
    Durability(&'static str),
    /// A sick pod of ctx1.
    Ejections,
    /// A sick pod of ctx2.
    NeverEjected,
    /// Connections to ctx2 that nobody answers.
    Swallowed,
}

/// Checks that follow one another, in a lab of their own.
pub type Lane = Vec<Check>;

/// What runs: lanes beside one another, the second one mostly waits.
pub fn lanes(full: bool, only: &str, seed: u64) -> Vec<Lane> {
    let all = if full { full_lanes() } else { vec![quick()] };
    let mut random = fastrand::Rng::with_seed(seed);
    let chosen = |mut lane: Lane| {
        lane.retain(|check| check.to_string().contains(only));
        random.shuffle(&mut lane);
        lane
    };
    let chosen: Vec<Lane> = all.into_iter().map(chosen).collect();
    chosen.into_iter().filter(|lane| !lane.is_empty()).collect()
}

fn quick() -> Lane {
    LESSONS.map(|it| Check::Apply(it, QUICK_SAMPLE)).to_vec()
}

fn full_lanes() -> Vec<Lane> {
    let mut busy = Lane::new();
    for lesson in LESSONS {
        let requests = match lesson.folder {
            FIRST => CLASS_SAMPLE,
            _ => FULL_SAMPLE,
        };
        busy.push(Check::Apply(lesson, requests));
        if lesson.verb.is_some() {
            busy.push(Check::Script(lesson, FULL_SAMPLE));
        }
    }
    for change in CHANGES {
        busy.extend([Older::Theirs, Older::Ours].map(|it| Check::Change(change, it)));
    }
    busy.extend([Check::Reset, Check::Sight]);
    busy.extend([Way::Script, Way::Apply].map(Check::Deploy));
    busy.extend(["embedded", "auto"].map(Check::Durability));
    let waiting = vec![Check::Ejections, Check::NeverEjected, Check::Swallowed];
    vec![busy, waiting]
}

impl Check {
    /// When it is given up.
    pub fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Apply(..) | Self::Script(..) => 240,
            Self::Change(..) | Self::Reset | Self::Swallowed => 120,
            Self::Sight => 180,
            Self::Deploy(_) => 300,
            Self::Durability(_) => 400,
            Self::Ejections | Self::NeverEjected => 200,
        })
    }

    /// Runs it; the figures seen.
    ///
    /// # Errors
    /// When what it checks does not hold.
    pub async fn run(self, stage: &Stage) -> Result<Vec<String>> {
        match self {
            Self::Apply(lesson, requests) => lessons::by_apply(stage, lesson, requests).await,
            Self::Script(lesson, requests) => lessons::by_script(stage, lesson, requests).await,
            Self::Change(change, older) => change::under_load(stage, change, older).await,
            Self::Deploy(way) => deployment::of_everything(&stage.house, way, FULL_SAMPLE).await,
            Self::Reset => lessons::reset(stage).await,
            Self::Sight => sight::of_verbs(stage).await,
            Self::Durability(store) => {
                durability::survives(&stage.house.program, store, FULL).await
            }
            Self::Ejections => sick::ejections(stage).await,
            Self::NeverEjected => sick::never_ejected(stage).await,
            Self::Swallowed => crossing::swallowed(stage).await,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(lesson, requests) => {
                write!(f, "{} by kubectl apply, {requests} requests", lesson.folder)
            }
            Self::Script(Lesson { folder, verb }, requests) => {
                let verb = verb.unwrap_or_default();
                write!(f, "{folder} by the verb {verb}, {requests} requests")
            }
            Self::Change(Change { verb, .. }, older) => {
                let whose = match older {
                    Older::Theirs => "the original's rules are older",
                    Older::Ours => "our rules are older",
                };
                write!(f, "{verb} under load, {whose}")
            }
            Self::Deploy(Way::Script) => f.write_str("empty clusters, deploy-all.sh --lab"),
            Self::Deploy(Way::Apply) => f.write_str("empty clusters, kubectl apply -k"),
            Self::Reset => f.write_str("reset restores 01-initial"),
            Self::Sight => f.write_str("the first answer by a new rule"),
            Self::Durability(store) => write!(f, "no acknowledged create is lost, store {store}"),
            Self::Ejections => f.write_str("a sick pod of ctx1 is ejected"),
            Self::NeverEjected => f.write_str("a sick pod of ctx2 is never ejected"),
            Self::Swallowed => f.write_str("ctx2's gateway swallows connections"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(lanes: Vec<Lane>) -> Vec<String> {
        let mut names: Vec<_> = lanes.iter().flatten().map(ToString::to_string).collect();
        names.sort();
        names
    }

    #[test]
    fn a_seed_is_an_order_and_every_order_has_every_check() {
        assert_eq!(lanes(true, "", 7), lanes(true, "", 7));
        assert_ne!(lanes(true, "", 7), lanes(true, "", 8));
        assert_eq!(sorted(lanes(true, "", 7)), sorted(lanes(true, "", 8)));
    }

    #[test]
    fn the_quick_run_applies_each_lesson_once() {
        let quick = sorted(lanes(false, "", 1));
        assert_eq!(quick.len(), LESSONS.len());
        assert!(quick.iter().all(|it| it.contains("by kubectl apply, 200")));
    }

    #[test]
    fn every_lesson_is_run_both_ways_and_every_verb_over_both_kinds_of_rules() {
        let full = sorted(lanes(true, "", 1));
        let verbs = LESSONS.iter().filter(|it| it.verb.is_some()).count();
        let of = |part: &str| full.iter().filter(|it| it.contains(part)).count();
        assert_eq!(of("by kubectl apply"), LESSONS.len());
        assert_eq!(of("by the verb"), verbs);
        assert_eq!(of("under load"), 2 * CHANGES.len());
        let mut once = full.clone();
        once.dedup();
        assert_eq!(once, full, "names tell checks apart");
    }

    #[test]
    fn a_part_of_a_name_chooses() {
        assert_eq!(
            sorted(lanes(true, "reset restores", 1)),
            ["reset restores 01-initial"]
        );
        assert!(lanes(true, "nothing of the kind", 1).is_empty());
    }
}
