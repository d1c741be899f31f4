//! The `Status` object every refusal is answered with, in the words of a real API server.

mod cause;

use std::fmt;

use serde::Serialize;

use crate::resource::Resource;

pub use cause::Cause;

/// A Kubernetes `Status` with `status: Failure`; its code is also the HTTP status.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
#[serde(tag = "kind", rename_all = "camelCase")]
pub struct Status {
    api_version: &'static str,
    metadata: Metadata,
    status: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Box<Details>>,
    code: u16,
}

/// As a list's: a refused page may name another one.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "String::is_empty")]
    r#continue: String,
}

/// What a [`Status`] is about.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The plural resource, or the Kind where the object itself is invalid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Uid of a deleted object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Single faults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// Seconds after which to try again; also the `Retry-After` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl Status {
    /// A failure with neither reason nor details; both can be added.
    pub fn failure(code: u16, message: impl Into<String>) -> Self {
        Self {
            api_version: "v1",
            metadata: Metadata::default(),
            status: "Failure",
            message: message.into(),
            reason: None,
            details: None,
            code,
        }
    }

    /// Adds the reason clients act on.
    pub fn reason(self, reason: &'static str) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    /// Adds what it is about.
    pub fn details(self, details: Details) -> Self {
        Self {
            details: Some(Box::new(details)),
            ..self
        }
    }

    /// Adds the token a list can be gone on with.
    pub fn continued(mut self, token: impl Into<String>) -> Self {
        self.metadata.r#continue = token.into();
        self
    }

    /// HTTP status code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Whether an object could not be created because its name is taken.
    pub fn is_already_exists(&self) -> bool {
        self.reason == Some("AlreadyExists")
    }

    /// The sentence kubectl prints.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Seconds after which to try again, where the details say so.
    pub fn retry_after(&self) -> Option<u32> {
        self.details.as_ref()?.retry_after_seconds
    }

    /// 404 for a named object.
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        Self::failure(
            404,
            format!("{} \"{name}\" not found", resource.qualified()),
        )
        .reason("NotFound")
        .details(about(resource, name))
    }

    /// 404 for a path that names no resource of a known group and version.
    pub fn no_such_resource() -> Self {
        Self::failure(404, "the server could not find the requested resource")
            .reason("NotFound")
            .details(Details::default())
    }

    /// 409 for a create.
    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        Self::failure(
            409,
            format!("{} \"{name}\" already exists", resource.qualified()),
        )
        .reason("AlreadyExists")
        .details(about(resource, name))
    }

    /// 409 for a write based on an older state.
    pub fn conflict(resource: &Resource, name: &str, why: impl fmt::Display) -> Self {
        let what = resource.qualified();
        Self::failure(
            409,
            format!("Operation cannot be fulfilled on {what} \"{name}\": {why}"),
        )
        .reason("Conflict")
        .details(about(resource, name))
    }

    /// 409 for a failed precondition of DELETE: real servers name the Kind here.
    pub fn precondition(resource: &Resource, name: &str, why: impl fmt::Display) -> Self {
        let what = resource.qualified_kind();
        Self::failure(
            409,
            format!("Operation cannot be fulfilled on {what} \"{name}\": {why}"),
        )
        .reason("Conflict")
        .details(Details {
            kind: resource.kind.into(),
            ..about(resource, name)
        })
    }

    /// 403 for a named object.
    pub fn forbidden(resource: &Resource, name: &str, why: impl fmt::Display) -> Self {
        Self::failure(
            403,
            format!("{} \"{name}\" is forbidden: {why}", resource.qualified()),
        )
        .reason("Forbidden")
        .details(about(resource, name))
    }

    /// 422 for an object of a kind; one cause or more.
    pub fn invalid(resource: &Resource, name: &str, causes: Vec<Cause>) -> Self {
        Self::invalid_kind(resource.group, resource.kind, name, causes)
    }

    /// 422 for something that is no stored object: options of a request, a Scale.
    pub fn invalid_kind(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let what = if group.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind}.{group}")
        };
        let message = format!("{what} \"{name}\" is invalid: {}", cause::joined(&causes));
        Self::failure(422, message)
            .reason("Invalid")
            .details(Details {
                name: name.into(),
                group: group.into(),
                kind: kind.into(),
                causes,
                ..Details::default()
            })
    }

    /// 422 for a patch that cannot be applied to this object.
    pub fn unprocessable() -> Self {
        Self::failure(
            422,
            "the server rejected our request due to an error in our request",
        )
        .reason("Invalid")
        .details(Details::default())
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::failure(400, message).reason("BadRequest")
    }

    /// 400 in the words of an admission webhook, which gives no reason.
    pub fn denied(webhook: &str, why: impl fmt::Display) -> Self {
        Self::failure(
            400,
            format!("admission webhook \"{webhook}\" denied the request: {why}"),
        )
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::failure(
            405,
            "the server does not allow this method on the requested resource",
        )
        .reason("MethodNotAllowed")
        .details(Details::default())
    }

    /// 406: no form of the answer that the client accepts is there.
    pub fn not_acceptable(message: impl Into<String>) -> Self {
        Self::failure(406, message).reason("NotAcceptable")
    }

    /// 410: the history a watch asks for is gone.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::failure(410, message).reason("Expired")
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        Self::failure(413, format!("Request entity too large: limit is {limit}"))
            .reason("RequestEntityTooLarge")
    }

    /// 415 for a body in a format other than those listed.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::failure(415, message).reason("UnsupportedMediaType")
    }

    /// 429: all there is room for is taken; try again after some seconds.
    pub fn too_many_requests(message: impl Into<String>, retry_after: u32) -> Self {
        Self::failure(429, message)
            .reason("TooManyRequests")
            .details(Details {
                retry_after_seconds: Some(retry_after),
                ..Details::default()
            })
    }

    /// 500 without a reason, as for errors of the storage layer.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::failure(500, message)
    }

    /// 504 with advice on when to try again.
    pub fn timeout(message: impl Into<String>, causes: Vec<Cause>, retry_after: u32) -> Self {
        let message = format!("Timeout: {}", message.into());
        Self::failure(504, message)
            .reason("Timeout")
            .details(Details {
                causes,
                retry_after_seconds: Some(retry_after),
                ..Details::default()
            })
    }
}

