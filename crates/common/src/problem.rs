//! Errors as the client sees them: RFC 9457 `application/problem+json`.
//!
//! A domain error becomes a [`Problem`] with a safe message; its cause goes to
//! the log once, where it is handled.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Body of every error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem; `about:blank` means that the status says it all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status code.
    status: u16,
    /// The thing, the cause and the next step.
    detail: String,
    /// Each field that was refused, with the reason; absent when no field is at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after: bool,
}

/// One refused field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Name of the field as in the request.
    pub field: String,
    /// What is wrong with it and what is accepted.
    pub message: String,
}

impl Problem {
    /// A problem of this status; `detail` names the thing, the cause and the next step.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: false,
        }
    }

    /// 404 for a thing of that name.
    pub fn not_found(thing: &str, id: &str) -> Self {
        let detail = format!("{thing} {id:?} does not exist; list the collection to see what does");
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 422 with every refused field.
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let names: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let detail = format!(
            "the request has invalid fields ({}); see errors",
            names.join(", ")
        );
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    /// 503 with `Retry-After: 1`: the same request may succeed soon.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: true,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).expect("built from a StatusCode")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("strings and numbers serialize");
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Answer for a path that no route has.
pub async fn no_such_path(uri: axum::http::Uri) -> Problem {
    let detail = format!(
        "no resource at {:?}; see /openapi.json for those there are",
        uri.path()
    );
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// Answer for a path that exists, but not with this method.
pub async fn no_such_method(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let detail = format!(
        "{method} is not offered at {:?}; see the Allow header",
        uri.path()
    );
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457() {
        let json = serde_json::to_value(Problem::not_found("user", "9")).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "user \"9\" does not exist; list the collection to see what does",
            })
        );
    }

    #[test]
    fn unavailable_says_when_to_retry() {
        let response = Problem::unavailable("redis is away").into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
}
