//! How soon a verb of the script has seen the first answer by its rules, as it tells itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::expectation::Expectation;
use super::lessons::LESSONS;
use super::stage::Stage;

const ROUNDS: usize = 3;
/// Verbs whose rules answers tell, in an order in which each changes some. `setup` is not among them: a
/// DestinationRule shows at the sidecar's admin port alone, and asking there takes a kubectl.
const VERBS: [&str; 8] = [
    "error",
    "rollback error",
    "block",
    "rollback block",
    "delay",
    "rollback delay",
    "chaos",
    "recover",
];
/// Of a verb's median, from kubectl's end, beyond what its rule holds an answer back for: a delay is seen
/// when it is over. Real meshes need 60 to 420 ms. The requests of a verb (up to 15) go through the lab's
/// own processes, which cost several times as much in a debug build, while other checks run.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 300 } else { 50 });

/// Runs the verbs several times.
///
/// # Errors
/// When one has seen nothing, or its median is beyond the limit.
pub async fn of_verbs(stage: &Stage) -> Result<Vec<String>> {
    stage.demo("reset").await?;
    let mut seen: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for verb in VERBS.into_iter().cycle().take(ROUNDS * VERBS.len()) {
        let said = stage.demo(verb).await?;
        let took = told(&said).with_context(|| format!("{verb} saw nothing: {said}"))?;
        seen.entry(verb).or_default().push(took);
    }
    let lines = seen.into_iter().map(|(verb, times)| {
        let held = held_back(&stage.house.root, verb)?;
        judge(verb, times, held)
    });
    lines.collect()
}

/// For how long the lesson that a verb plays holds answers back.
fn held_back(root: &Path, verb: &str) -> Result<Duration> {
    match LESSONS.iter().find(|lesson| lesson.verb == Some(verb)) {
        Some(lesson) => Ok(Expectation::of(root, lesson.folder)?.millis("movie_delay_ms")),
        None => Ok(Duration::ZERO),
    }
}

fn judge(verb: &str, mut times: Vec<Duration>, held: Duration) -> Result<String> {
    times.sort_unstable();
    let median = times.get(times.len() / 2).context("a verb was run")?;
    let Some(beyond) = median.checked_sub(held) else {
        bail!("{verb}: seen after {median:?}, before its delay of {held:?} was over");
    };
    if beyond > LIMIT {
        bail!("{verb}: median {beyond:?} after kubectl and {held:?} of delay, of {times:?}");
    }
    let after = match held {
        Duration::ZERO => String::new(),
        held => format!(" and {held:?} of delay"),
    };
    Ok(format!("{verb}: median {beyond:?} after kubectl{after}"))
}

/// `seen: … (12 ms after kubectl)`
fn told(said: &str) -> Option<Duration> {
    let line = said.lines().find(|line| line.starts_with("seen: "))?;
    let (_, millis) = line.rsplit_once('(')?;
    let millis = millis.strip_suffix(" ms after kubectl)")?.parse().ok()?;
    Some(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_scripts_own_figure_is_read() {
        let said = "ctx1: changed\nseen: answers follow the new rules (31 ms after kubectl)\n";
        assert_eq!(told(said), Some(ms(31)));
        assert_eq!(told("no change"), None);
    }

    #[test]
    fn a_median_is_judged_and_a_delay_is_no_part_of_it() {
        let late = LIMIT + ms(1);
        let said = judge("block", vec![ms(9), late, ms(7)], ms(0)).unwrap();
        assert_eq!(said, "block: median 9ms after kubectl");
        assert!(judge("block", vec![ms(9), late, late], ms(0)).is_err());
        let held = ms(3_000);
        let said = judge("delay", vec![held + ms(20)], held).unwrap();
        assert_eq!(said, "delay: median 20ms after kubectl and 3s of delay");
        assert!(judge("delay", vec![ms(2_999)], held).is_err());
    }

    #[test]
    fn a_lesson_that_delays_is_known_by_its_numbers() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let held = |verb| held_back(&root, verb).unwrap();
        assert_eq!([held("delay"), held("chaos")], [ms(3_000); 2]);
        assert_eq!([held("error"), held("rollback delay")], [ms(0); 2]);
    }
}
