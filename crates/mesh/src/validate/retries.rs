//! The webhook's rules for retries.

use http::StatusCode;

use super::Complaints;
use super::http_route::whole_milliseconds;
use crate::model::HttpRetry;

/// Envoy's conditions, for HTTP and gRPC.
const CONDITIONS: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

pub(super) fn check(retries: &HttpRetry, complaints: &mut Complaints) {
    if retries.attempts < 0 {
        complaints.add_listed("attempts cannot be negative");
    }
    let configured = retries.per_try_timeout.is_some() || !retries.retry_on.is_empty();
    if retries.attempts == 0 && configured {
        complaints.add("http retry policy configured when attempts are set to 0 (disabled)");
    }
    whole_milliseconds(retries.per_try_timeout, complaints);
    if !retries.retry_on.is_empty() {
        for condition in retries
            .retry_on
            .split(',')
            .filter(|condition| !is_condition(condition))
        {
            complaints.add(format!("{condition:?} is not a valid retryOn policy"));
        }
    }
}

fn is_condition(condition: &str) -> bool {
    // Istio: a number counts if it is a status that has a name.
    let status = condition
        .parse()
        .ok()
        .and_then(|code| StatusCode::from_u16(code).ok());
    CONDITIONS.contains(&condition)
        || status.is_some_and(|status| status.canonical_reason().is_some())
}
