//! The answers a proxy makes itself, byte for byte as Envoy 1.40 makes them.

mod flags;
mod reset;
mod response;

use std::borrow::Cow;

pub use flags::Flags;
pub use reset::Reset;

use crate::fault::AbortStatus;

/// Header of an answer that an upstream gave: milliseconds until its headers, retries included.
pub const SERVICE_TIME: &str = "x-envoy-upstream-service-time";
/// Header of an answer to a request that a limit of the connection pool refused.
pub const OVERLOADED: &str = "x-envoy-overloaded";
/// Body of an injected abort.
pub const ABORT: &str = "fault filter abort";
/// Body where a cluster has no (healthy) host.
pub const NO_HEALTHY_UPSTREAM: &str = "no healthy upstream";
/// Body of a timeout of the route or of a try.
pub const REQUEST_TIMEOUT: &str = "upstream request timeout";
/// Start of the body where the upstream gave no answer.
pub const CONNECT_ERROR: &str = "upstream connect error or disconnect/reset before headers. ";
/// What follows it after a retry.
pub const RETRIED: &str = "retried and the latest ";

/// Why a proxy answers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No route of the virtual host matches, or a gateway knows no such host.
    NoRoute,
    /// The route's cluster does not exist.
    NoCluster,
    /// The cluster has no (healthy) host.
    NoHealthyUpstream,
    /// No answer began.
    Reset {
        /// How it ended.
        reset: Reset,
        /// Whether it was tried again; the body tells.
        retried: bool,
    },
    /// The route's timeout.
    RouteTimeout,
    /// The timeout of the last try.
    TryTimeout,
    /// An injected abort.
    Abort(AbortStatus),
    /// The route answers itself.
    Direct {
        /// Status.
        status: u16,
        /// Body, possibly empty.
        body: Cow<'static, [u8]>,
    },
    /// The route redirects.
    Redirect {
        /// Status.
        status: u16,
        /// `location`.
        location: String,
    },
    /// A browser asks what it may do from another origin.
    Preflight,
    /// A request of HTTP/1.0.
    UpgradeRequired,
    /// A request without Host.
    BadRequest,
    /// A request whose body is no HTTP.
    Malformed,
    /// A request to switch to a protocol that is not spoken here.
    UpgradeFailed,
}

/// An answer of the proxy's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReply {
    /// Status.
    pub status: u16,
    /// Body, possibly empty; text, unless a route says otherwise.
    pub body: Cow<'static, [u8]>,
    /// `location`, for a redirect.
    pub location: Option<String>,
    /// Whether `x-envoy-overloaded: true` is set.
    pub overloaded: bool,
    /// The gRPC status told to a gRPC client; none = by the HTTP status.
    pub grpc_status: Option<u8>,
    /// Flags of the access log.
    pub flags: Flags,
    /// `RESPONSE_CODE_DETAILS` of the access log.
    pub details: &'static str,
}

/// The answer for a reason.
pub fn local_reply(reason: &Reason) -> LocalReply {
    let plain = |status, body: &'static str, flags: &[&'static str], details| LocalReply {
        status,
        body: Cow::Borrowed(body.as_bytes()),
        location: None,
        overloaded: false,
        grpc_status: None,
        flags: flags.into(),
        details,
    };
    match reason {
        Reason::NoRoute => plain(404, "", &["NR"], "route_not_found"),
        Reason::NoCluster => plain(503, "", &["NC"], "cluster_not_found"),
        Reason::NoHealthyUpstream => {
            plain(503, NO_HEALTHY_UPSTREAM, &["UH"], "no_healthy_upstream")
        }
        Reason::Reset { reset, retried } => LocalReply {
            body: Cow::Owned(reset.body(*retried).into_bytes()),
            overloaded: *reset == Reset::Overflow,
            ..plain(reset.status(), "", &[reset.flag()], reset.details())
        },
        Reason::RouteTimeout => plain(504, REQUEST_TIMEOUT, &["UT"], "response_timeout"),
        Reason::TryTimeout => plain(504, REQUEST_TIMEOUT, &["UT"], "upstream_per_try_timeout"),
        Reason::Abort(abort) => LocalReply {
            grpc_status: abort.grpc(),
            ..plain(abort.http(), ABORT, &["FI"], "fault_filter_abort")
        },
        Reason::Direct { status, body } => LocalReply {
            body: body.clone(),
            ..plain(*status, "", &[], "direct_response")
        },
        Reason::Redirect { status, location } => LocalReply {
            location: Some(location.clone()),
            ..plain(*status, "", &[], "direct_response")
        },
        Reason::Preflight => plain(200, "", &[], "cors_response"),
        Reason::UpgradeRequired => plain(426, "Upgrade Required", &[], "low_version"),
        Reason::BadRequest => plain(400, "", &[], "missing_host_header"),
        Reason::Malformed => plain(400, "Bad Request", &["DPE"], "http1.codec_error"),
        Reason::UpgradeFailed => plain(403, "", &[], "upgrade_failed"),
    }
}

#[cfg(test)]
mod tests;
