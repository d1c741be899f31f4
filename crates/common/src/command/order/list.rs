//! `order list`: a table for people, JSON for programs.

use std::fmt::Write;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::short;
use super::store::Entry;
use crate::chaos::order::Order;

/// Options of the subcommand.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Options {
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// One line of the list.
#[derive(Debug, Serialize)]
struct Row<'a> {
    /// Whom it is for: a pod, `service:cluster` or a service.
    #[serde(rename = "for")]
    whom: &'a str,
    /// None: pods ignore it.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    /// Why they ignore it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<String>,
    /// None: for ever.
    seconds_left: Option<u64>,
}

impl Options {
    /// The orders as asked for.
    pub(super) fn show(&self, entries: &[Entry]) -> String {
        let rows: Vec<Row<'_>> = entries.iter().map(Row::of).collect();
        match self.output {
            Format::Text => table(&rows),
            Format::Json => {
                let text = serde_json::to_string_pretty(&rows);
                text.expect("texts and numbers serialize") + "\n"
            }
        }
    }
}

impl<'a> Row<'a> {
    fn of(entry: &'a Entry) -> Self {
        let text = entry.text.as_deref().unwrap_or("another type of value");
        let read = Order::with_life(text, entry.life_ms).map(|(order, _)| order);
        Self {
            whom: short(&entry.key),
            ignored: read.as_ref().err().map(ToString::to_string),
            order: read.ok(),
            seconds_left: u64::try_from(entry.life_ms)
                .ok()
                .map(|life| life.div_ceil(1_000)),
        }
    }

    fn cells(&self) -> [String; 3] {
        let what = match (&self.order, &self.ignored) {
            (Some(order), _) => order.to_string(),
            (None, cause) => format!("ignored: {}", cause.as_deref().unwrap_or_default()),
        };
        let left = self
            .seconds_left
            .map_or("-".to_owned(), |it| it.to_string());
        [self.whom.to_owned(), left, what]
    }
}

fn table(rows: &[Row<'_>]) -> String {
    if rows.is_empty() {
        return "no orders\n".to_owned();
    }
    let head = ["FOR", "SECONDS LEFT", "ORDER"].map(str::to_owned);
    let lines: Vec<[String; 3]> = std::iter::once(head)
        .chain(rows.iter().map(Row::cells))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max();
    let (first, second) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
    lines
        .iter()
        .fold(String::new(), |mut text, [whom, left, what]| {
            let _ = writeln!(text, "{whom:first$}   {left:second$}   {what}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |key: &str, text: &str, life_ms| Entry {
            key: key.to_owned(),
            text: Some(text.to_owned()),
            life_ms,
        };
        vec![
            entry("chaos:user-service", r#"{"status":500,"rate":0.5}"#, 59_001),
            entry("chaos:user-service:ctx2", r#"{"staus":500}"#, 1_000),
            entry("chaos:x", r#"{"status":500}"#, -1),
        ]
    }

    fn shown(output: Format, entries: &[Entry]) -> String {
        Options { output }.show(entries)
    }

    #[test]
    fn people_get_a_table_that_also_tells_what_is_ignored() {
        let text = shown(Format::Text, &entries());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "FOR                 SECONDS LEFT   ORDER");
        assert_eq!(
            lines[1],
            "user-service        60             status=500 rate=0.5"
        );
        assert!(lines[2].contains("1              ignored: no order: unknown field `staus`"));
        assert!(lines[3].contains("-              ignored: it has no time to live"));
        assert_eq!(shown(Format::Text, &[]), "no orders\n");
    }

    #[test]
    fn programs_get_json() {
        let json: serde_json::Value =
            serde_json::from_str(&shown(Format::Json, &entries())).unwrap();
        assert_eq!(
            json[0],
            serde_json::json!({"for": "user-service", "order": {"status": 500, "rate": 0.5}, "seconds_left": 60})
        );
        assert!(json[1]["ignored"].is_string() && json[1]["order"].is_null());
        assert!(json[2]["seconds_left"].is_null());
        assert_eq!(shown(Format::Json, &[]), "[]\n");
    }
}
