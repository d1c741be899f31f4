//! One answer of a service, as status and headers tell it.

use std::borrow::Cow;
use std::time::Duration;

use common::identity::{X_POD_NAME, X_SERVICE_CLUSTER};
use http::{HeaderMap, StatusCode};
use mesh::cause::{self, By};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::UnixMs;
use crate::theater::{Cluster, Service};

/// Kubernetes: the longest name of a pod.
const LONGEST_POD_NAME: usize = 253;

/// One answer: one lamp.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The service asked.
    pub service: Service,
    /// When the status was there, Unix milliseconds.
    pub t: UnixMs,
    /// The cluster that answered; null where no pod said so.
    pub cluster: Option<Cluster>,
    /// The pod that answered; null where none said so.
    pub pod: Option<String>,
    /// HTTP status.
    pub status: u16,
    /// From request to response headers, in milliseconds, one decimal.
    pub ms: f64,
    /// The part of it spent upstream, as the sidecar measured it.
    pub upstream_ms: Option<u64>,
    /// `ok`, `app`, an Envoy response flag, or `unknown`.
    #[schema(value_type = String)]
    pub cause: Cow<'static, str>,
    /// The sidecar that made the answer: `client`, `server`, or null.
    #[schema(value_type = Option<String>)]
    pub by: Option<Cow<'static, str>>,
    /// Whether the answer says that it was tried again.
    pub retried: bool,
}

impl Answer {
    /// Reads an answer; `body` only where it may be a proxy's own text.
    pub fn read(
        service: Service,
        now: UnixMs,
        took: Duration,
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&str>,
    ) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let told = cause::cause(&cause::Answer::new(status.as_u16(), headers, body));
        Self {
            cluster: text(X_SERVICE_CLUSTER.as_str()).and_then(Cluster::of_name),
            pod: text(X_POD_NAME.as_str())
                .filter(|name| *name != "unknown" && name.len() <= LONGEST_POD_NAME)
                .map(str::to_owned),
            upstream_ms: text("x-envoy-upstream-service-time").and_then(|ms| ms.parse().ok()),
            cause: told.kind.as_str().into(),
            by: told.by.map(|by| match by {
                By::Client => "client".into(),
                By::Server => "server".into(),
            }),
            retried: told.retried,
            ..Self::from_nowhere(service, now, took, status)
        }
    }

    /// An answer that the gateway had to give itself: no proxy tells why, so the cause is unknown.
    pub fn from_nowhere(service: Service, now: UnixMs, took: Duration, status: StatusCode) -> Self {
        Self {
            service,
            t: now,
            cluster: None,
            pod: None,
            status: status.as_u16(),
            ms: (took.as_secs_f64() * 10_000.0).round() / 10.0,
            upstream_ms: None,
            cause: "unknown".into(),
            by: None,
            retried: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer<const N: usize>(
        status: u16,
        headers: [(&str, &str); N],
        body: Option<&str>,
    ) -> Answer {
        let pairs = headers.into_iter().map(|(name, value)| {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, value.parse().unwrap())
        });
        let status = StatusCode::from_u16(status).unwrap();
        let took = Duration::from_micros(12_345);
        Answer::read(Service::User, 7, took, status, &pairs.collect(), body)
    }

    #[test]
    fn a_pods_answer_names_cluster_pod_and_both_times() {
        let headers = [
            ("x-service-cluster", "ctx2"),
            ("x-pod-name", "user-service-ctx2-abc"),
            ("x-envoy-upstream-service-time", "3"),
            ("server", "envoy"),
        ];
        let json = serde_json::to_value(answer(200, headers, None)).unwrap();
        let expected = serde_json::json!({
            "service": "user", "t": 7, "cluster": "ctx2", "pod": "user-service-ctx2-abc", "status": 200,
            "ms": 12.3, "upstreamMs": 3, "cause": "ok", "by": null, "retried": false,
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn an_injected_abort_has_no_cluster_and_its_cause() {
        let headers = [("server", "envoy"), ("content-type", "text/plain")];
        let found = answer(500, headers, Some("fault filter abort"));
        assert_eq!(
            (found.cluster, &*found.cause, found.by.as_deref()),
            (None, "FI", Some("client"))
        );
    }

    #[test]
    fn what_a_service_does_not_know_is_null() {
        let headers = [("x-service-cluster", "unknown"), ("x-pod-name", "unknown")];
        let found = answer(404, headers, None);
        assert_eq!(
            (found.cluster, found.pod, &*found.cause),
            (None, None, "ok")
        );
    }

    #[test]
    fn an_answer_survives_its_stored_form() {
        let written = answer(503, [("x-service-cluster", "ctx1")], None);
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), written);
    }
}
