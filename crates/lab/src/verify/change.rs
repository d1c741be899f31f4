//! Verbs under steady requests, beside the original's rules: the intended state, and nothing lost.

use std::path::Path;

use anyhow::{Context, Result};

use super::lessons::FIRST;
use super::load::Load;
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

/// Runs it.
///
/// # Errors
/// When a request is lost meanwhile, or the rules are not the intended ones.
pub async fn under_load(stage: &Stage, change: Change, older: Older) -> Result<Vec<String>> {
    let api = stage.lab.api("ctx1")?;
    if let Some(lesson) = change.from {
        stage.apply(lesson).await?;
    }
    originals::put(&api, older).await?;
    let intended = intended(stage, change.end, of_cluster(&api).await?).await?;
    let load = Load::on(&stage.lab.client);
    let played = stage.demo(change.verb).await;
    let sent = load.end().await?;
    played?;
    let found = of_cluster(&api).await?;
    originals::remove(&api).await?;
    if change.verb == sick::VERB {
        sick::heal(stage).await?;
    }
    must_equal(&found, &intended)
        .with_context(|| format!("after {} ctx1 has not the intended rules", change.verb))?;
    Ok(vec![format!("0 of {sent} requests lost")])
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