/// Details naming an object by its plural resource.
pub fn about(resource: &Resource, name: &str) -> Details {
    Details {
        name: name.into(),
        group: resource.group.into(),
        kind: resource.plural.into(),
        ..Details::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::rows;

    #[test]
    fn a_status_serializes_as_kubectl_expects_it() {
        let status = Status::not_found(&rows::DEPLOYMENTS, "x");
        assert_eq!(
            serde_json::to_value(&status).unwrap(),
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "deployments.apps \"x\" not found", "reason": "NotFound",
                "details": {"name": "x", "group": "apps", "kind": "deployments"}, "code": 404,
            })
        );
    }

    #[test]
    fn one_fault_is_bare_and_several_are_bracketed() {
        let one = vec![Cause::required("spec.selector", "")];
        let two = vec![
            Cause::invalid("spec.replicas", -1, "must not be negative"),
            one[0].clone(),
        ];
        let one = Status::invalid(&rows::DEPLOYMENTS, "d", one);
        let two = Status::invalid(&rows::PODS, "p", two);
        assert_eq!(
            one.message(),
            r#"Deployment.apps "d" is invalid: spec.selector: Required value"#
        );
        assert_eq!(
            two.message(),
            r#"Pod "p" is invalid: [spec.replicas: Invalid value: -1: must not be negative, spec.selector: Required value]"#
        );
    }

    #[test]
    fn a_denial_by_a_webhook_has_no_reason() {
        let status = Status::denied("validation.istio.io", "configuration is invalid");
        let status = serde_json::to_value(status).unwrap();
        assert_eq!(status["code"], 400);
        assert!(status.get("reason").is_none() && status.get("details").is_none());
    }
}
