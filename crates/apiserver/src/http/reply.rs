//! Answers.

use apimachinery::versioned::Versioned;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::target::Place;
use crate::status::Status;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache, private");
const WARNING: HeaderName = http::header::WARNING;
/// Kubernetes: all warnings of an answer together, in bytes; what does not fit is left out.
const MAX_WARNINGS: usize = 4 * 1024;

/// A refusal with its own code.
pub(super) fn refusal(status: &Status) -> Response {
    let code = StatusCode::from_u16(status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(code, status);
    if let Some(seconds) = status.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

pub(super) fn json(code: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => with_type(code, JSON, body.into()),
        Err(error) => with_type(
            StatusCode::INTERNAL_SERVER_ERROR,
            TEXT,
            error.to_string().into(),
        ),
    }
}

/// Something that is no object was created, and that is all.
pub(super) fn done() -> Response {
    let done = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
    });
    json(StatusCode::CREATED, &done)
}

/// A stored object in the version of the place.
pub(super) fn object(code: StatusCode, place: &Place, object: &Value) -> Response {
    json(code, &Versioned::new(object, &place.api_version()))
}

pub(super) fn text(text: impl Into<Body>) -> Response {
    with_type(StatusCode::OK, TEXT, text.into())
}

/// Says that another `Accept` would have got another answer.
pub(super) fn varying(mut response: Response) -> Response {
    let accept = HeaderValue::from_static("Accept");
    response.headers_mut().insert(VARY, accept);
    response
}

/// Lines of JSON as they come.
pub(super) fn stream(body: Body) -> Response {
    with_type(StatusCode::OK, JSON, body)
}

/// Kubernetes: a path outside the API is answered like by any web server.
pub(super) fn page_not_found() -> Response {
    with_type(StatusCode::NOT_FOUND, TEXT, "404 page not found\n".into())
}

/// Adds what kubectl shows as `Warning: …`.
pub(super) fn with_warnings(mut response: Response, warnings: &[String]) -> Response {
    let mut left = MAX_WARNINGS;
    for warning in warnings {
        let line = format!("299 - {}", quoted(warning));
        left = left.saturating_sub(line.len());
        if left == 0 {
            break;
        }
        if let Ok(value) = HeaderValue::from_bytes(line.as_bytes()) {
            response.headers_mut().append(WARNING, value);
        }
    }
    response
}

/// A quoted string of RFC 9110; what a header cannot hold becomes a space.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn with_type(code: StatusCode, media_type: HeaderValue, body: Body) -> Response {
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, NO_CACHE)];
    (code, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(texts: &[&str]) -> Vec<String> {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let response = with_warnings(text("ok"), &texts);
        let values = response.headers().get_all(WARNING).iter();
        values
            .map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn a_warning_is_quoted_and_cannot_break_out_of_its_header() {
        assert_eq!(
            warnings(&["unknown field \"spec.foo\""]),
            [r#"299 - "unknown field \"spec.foo\"""#]
        );
        assert_eq!(
            warnings(&["a\r\nSet-Cookie: x"]),
            [r#"299 - "a  Set-Cookie: x""#]
        );
        assert_eq!(warnings(&["서브셋"]), ["299 - \"서브셋\""]);
    }

    #[test]
    fn warnings_are_bounded() {
        let long = "x".repeat(1_000);
        assert_eq!(warnings(&[long.as_str(); 10]).len(), 4);
    }
}
