//! Verbs under steady requests, beside the original's rules: the intended state, and nothing lost.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::lessons::FIRST;
use super::load::{Load, STEADY};
use super::originals::{self, Older};
use super::rules::{Rules, must_equal, of_cluster, of_lesson};
use super::sick;
use super::stage::Stage;

/// A verb, from where it is run, and what it must end in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of `fault-injection-demo.sh`.
    pub verb: &'static str,
    /// The lesson that is there before; none = whatever is.
    pub from: Option<&'static str>,
    /// What is there afterwards.
    pub end: End,
}

/// The state after a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every rule is a lesson's, and none is there beside them.
    Lesson(&'static str),
    /// The VirtualServices of these services are 01's; everything else is as it was, the original's
    /// rules too.
    RoutesOfFirst(&'static [&'static str]),
}

/// Requests, and the time in which they were sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    requests: usize,
    within: Duration,
}

const fn plays(verb: &'static str, folder: &'static str) -> Change {
    Change {
        verb,
        from: None,
        end: End::Lesson(folder),
    }
}

const fn goes_back(
    verb: &'static str,
    from: &'static str,
    services: &'static [&'static str],
) -> Change {
    Change {
        verb,
        from: Some(from),
        end: End::RoutesOfFirst(services),
    }
}

/// Every verb that changes rules.
pub const CHANGES: [Change; 11] = [
    plays("reset", FIRST),
    plays("setup", "02-circuit-breaker"),
    plays("delay", "03-delay-fault"),
    plays("error", "04-error-fault"),
    plays("block", "05-block-fault"),
    plays(sick::VERB, sick::LESSON),
    plays("chaos", "99-scenarios"),
    goes_back("rollback delay", "03-delay-fault", &["movie"]),
    goes_back("rollback error", "04-error-fault", &["user"]),
    goes_back("rollback block", "05-block-fault", &["booking"]),
    goes_back("recover", "99-scenarios", &["user", "movie", "booking"]),
];

impl Sent {
    /// Whether four fifths of what was meant to be sent were: timers may be a little late.
    fn keeps_pace(self) -> bool {
        let meant = self.within.as_millis() * u128::from(STEADY.rate) / 1000;
        self.requests as u128 * 5 >= meant * 4
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, within } = self;
        write!(out, "{requests} requests in {within:.1?}")
    }
}

/// Runs it; once more where the machine was too slow for the pace of the requests.
///
/// # Errors
/// When a request is lost meanwhile, the rules are not the intended ones, or the pace was not kept twice.
pub async fn under_load(stage: &Stage, change: Change, older: Older) -> Result<Vec<String>> {
    let mut sent = once(stage, change, older).await?;
    if !sent.keeps_pace() {
        sent = once(stage, change, older).await?;
    }
    ensure!(
        sent.keeps_pace(),
        "this machine is too slow for {} requests a second: {sent} were sent",
        STEADY.rate
    );
    Ok(vec![format!("0 of {sent} lost")])
}

async fn once(stage: &Stage, change: Change, older: Older) -> Result<Sent> {
    let api = stage.lab.api("ctx1")?;
    if let Some(lesson) = change.from {
        stage.apply(lesson).await?;
    }
    originals::put(&api, older).await?;
    let intended = intended(stage, change.end, of_cluster(&api).await?).await?;
    let load = Load::on(&stage.lab.client);
    let began = Instant::now();
    let played = stage.demo(change.verb).await;
    let within = began.elapsed();
    let requests = load.end().await?;
    played?;
    let found = of_cluster(&api).await?;
    originals::remove(&api).await?;
    if change.verb == sick::VERB {
        sick::heal(stage).await?;
    }
    must_equal(&found, &intended)
        .with_context(|| format!("after {} ctx1 has not the intended rules", change.verb))?;
    Ok(Sent { requests, within })
}

async fn intended(stage: &Stage, end: End, before: Rules) -> Result<Rules> {
    match end {
        End::Lesson(folder) => stage.rendered(folder).await,
        End::RoutesOfFirst(services) => with_routes_of_first(&stage.house.root, before, services),
    }
}

fn with_routes_of_first(root: &Path, mut rules: Rules, services: &[&str]) -> Result<Rules> {
    let first = of_lesson(root, FIRST)?;
    for service in services {
        let name = format!("virtualservices/{service}-service-vs");
        let route = first
            .get(&name)
            .with_context(|| format!("01 has no {name}"))?;
        rules.insert(name, route.clone());
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn root() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// The table of verbs in the script, each with the words that it may be given.
    #[test]
    fn every_verb_that_changes_rules_is_run() {
        let script = std::fs::read_to_string(root().join("fault-injection-demo.sh")).unwrap();
        let rows = script
            .lines()
            .map(|line| line.split('|').collect::<Vec<_>>());
        let changing_rules = rows.filter(|row| match &**row {
            [_, _, _, needs, what, _] => needs.contains("change") && !what.starts_with("no rule:"),
            _ => false,
        });
        let in_help: BTreeSet<_> = changing_rules.map(|row| row[0].to_owned()).collect();
        let words = CHANGES.iter().filter_map(|it| it.verb.split(' ').next());
        let run: BTreeSet<_> = words.map(str::to_owned).collect();
        assert_eq!(run, in_help);
    }

    #[test]
    fn a_pace_is_kept_by_four_fifths_of_the_requests() {
        let within = Duration::from_millis(1300);
        for (requests, kept) in [(0, false), (51, false), (52, true), (65, true)] {
            assert_eq!(Sent { requests, within }.keeps_pace(), kept, "{requests}");
        }
    }

    #[test]
    fn going_back_touches_only_the_routes_that_it_names() {
        let last = of_lesson(&root(), "99-scenarios").unwrap();
        let first = of_lesson(&root(), FIRST).unwrap();
        let back = with_routes_of_first(&root(), last.clone(), &["movie"]).unwrap();
        let changed = |name: &&String| back[*name] != last[*name];
        let changed: Vec<_> = last.keys().filter(changed).collect();
        assert_eq!(changed, ["virtualservices/movie-service-vs"]);
        assert_eq!(back[changed[0]], first[changed[0]]);
    }
}
