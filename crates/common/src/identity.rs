//! Who answered: three headers on every answer, errors included.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::env::Env;

/// Cluster that answered: `ctx1`, `ctx2` or `unknown`.
pub const X_SERVICE_CLUSTER: HeaderName = HeaderName::from_static("x-service-cluster");
/// Pod that answered.
pub const X_POD_NAME: HeaderName = HeaderName::from_static("x-pod-name");
/// Service that answered.
pub const X_SERVICE_NAME: HeaderName = HeaderName::from_static("x-service-name");

/// The service, cluster and pod this process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the service, for example `user-service`.
    pub service: &'static str,
    /// `CLUSTER_NAME`; else `ctx1` or `ctx2` found in `HOSTNAME`; else `unknown`.
    pub cluster: String,
    /// `HOSTNAME`, which Kubernetes sets to the pod's name; else `unknown`.
    pub pod: String,
}

impl Identity {
    /// Reads `CLUSTER_NAME` and `HOSTNAME`.
    pub fn from_env(service: &'static str, env: &Env) -> Self {
        let pod = env.get_or("HOSTNAME", "unknown");
        let found_in_pod = || ["ctx1", "ctx2"].into_iter().find(|name| pod.contains(name));
        Self {
            service,
            cluster: env
                .get("CLUSTER_NAME")
                .or_else(found_in_pod)
                .unwrap_or("unknown")
                .to_owned(),
            pod: pod.to_owned(),
        }
    }

    /// The three headers, validated once.
    pub fn headers(&self) -> IdentityHeaders {
        let value = |text: &str| {
            HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
        };
        IdentityHeaders {
            service: HeaderValue::from_static(self.service),
            cluster: value(&self.cluster),
            pod: value(&self.pod),
        }
    }
}

/// [`Identity`] as header values; cloning them copies no text.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    service: HeaderValue,
    cluster: HeaderValue,
    pod: HeaderValue,
}

/// Response extension: another process made this answer, and it passes unchanged.
#[derive(Clone, Copy, Debug)]
pub struct Relayed;

/// Middleware: signs every answer of the router below it, but for [`Relayed`] ones.
///
/// A relayed answer without a signature was made by a proxy on the way; signing
/// it would claim that a pod had answered.
pub async fn sign(
    State(identity): State<IdentityHeaders>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if response.extensions().get::<Relayed>().is_some() {
        return response;
    }
    let headers = response.headers_mut();
    headers.insert(X_SERVICE_CLUSTER, identity.cluster);
    headers.insert(X_POD_NAME, identity.pod);
    headers.insert(X_SERVICE_NAME, identity.service);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster_of<const N: usize>(pairs: [(&str, &str); N]) -> String {
        Identity::from_env("s", &Env::from(pairs)).cluster
    }

    #[test]
    fn cluster_comes_from_its_variable_then_the_pod_name_then_unknown() {
        let pod = ("HOSTNAME", "user-service-ctx2-754bc8dd6f-kghtc");
        assert_eq!(cluster_of([("CLUSTER_NAME", "ctx1"), pod]), "ctx1");
        assert_eq!(cluster_of([pod]), "ctx2");
        assert_eq!(cluster_of([("HOSTNAME", "laptop")]), "unknown");
        assert_eq!(cluster_of([]), "unknown");
    }

    #[test]
    fn a_name_that_is_no_header_value_is_unknown() {
        let identity = Identity::from_env("s", &Env::from([("HOSTNAME", "a\nb")]));
        assert_eq!(identity.headers().pod, "unknown");
    }
}
