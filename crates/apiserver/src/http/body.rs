//! Reading what a client sent.

use std::time::Duration;

use apimachinery::decode::Document;
use apimachinery::protobuf;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use serde_json::Value;

use super::Call;
use super::syntax::go_error;
use crate::status::Status;

/// Kubernetes: no request may be longer, in bytes.
pub(super) const MAX_BODY: usize = 3 * 1024 * 1024;
/// How long a client may take to send its body.
const PATIENCE: Duration = Duration::from_secs(30);
/// Media types of objects, as a real API server lists them.
const OBJECTS: [&str; 3] = [JSON, YAML, PROTOBUF];
const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

pub(super) async fn read(body: Body) -> Result<Bytes, Status> {
    match tokio::time::timeout(PATIENCE, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => Err(Status::too_large(MAX_BODY)),
        Ok(Err(error)) => Err(Status::bad_request(format!(
            "the request body cannot be read: {error}"
        ))),
        Err(_) => Err(Status::timeout(
            "request body was not sent in time",
            Vec::new(),
            1,
        )),
    }
}

/// The body as an object of a kind, as it was written: JSON where nothing else is said.
pub(super) fn document(call: &Call<'_>, kind: &str) -> Result<Document, Status> {
    let no_kind = |why| {
        unrecognized(
            call,
            kind,
            &format!("couldn't get version/kind; json parse error: {why}"),
        )
    };
    match call.media_type().as_deref() {
        None | Some(JSON) => serde_json::from_slice(&call.body)
            .map_err(|error| no_kind(go_error(&error, &call.body))),
        Some(YAML) => serde_saphyr::from_slice(&call.body)
            .map_err(|error| unrecognized(call, kind, &format!("yaml: {error}"))),
        Some(PROTOBUF) => protobuf::decode(&call.body)
            .map(Document::from)
            .map_err(|error| unrecognized(call, kind, &error.to_string())),
        _ => Err(Status::unsupported_media_type(&OBJECTS)),
    }
}

/// The body as an object of a kind that is not judged here.
pub(super) fn decode(call: &Call<'_>, kind: &str) -> Result<Value, Status> {
    document(call, kind).map(Value::from)
}

/// The refusal of a body in which no object of the kind can be seen.
pub(super) fn unrecognized(call: &Call<'_>, kind: &str, why: &str) -> Status {
    let shown = summary(&call.body);
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {why} ({shown})"
    ))
}

/// The body of a patch as JSON.
pub(super) fn decode_patch(body: &[u8]) -> Result<Value, Status> {
    serde_json::from_slice(body).map_err(|error| undecodable_patch(&go_error(&error, body)))
}

/// The body of a server-side apply, which is YAML.
pub(super) fn decode_yaml(body: &[u8]) -> Result<Value, Status> {
    // JSON is YAML too, and quicker to read as what it is.
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    serde_saphyr::from_slice(body)
        .map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))
}

pub(super) fn undecodable_patch(why: &str) -> Status {
    Status::bad_request(format!("error decoding patch: {why}"))
}

/// What Go calls the type of a JSON value.
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The start of a body as messages show it: text of an object, anything else in hexadecimal.
fn summary(body: &[u8]) -> String {
    const SHOWN: usize = 30;
    let start = &body[..body.len().min(SHOWN)];
    let more = if body.len() > SHOWN { " ..." } else { "" };
    match body.first() {
        None => "<empty>".into(),
        Some(b'{') => String::from_utf8_lossy(start).into_owned() + more,
        Some(_) => {
            let hex: String = start.iter().map(|byte| format!("{byte:02x}")).collect();
            hex + more
        }
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_shown_short() {
        assert_eq!(summary(b""), "<empty>");
        assert_eq!(summary(b"[]"), "5b5d");
        assert_eq!(summary(br#"{"apiVersion":"v1","#), r#"{"apiVersion":"v1","#);
        assert_eq!(summary(&[b'{'; 40]), "{".repeat(30) + " ...");
    }
}
