//! Every lesson, by script and by plain apply, ends in its numbers.

use anyhow::{Context, Result};

use super::expectation::Expectation;
use super::figure::told;
use super::originals::{self, Older};
use super::rules::{must_equal, of_cluster};
use super::sick;
use super::stage::Stage;

/// A folder of `practice/`, and the verb of the script that plays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Below `practice/`.
    pub folder: &'static str,
    /// Of `fault-injection-demo.sh`.
    pub verb: Option<&'static str>,
}

const fn lesson(folder: &'static str, verb: &'static str) -> Lesson {
    Lesson {
        folder,
        verb: Some(verb),
    }
}

/// The state after deployment.
pub const FIRST: &str = "01-initial";

/// Every lesson.
pub const LESSONS: [Lesson; 8] = [
    lesson(FIRST, "reset"),
    lesson("02-circuit-breaker", "setup"),
    lesson("03-delay-fault", "delay"),
    lesson("04-error-fault", "error"),
    lesson("05-block-fault", "block"),
    lesson(sick::LESSON, sick::VERB),
    Lesson {
        folder: sick::SECOND_PART,
        verb: None,
    },
    lesson("99-scenarios", "chaos"),
];

/// Plays a lesson by `kubectl apply -k` and asks.
///
/// # Errors
/// When rules or answers are not the lesson's.
pub async fn by_apply(stage: &Stage, lesson: Lesson, requests: u32) -> Result<Vec<String>> {
    stage.apply(lesson.folder).await?;
    holds(stage, lesson.folder, requests).await
}

/// Plays a lesson by its verb and asks.
///
/// # Errors
/// When rules or answers are not the lesson's.
pub async fn by_script(stage: &Stage, lesson: Lesson, requests: u32) -> Result<Vec<String>> {
    let verb = lesson
        .verb
        .context("a lesson without a verb is only applied")?;
    let said = stage.demo(verb).await?;
    if verb == sick::VERB {
        // Its rules are the lesson's; its order is of another check.
        sick::heal(stage).await?;
    }
    let mut lines = holds(stage, lesson.folder, requests).await?;
    lines.extend(
        said.lines()
            .filter(|it| it.starts_with("seen: "))
            .map(str::to_owned),
    );
    Ok(lines)
}

async fn holds(stage: &Stage, folder: &str, requests: u32) -> Result<Vec<String>> {
    rules_are(stage, "ctx1", folder).await?;
    let expectation = Expectation::of(&stage.house.root, folder)?;
    let figures = expectation.holds(&stage.lab.client, requests).await?;
    Ok(told(&figures))
}

/// Fails where the rules of a cluster are not those that kubectl renders of a lesson.
///
/// # Errors
/// With the first difference.
pub async fn rules_are(stage: &Stage, cluster: &str, folder: &str) -> Result<()> {
    let found = of_cluster(&stage.lab.api(cluster)?).await?;
    must_equal(&found, &stage.rendered(folder).await?)
        .with_context(|| format!("{cluster} has not the rules of {folder}"))
}

/// Whatever was done before, `reset` ends in 01 in both clusters, and in no order.
///
/// # Errors
/// When something is left.
pub async fn reset(stage: &Stage) -> Result<Vec<String>> {
    stage.demo("chaos").await?;
    for cluster in ["ctx1", "ctx2"] {
        originals::put(&stage.lab.api(cluster)?, Older::Ours).await?;
    }
    stage.demo("sick movie --cluster ctx2 --ttl 2m").await?;
    stage.demo("reset").await?;
    for cluster in ["ctx1", "ctx2"] {
        rules_are(stage, cluster, FIRST).await?;
    }
    let orders = sick::orders(stage).await?;
    anyhow::ensure!(orders == "no orders", "orders are left: {orders}");
    Ok(vec![
        "6 rules a cluster equal kubectl kustomize practice/01-initial, no orders".to_owned(),
    ])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_folder_with_numbers_is_a_lesson_and_every_verb_names_its_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let script = std::fs::read_to_string(root.join("fault-injection-demo.sh")).unwrap();
        for Lesson { folder, verb } in LESSONS {
            let numbers = root.join("practice").join(folder).join("expect.yaml");
            assert!(numbers.exists(), "{}", numbers.display());
            if let Some(verb) = verb {
                let row = format!("\n{verb}|");
                let help = script.split(&row).nth(1).and_then(|it| it.lines().next());
                assert!(help.unwrap().contains(folder), "{verb}: {help:?}");
            }
        }
        let mut found = 0;
        for folder in std::fs::read_dir(root.join("practice")).unwrap() {
            let folder = folder.unwrap().path();
            found += usize::from(folder.join("expect.yaml").exists());
            let inner = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            found += inner
                .filter(|it| it.path().join("expect.yaml").exists())
                .count();
        }
        assert_eq!(found, LESSONS.len(), "a new lesson needs its row");
    }
}
