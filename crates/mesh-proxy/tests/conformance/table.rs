//! The table at the end: row by row, what each driver did.

use std::fmt::Write;
use std::time::Duration;

use crate::case::{Case, Deviation};

/// How a case ended on a driver.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) wrong: Vec<String>,
    pub(crate) took: Duration,
    pub(crate) tries: u32,
}

/// A driver's name and its outcomes in the order of the cases; none where it could not run.
pub(crate) struct Column {
    pub(crate) driver: &'static str,
    pub(crate) outcomes: Option<Vec<Outcome>>,
}

impl Outcome {
    pub(crate) fn passed(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// The table for people.
pub(crate) fn render(cases: &[Case], columns: &[Column]) -> String {
    let mut text = format!("{:<5} {:<58}", "row", "what");
    for column in columns {
        let _ = write!(text, " {:<16}", column.driver);
    }
    for (index, case) in cases.iter().enumerate() {
        let what: String = case.what.chars().take(58).collect();
        let _ = write!(text, "\n{:<5} {what:<58}", case.row);
        for column in columns {
            let outcome = column.outcomes.as_ref().map(|outcomes| &outcomes[index]);
            let _ = write!(text, " {:<16}", cell(outcome));
        }
    }
    text
}

fn cell(outcome: Option<&Outcome>) -> String {
    let Some(outcome) = outcome else {
        return "not run".to_owned();
    };
    let word = if outcome.passed() {
        "same"
    } else {
        "DIFFERENT"
    };
    let again = if outcome.tries > 1 { " (2nd)" } else { "" };
    format!("{word}{again} {:.1} s", outcome.took.as_secs_f64())
}

/// The table of `docs/conformance.md`: it holds as long as [`complaints`] finds nothing.
pub(crate) fn markdown(cases: &[Case], drivers: [&str; 2]) -> String {
    let mut text = format!(
        "| row | rules and pods | {} | note |\n|---|---|---|---|---|\n",
        drivers.join(" | ")
    );
    for case in cases {
        let cells = drivers.map(|driver| match case.deviation.get(driver) {
            Some(deviation) => format!("differs: {}", deviation.why),
            None => "same".to_owned(),
        });
        let note = case.note.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {note} |",
            case.row,
            case.what,
            cells.join(" | ")
        );
    }
    text
}

/// What must not stay so: disagreements that nobody listed, and listed ones that do not occur.
pub(crate) fn complaints(cases: &[Case], columns: &[Column]) -> Vec<String> {
    let mut complaints = Vec::new();
    for column in columns {
        for (case, outcome) in cases.iter().zip(column.outcomes.iter().flatten()) {
            let listed = case.deviation.get(column.driver);
            let at = format!("row {} ({}) on {}", case.row, case.what, column.driver);
            complaints.extend(complaint(outcome, listed).map(|it| format!("{at}: {it}")));
        }
    }
    complaints
}

/// What is wrong with an outcome, where this deviation is listed.
fn complaint(outcome: &Outcome, listed: Option<&Deviation>) -> Option<String> {
    let Some(Deviation { why, complaint }) = listed else {
        return (!outcome.passed()).then(|| outcome.wrong.join("; "));
    };
    if outcome.passed() {
        return Some(format!("listed, but it is the same: {why}"));
    }
    let others = outcome.wrong.iter().filter(|it| !it.contains(complaint));
    let others: Vec<&str> = others.map(String::as_str).collect();
    (!others.is_empty()).then(|| format!("not what is listed: {}", others.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_disagreement_excuses_what_it_names_and_must_occur() {
        let listed = Deviation {
            why: "no upgrades".to_owned(),
            complaint: "403 of None".to_owned(),
        };
        let as_listed = "step 1: no kind of answer expected: 403 of None after 2 ms";
        let other = "step 1: no kind of answer expected: 503 of None after 2 ms";
        for (wrong, expected_listed, expected_unlisted) in [
            (vec![], true, false),
            (vec![as_listed], false, true),
            (vec![other], true, true),
            (vec![as_listed, other], true, true),
        ] {
            let outcome = Outcome {
                wrong: wrong.iter().map(|it| (*it).to_owned()).collect(),
                took: Duration::ZERO,
                tries: 1,
            };
            let complains = |listed| complaint(&outcome, listed).is_some();
            assert_eq!(complains(Some(&listed)), expected_listed, "{wrong:?}");
            assert_eq!(complains(None), expected_unlisted, "{wrong:?}");
        }
    }
}
