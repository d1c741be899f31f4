//! What a real server says about bodies and paths, row by row: code, warnings, and the refusal.

use apimachinery::decode::Document;
use apiserver::resource::rows;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Answer, Server, config_map, deployment, request};

const ROWS: &str = include_str!("../data/decoding.json");

/// Rows whose answer differs, each with the reason. One that is equal after all is a fault too.
const DEVIATIONS: [(&str, &str); 0] = [];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    case: String,
    method: String,
    path: String,
    content_type: Option<String>,
    body: Option<Document>,
    code: u16,
    warnings: Vec<String>,
    #[serde(default)]
    answer: Option<Value>,
}

/// The objects the rows were taken with.
fn server() -> Server {
    let server = Server::new();
    let namespace = json!({"metadata": {"name": "b-err"}});
    for (resource, namespace, object) in [
        (&rows::NAMESPACES, "", namespace),
        (&rows::CONFIG_MAPS, "b-err", config_map("c")),
        (&rows::DEPLOYMENTS, "b-err", deployment("d", 0)),
    ] {
        server.store.create(resource, namespace, object).unwrap();
    }
    server
}

async fn ask(server: &Server, row: &Row) -> Answer {
    let mut request = request(&row.method, &row.path);
    if let Some(media_type) = &row.content_type {
        request = request.header("content-type", media_type);
    }
    let body = match &row.body {
        None => String::new(),
        Some(Document::Text(text)) => text.clone(),
        Some(object) => written(object),
    };
    server.send(request, body).await
}

/// In the recorded order and spacing: faults are told in the order of the body, and some answers
/// quote it.
fn written(document: &Document) -> String {
    match document {
        Document::Object(members) => {
            let member = |(name, it): &(String, Document)| format!("{name:?}: {}", written(it));
            let members: Vec<_> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
        Document::List(items) => {
            let items: Vec<_> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        other => Value::from(other.clone()).to_string(),
    }
}

fn difference(row: &Row, answer: &Answer) -> Option<String> {
    if (answer.code.as_u16(), &answer.warnings()) != (row.code, &row.warnings) {
        return Some(format!(
            "{} {:?}: {}",
            answer.code,
            answer.warnings(),
            answer.text
        ));
    }
    let expected = row.answer.as_ref()?;
    let text = without_patched_object(&answer.text);
    let found = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (found != *expected).then(|| found.to_string())
}

/// Recorded refusals of a patch do not carry the object that it made.
fn without_patched_object(text: &str) -> String {
    const SHOWN: &str = "(the whole patched object as one quoted JSON string)";
    let (start, end) = (r#"Invalid value: \"{"#, r#"}\": json:"#);
    let mut parts = text.split(start);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once(end).map_or(part, |(_, rest)| rest);
        shown += &format!(r#"Invalid value: \"{SHOWN}\": json:{rest}"#);
    }
    shown
}

#[tokio::test]
async fn bodies_and_paths_are_judged_as_by_a_real_server() {
    let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
    assert!(rows.len() > 35);
    let mut wrong = Vec::new();
    for row in &rows {
        let answer = ask(&server(), row).await;
        let known = DEVIATIONS.iter().find(|(case, _)| *case == row.case);
        match (difference(row, &answer), known) {
            (Some(found), None) => wrong.push(format!(
                "{}\n  found    {found}\n  expected {} {:?} {:?}",
                row.case, row.code, row.warnings, row.answer
            )),
            (None, Some((_, why))) => wrong.push(format!("{} is equal now: {why}", row.case)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
