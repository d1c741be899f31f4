//! Refusals of a real API server, row by row: same code, same media type, same body.

use apiserver::resource::rows;
use apiserver::store::{DeleteOptions, Key};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Server, config_map, deployment, request};

const ROWS: &str = include_str!("../data/errors.json");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    case: String,
    method: String,
    path: String,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    body: Option<Value>,
    code: u16,
    answer_type: String,
    answer: Value,
}

/// The objects the rows were taken with.
fn server() -> Server {
    let server = Server::new();
    let create = |resource, namespace: &str, object| {
        server.store.create(resource, namespace, object).unwrap()
    };
    for namespace in ["b-err", "b-term", "default"] {
        create(
            &rows::NAMESPACES,
            "",
            json!({"metadata": {"name": namespace}}),
        );
    }
    create(&rows::CONFIG_MAPS, "b-err", config_map("c"));
    create(&rows::DEPLOYMENTS, "b-err", deployment("d", 0));
    create(
        &rows::VIRTUAL_SERVICES,
        "b-err",
        json!({"metadata": {"name": "v"}, "spec": {"hosts": ["x"]}}),
    );
    let ending = Key::new(&rows::NAMESPACES, "", "b-term");
    server
        .store
        .delete(&ending, &DeleteOptions::default())
        .unwrap();
    server
}

#[tokio::test]
async fn every_recorded_refusal_is_repeated_word_for_word() {
    let server = server();
    let map = server
        .store
        .get(&Key::new(&rows::CONFIG_MAPS, "b-err", "c"))
        .unwrap();
    let metadata = |member: &str| map["metadata"][member].as_str().unwrap().to_owned();
    let data = ROWS
        .replace("{uid}", &metadata("uid"))
        .replace("{version}", &metadata("resourceVersion"));
    let rows: Vec<Row> = serde_json::from_str(&data).unwrap();
    assert!(rows.len() > 70);
    let mut wrong = Vec::new();
    for row in rows {
        let body = match &row.body {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(object) => go_like(object),
        };
        let mut request = request(&row.method, &row.path);
        if let Some(media_type) = &row.content_type {
            request = request.header("content-type", media_type);
        }
        let answer = server.send(request, body).await;
        let found =
            serde_json::from_str(&answer.text).unwrap_or(Value::String(answer.text.clone()));
        let media_type = answer.headers["content-type"].to_str().unwrap();
        if answer.code != row.code || media_type != row.answer_type || found != row.answer {
            wrong.push(format!(
                "{}\n  found    {} {found}\n  expected {} {}",
                row.case, answer.code, row.code, row.answer
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The spacing the recorded requests had, because some answers quote them.
fn go_like(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), go_like(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(go_like).collect::<Vec<_>>().join(", ")
        ),
        other => other.to_string(),
    }
}
