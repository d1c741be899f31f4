//! What is printed of checks: each as it ends, and all together.

use std::time::Duration;

use anyhow::Result;

use super::plan::Check;

/// How a check ended.
#[derive(Debug)]
pub struct Outcome {
    /// Which one.
    pub check: Check,
    /// How long it took.
    pub took: Duration,
    /// The figures seen, or what did not hold.
    pub result: Result<Vec<String>>,
}

impl Outcome {
    /// Whether it held.
    pub fn holds(&self) -> bool {
        self.result.is_ok()
    }

    fn word(&self) -> &'static str {
        if self.holds() { "ok" } else { "FAILED" }
    }

    /// With every figure.
    pub fn long(&self) -> String {
        let details = match &self.result {
            Ok(figures) => figures.clone(),
            Err(error) => vec![format!("{error:#}")],
        };
        details.iter().fold(self.short(), |text, detail| {
            let lines = detail.lines().map(|line| format!("\n           {line}"));
            text + &lines.collect::<String>()
        })
    }

    /// One line.
    pub fn short(&self) -> String {
        let seconds = self.took.as_secs_f64();
        format!("  {:<6} {seconds:>6.1} s  {}", self.word(), self.check)
    }
}

/// The table of everything, failures last, where they are read.
pub fn table(outcomes: &[Outcome]) -> String {
    let (held, failed): (Vec<_>, Vec<_>) = outcomes.iter().partition(|it| it.holds());
    let mut lines: Vec<_> = held.iter().map(|it| it.short()).collect();
    lines.extend(failed.iter().map(|it| it.long()));
    lines.push(format!("{} held, {} failed", held.len(), failed.len()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn the_table_ends_with_what_failed() {
        let outcome = |check, result| Outcome {
            check,
            took: Duration::from_millis(1_500),
            result,
        };
        let outcomes = [
            outcome(Check::Sight, Err(anyhow!("too late"))),
            outcome(Check::Reset, Ok(vec!["6 rules".to_owned()])),
        ];
        let expected = "  ok        1.5 s  reset restores 01-initial
  FAILED    1.5 s  the first answer by a new rule
           too late
1 held, 1 failed";
        assert_eq!(table(&outcomes), expected);
    }
}
