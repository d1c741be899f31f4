//! Answers of a real API server, row by row in the order they were taken: same code, same media
//! type, same warnings, same body.

mod answer;
mod deviations;
mod world;

use std::time::Duration;

use apimachinery::decode::Document;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::support::{Answer, Server, request};

const ROWS: &str = include_str!("../data/errors.json");

/// The least share of answers that are equal, in percent.
const EQUAL: usize = 95;
/// No answer but a watch takes this long, in virtual time.
const PATIENCE: Duration = Duration::from_secs(5);
/// A version the recorded server had not reached, and one this server will not reach.
const FUTURE: (&str, &str) = ("=99999999", "=9999999999999999");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    case: String,
    method: String,
    path: String,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<Document>,
    code: u16,
    #[serde(default)]
    answer_type: Option<String>,
    #[serde(default)]
    retry_after: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    answer: Option<Value>,
}

#[tokio::test(start_paused = true)]
async fn every_recorded_answer_is_repeated_but_for_the_deviations_listed() {
    let server = world::server().await;
    let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
    let mut wrong = Vec::new();
    for row in &rows {
        let difference = match timeout(PATIENCE, send(&server, row)).await {
            Ok(found) => difference(row, &found),
            Err(_) => Some("  found    a stream that does not end".to_owned()),
        };
        match (difference, deviations::reason(&row.case)) {
            (Some(difference), None) => wrong.push(format!("{}\n{difference}", row.case)),
            (None, Some(_)) => wrong.push(format!("{}: deviates no longer", row.case)),
            _ => {}
        }
    }
    let equal = rows.len() - deviations::ALL.len();
    println!("{equal} of {} answers are equal", rows.len());
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(equal * 100 >= rows.len() * EQUAL);
}

#[test]
fn every_deviation_names_a_row() {
    let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
    for (case, reason) in deviations::ALL {
        assert!(rows.iter().any(|row| row.case == *case), "{case}");
        assert!(!reason.is_empty(), "{case}");
    }
}

async fn send(server: &Server, row: &Row) -> Answer {
    let mut request = request(&row.method, &row.path.replace(FUTURE.0, FUTURE.1));
    if let Some(media_type) = &row.content_type {
        request = request.header("content-type", media_type);
    }
    for (name, value) in &row.headers {
        request = request.header(name, value);
    }
    server.send(request, body(row)).await
}

/// The body as it was sent: text as it is, objects in the spacing some answers quote.
fn body(row: &Row) -> String {
    match &row.body {
        None => String::new(),
        Some(Document::Text(text)) => answer::grown(text),
        Some(object) => answer::spaced(object),
    }
}

fn difference(row: &Row, found: &Answer) -> Option<String> {
    let body = serde_json::from_str(&found.text).unwrap_or(Value::String(found.text.clone()));
    let header = |name| found.headers.get(name).and_then(|it| it.to_str().ok());
    let same = found.code == row.code
        && (row.answer_type.is_none() || header("content-type") == row.answer_type.as_deref())
        && (row.retry_after.is_none() || header("retry-after") == row.retry_after.as_deref())
        && found.warnings() == row.warnings
        && row
            .answer
            .as_ref()
            .is_none_or(|expected| answer::is_same(expected, &body));
    (!same).then(|| {
        let expected = row
            .answer
            .as_ref()
            .map(Value::to_string)
            .unwrap_or_default();
        format!(
            "  found    {} {body} {:?}\n  expected {} {expected} {:?}",
            found.code,
            found.warnings(),
            row.code,
            row.warnings
        )
    })
}
