//! Strict input: what a handler receives is well-formed, or the client gets a [`Problem`].

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::Problem;

/// Largest request body of a service, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A body of `application/json` that is one JSON object.
#[derive(Debug)]
pub struct JsonObject(pub serde_json::Map<String, Value>);

/// Query parameters, as [`axum::extract::Query`], with a [`Problem`] instead of plain text.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// Path parameters, as [`axum::extract::Path`], with a [`Problem`] instead of plain text.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| unreadable(rejection.status()))?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(_) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the body is JSON but no object; send {\"field\": value, …}",
            )),
            Err(error) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!("the body is no JSON: {error}; check quotes and commas there"),
            )),
        }
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let found = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = found.and_then(|it| it.split(';').next()).map(str::trim);
    if essence.is_some_and(|it| it.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let detail = format!(
        "the content type is {}; send Content-Type: application/json",
        found.unwrap_or("missing")
    );
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

fn unreadable(status: StatusCode) -> Problem {
    let detail = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            format!("the body is larger than {BODY_LIMIT} bytes; send less")
        }
        _ => "the body ended before it was complete; send it again".to_owned(),
    };
    Problem::new(status, detail)
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| {
                let detail = format!("{}; correct the query", rejection.body_text());
                Problem::new(StatusCode::BAD_REQUEST, detail)
            })
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection| {
                let detail = format!("{}; correct the path", rejection.body_text());
                Problem::new(StatusCode::BAD_REQUEST, detail)
            })
    }
}
