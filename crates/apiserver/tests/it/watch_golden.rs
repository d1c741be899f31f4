//! Watches of a real API server 1.35: `data/watch.json` holds the writes that were made, the
//! watches that were open between two of them, and the lines each of them got.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use futures_util::future::join_all;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};

use super::support::{Server, request};

/// Rows that differ, and why.
const DEVIATIONS: &[(&str, &str)] = &[(
    "sendInitialEvents where the storage (etcd older than 3.4.31 / 3.5.13) cannot do it",
    "this storage can",
)];
/// A version the recorded server had not reached, and one this server will not reach.
const FUTURE: (&str, &str) = ("=99999999&", "=9999999999999999&");
/// How long a watch was silent when it was left, in virtual time.
const SILENCE: Duration = Duration::from_secs(5);
/// Longer than the time limits of the recorded watches.
const LIMIT: Duration = Duration::from_secs(80);

/// What a watch got: its status, its lines, whether it ended.
type Got = (u64, Vec<Value>, bool);

/// Versions of the recording by those of this server, and the other way round.
#[derive(Default)]
struct Versions {
    recorded: HashMap<String, String>,
    ours: HashMap<u64, u64>,
}

#[tokio::test(start_paused = true)]
async fn every_watch_gets_the_lines_a_real_server_sends() {
    let data: Value = serde_json::from_str(include_str!("../data/watch.json")).unwrap();
    let cases = data["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 26);
    let server = Server::new();
    let namespace = json!({"metadata": {"name": "b-watch"}});
    server.post("/api/v1/namespaces", namespace).await;
    let start = server.store.resource_version();
    let mut versions = Versions::default();
    let (mut open, mut differ) = (Vec::new(), Vec::new());
    for step in data["steps"].as_array().unwrap() {
        write(&server, step).await;
        let at = step[0].as_u64().unwrap();
        versions.note(at, server.store.resource_version());
        for case in cases.iter().filter(|case| case["from"] == at) {
            let path = versions.fill(case["path"].as_str().unwrap(), start);
            open.push((case, Reader::open(&server, &path, &case["accept"]).await));
        }
        let left = open.extract_if(.., |(case, _)| case["to"] == at);
        let read = left.map(async |(case, reader)| (case, reader.read(case).await));
        for (case, got) in join_all(read).await {
            let (got, expected) = (versions.plain_got(got), versions.plain_got(recorded(case)));
            differ
                .extend((got != expected).then(|| (case["case"].as_str().unwrap(), got, expected)));
        }
    }
    let names: Vec<_> = differ.iter().map(|(name, ..)| *name).collect();
    let allowed: Vec<_> = DEVIATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, allowed, "{differ:#?}");
}

fn recorded(case: &Value) -> Got {
    let status = case["status"].as_u64().unwrap();
    (
        status,
        case["lines"].as_array().unwrap().clone(),
        case["ended"].as_bool().unwrap(),
    )
}

async fn write(server: &Server, step: &Value) {
    let (method, path) = (step[1].as_str().unwrap(), step[2].as_str().unwrap());
    let media_type = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let body = if step[3].is_null() {
        String::new()
    } else {
        step[3].to_string()
    };
    let request = request(method, path).header(CONTENT_TYPE, media_type);
    let answer = server.send(request, body).await;
    assert!(answer.code.is_success(), "{step}: {}", answer.text);
}

struct Reader {
    status: u64,
    stream: BodyDataStream,
}

impl Reader {
    async fn open(server: &Server, path: &str, accept: &Value) -> Self {
        let request = request("GET", path).header(ACCEPT, accept.as_str().unwrap());
        let response = server.open(request, Body::empty()).await;
        Self {
            status: response.status().as_u16().into(),
            stream: response.into_body().into_data_stream(),
        }
    }

    /// Its lines, and whether it ends after them.
    async fn read(mut self, case: &Value) -> Got {
        let silence = if case["ended"] == true {
            LIMIT
        } else {
            SILENCE
        };
        let enough = case["lines"].as_array().unwrap().len() + 1;
        let mut lines = Vec::new();
        while lines.len() < enough {
            match tokio::time::timeout(silence, self.stream.next()).await {
                Ok(Some(line)) => lines.push(serde_json::from_slice(&line.unwrap()).unwrap()),
                Ok(None) => return (self.status, lines, true),
                Err(_) => break,
            }
        }
        (self.status, lines, false)
    }
}

impl Versions {
    fn note(&mut self, recorded: u64, ours: u64) {
        self.recorded.insert(ours.to_string(), recorded.to_string());
        self.ours.insert(recorded, ours);
    }

    /// The path with this server's versions in it.
    fn fill(&self, path: &str, start: u64) -> String {
        let path = path.replace("{start}", &start.to_string());
        let path = path.replace(FUTURE.0, FUTURE.1);
        match self.ours.get(&260) {
            Some(version) => path.replace("{260}", &version.to_string()),
            None => path,
        }
    }

    fn plain_got(&self, (status, lines, ended): Got) -> Got {
        let plain = lines.into_iter().map(|mut line| {
            if is_idle_bookmark(&line) {
                line["object"]["metadata"]["resourceVersion"] = "0".into();
            }
            self.plain(&line)
        });
        (status, plain.collect(), ended)
    }

    /// A line without what differs from run to run.
    fn plain(&self, line: &Value) -> Value {
        match line {
            Value::Object(members) => {
                let kept = members
                    .iter()
                    .filter(|(key, _)| !IGNORED.contains(&key.as_str()));
                let plain = kept.map(|(key, value)| (key.clone(), self.plain_member(key, value)));
                Value::Object(plain.collect())
            }
            Value::Array(items) => items.iter().map(|item| self.plain(item)).collect(),
            Value::String(text) if is_age(text) => "(age)".into(),
            other => other.clone(),
        }
    }

    fn plain_member(&self, key: &str, value: &Value) -> Value {
        match (key, value.as_str()) {
            ("uid" | "creationTimestamp", Some(_)) => "(any)".into(),
            // A version that another write made.
            ("resourceVersion", Some(text)) if !self.knows(text) => "(elsewhere)".into(),
            ("resourceVersion", Some(text)) => self
                .recorded
                .get(text)
                .cloned()
                .unwrap_or(text.into())
                .into(),
            // The oldest version that is known differs.
            ("message", Some(text)) if text.starts_with("too old") => {
                text.split(" (").next().into()
            }
            _ => self.plain(value),
        }
    }

    fn knows(&self, text: &str) -> bool {
        let number = text.parse().unwrap();
        self.recorded.contains_key(text) || self.ours.contains_key(&number)
    }
}

/// Descriptions are the project's own words; who manages a field is not what watches are about.
const IGNORED: [&str; 2] = ["description", "managedFields"];

/// It has the version of whatever was written elsewhere.
fn is_idle_bookmark(line: &Value) -> bool {
    line["type"] == "BOOKMARK"
        && line["object"]["metadata"].get("annotations").is_none()
        && line["object"]["kind"] != "Table"
}

fn is_age(text: &str) -> bool {
    text.strip_suffix('s')
        .is_some_and(|number| number.parse::<u64>().is_ok())
}
