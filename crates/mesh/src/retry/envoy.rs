//! A retry policy in Envoy's words (`envoy.config.route.v3.RetryPolicy`).

use serde_json::{Value, json};

use super::{Condition, RetryPolicy};
use crate::dump::duration;

const PREVIOUS_HOSTS: &str = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";

impl RetryPolicy {
    /// As Envoy's RetryPolicy; conditions of HTTP/2, which nothing here can meet, are left out.
    pub(crate) fn envoy(&self) -> Value {
        let names: Vec<&str> = self.on.conditions.iter().map(|it| it.name()).collect();
        let mut policy = json!({
            "retry_on": names.join(","),
            "num_retries": self.retries,
            "retry_back_off": {"base_interval": duration(self.base)},
        });
        if !self.on.status_codes.is_empty() {
            policy["retriable_status_codes"] = self.on.status_codes.as_slice().into();
        }
        if let Some(limit) = self.per_try_timeout {
            policy["per_try_timeout"] = duration(limit).into();
        }
        if self.repicks > 0 {
            policy["retry_host_predicate"] = json!([{
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {"@type": format!("type.googleapis.com/{PREVIOUS_HOSTS}")},
            }]);
            policy["host_selection_retry_max_attempts"] = self.repicks.to_string().into();
        }
        policy
    }
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Self::FiveXx => "5xx",
            Self::GatewayError => "gateway-error",
            Self::Reset => "reset",
            Self::ConnectFailure => "connect-failure",
            Self::Retriable4xx => "retriable-4xx",
            Self::StatusCodes => "retriable-status-codes",
            Self::Grpc(1) => "cancelled",
            Self::Grpc(4) => "deadline-exceeded",
            Self::Grpc(8) => "resource-exhausted",
            Self::Grpc(13) => "internal",
            Self::Grpc(_) => "unavailable",
        }
    }
}
