//! `GET …/log`: the text of a container's log, followed where asked for.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::convert::Infallible;

use super::{Call, container, is_bound};
use crate::http::options::Query;
use crate::kubelet::{ContainerRef, LogOptions};
use crate::object;
use crate::status::{Cause, Status};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

pub(super) fn serve(call: &Call<'_>, pod: &Value) -> Result<Response, Status> {
    let options = options(&call.query, object::name(pod), Timestamp::now())?;
    let container = container(pod, call.query.get("container"))?;
    if !is_bound(pod) {
        // Kubernetes: nothing runs anywhere, so there is nothing to show.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let pages = call
        .cluster
        .kubelet
        .logs(ContainerRef { pod, container }, options)?;
    let pages = pages.take_until(call.shutdown.clone().cancelled_owned());
    let body = Body::from_stream(pages.map(Ok::<_, Infallible>));
    Ok(([(CONTENT_TYPE, TEXT)], body).into_response())
}

fn options(query: &Query, pod: &str, now: Timestamp) -> Result<LogOptions, Status> {
    let (tail, limit) = (
        query.number::<i64>("tailLines")?,
        query.number::<i64>("limitBytes")?,
    );
    let seconds = query.number::<i64>("sinceSeconds")?;
    let time = since_time(query)?;
    let mut causes = Vec::new();
    if let Some(tail) = tail.filter(|tail| *tail < 0) {
        causes.push(Cause::invalid(
            "tailLines",
            tail,
            "must be greater than or equal to 0",
        ));
    }
    if let Some(limit) = limit.filter(|limit| *limit < 1) {
        causes.push(Cause::invalid(
            "limitBytes",
            limit,
            "must be greater than 0",
        ));
    }
    match (seconds, time) {
        (Some(_), Some(_)) => {
            let detail = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            causes.push(Cause::forbidden("", detail));
        }
        (Some(seconds), None) if seconds < 1 => {
            causes.push(Cause::invalid(
                "sinceSeconds",
                seconds,
                "must be greater than 0",
            ));
        }
        _ => {}
    }
    if !causes.is_empty() {
        return Err(Status::invalid_kind("", "PodLogOptions", pod, causes));
    }
    let ago = |seconds: i64| now.saturating_sub(SignedDuration::from_secs(seconds)).ok();
    Ok(LogOptions {
        follow: query.flag("follow"),
        previous: query.flag("previous"),
        timestamps: query.flag("timestamps"),
        since: time.or_else(|| seconds.and_then(ago)),
        tail: tail.and_then(|tail| u64::try_from(tail).ok()),
        limit: limit.and_then(|limit| u64::try_from(limit).ok()),
    })
}

fn since_time(query: &Query) -> Result<Option<Timestamp>, Status> {
    let Some(text) = query.get("sinceTime").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let time = text.parse().map_err(|_| {
        Status::bad_request(format!(
            "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
        ))
    })?;
    Ok(Some(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<LogOptions, String> {
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        let query = Query::of(&format!("/log?{text}").parse().unwrap());
        options(&query, "p", now).map_err(|status| status.message().to_owned())
    }

    #[test]
    fn seconds_count_back_from_now() {
        let found = of("sinceSeconds=60&tailLines=2&follow=true&limitBytes=9").unwrap();
        let expected = LogOptions {
            follow: true,
            since: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            tail: Some(2),
            limit: Some(9),
            ..LogOptions::default()
        };
        assert_eq!(found, expected);
        let found = of("sinceTime=2026-01-01T00%3A00%3A30Z").unwrap();
        assert_eq!(found.since, Some("2026-01-01T00:00:30Z".parse().unwrap()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_the_servers_words() {
        let invalid = "PodLogOptions \"p\" is invalid: ";
        let rows = [
            (
                "tailLines=-1",
                "tailLines: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "limitBytes=0",
                "limitBytes: Invalid value: 0: must be greater than 0",
            ),
            (
                "sinceSeconds=0",
                "sinceSeconds: Invalid value: 0: must be greater than 0",
            ),
        ];
        for (query, expected) in rows {
            assert_eq!(of(query), Err(format!("{invalid}{expected}")), "{query}");
        }
        assert!(of("tailLines=x").is_err());
        assert!(of("sinceTime=yesterday").is_err());
        assert!(of("sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z").is_err());
    }
}
