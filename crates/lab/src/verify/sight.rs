//! How soon a verb of the script has seen the first answer by its rules, as it tells itself.

use anyhow::{Context, Result, ensure};

use super::stage::Stage;

const ROUNDS: usize = 5;
/// Verbs whose rules show in the first answer; a delay shows when it is over.
const VERBS: [&str; 2] = ["block", "rollback block"];
/// Real meshes need 60 to 420 ms.
const LIMIT: u64 = 500;

/// Runs both verbs several times.
///
/// # Errors
/// When the median is no better than on real meshes.
pub async fn of_verbs(stage: &Stage) -> Result<Vec<String>> {
    stage.demo("reset").await?;
    let mut millis = Vec::new();
    for verb in VERBS.iter().cycle().take(ROUNDS * VERBS.len()) {
        let said = stage.demo(verb).await?;
        millis.push(told(&said).with_context(|| format!("{verb} saw nothing: {said}"))?);
    }
    millis.sort_unstable();
    let (median, longest) = (millis[millis.len() / 2], millis[millis.len() - 1]);
    ensure!(
        median <= LIMIT,
        "median {median} ms after kubectl: {millis:?}"
    );
    Ok(vec![format!(
        "median {median} ms after kubectl, longest {longest} ms of {}",
        millis.len()
    )])
}

/// `seen: … (12 ms after kubectl)`
fn told(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.starts_with("seen: "))?;
    let (_, millis) = line.rsplit_once('(')?;
    millis.strip_suffix(" ms after kubectl)")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_own_figure_is_read() {
        let said = "ctx1: changed\nseen: answers follow the new rules (31 ms after kubectl)\n";
        assert_eq!(told(said), Some(31));
        assert_eq!(told("no change"), None);
    }
}
