//! The answers a proxy makes itself, byte for byte as Envoy 1.40 makes them.

use std::borrow::Cow;
use std::fmt;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Response, StatusCode};

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
        body: Cow<'static, str>,
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

/// How a request to an upstream ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// The connection was refused, or reset while coming up.
    ConnectionFailure,
    /// The connection did not come up in time.
    ConnectionTimeout,
    /// An established connection ended before the first byte of the answer.
    ConnectionTermination,
    /// A limit of the connection pool.
    Overflow,
    /// What came back is no HTTP.
    Protocol,
}

/// Envoy's response flags, in the order they were raised; `-` when none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags(Vec<&'static str>);

/// An answer of the proxy's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReply {
    /// Status.
    pub status: u16,
    /// Body; text, possibly empty.
    pub body: Cow<'static, str>,
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

impl Reset {
    /// Every way.
    pub const ALL: [Self; 5] = [
        Self::ConnectionFailure,
        Self::ConnectionTimeout,
        Self::ConnectionTermination,
        Self::Overflow,
        Self::Protocol,
    ];

    /// As the body tells it.
    pub fn text(self) -> &'static str {
        match self {
            Self::ConnectionFailure => "remote connection failure",
            Self::ConnectionTimeout => "connection timeout",
            Self::ConnectionTermination => "connection termination",
            Self::Overflow => "overflow",
            Self::Protocol => "protocol error",
        }
    }

    fn status(self) -> u16 {
        if self == Self::Protocol { 502 } else { 503 }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::ConnectionFailure | Self::ConnectionTimeout => "UF",
            Self::ConnectionTermination => "UC",
            Self::Overflow => "UO",
            Self::Protocol => "UPE",
        }
    }

    fn details(self) -> &'static str {
        match self {
            Self::ConnectionFailure => {
                "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"
            }
            Self::ConnectionTimeout => "upstream_reset_before_response_started{connection_timeout}",
            Self::ConnectionTermination => {
                "upstream_reset_before_response_started{connection_termination}"
            }
            Self::Overflow => "upstream_reset_before_response_started{overflow}",
            Self::Protocol => "upstream_reset_before_response_started{protocol_error}",
        }
    }
}

/// The answer for a reason.
pub fn local_reply(reason: &Reason) -> LocalReply {
    let plain = |status, body: &'static str, flags: &[&'static str], details| LocalReply {
        status,
        body: Cow::Borrowed(body),
        location: None,
        overloaded: false,
        grpc_status: None,
        flags: Flags(flags.to_vec()),
        details,
    };
    match reason {
        Reason::NoRoute => plain(404, "", &["NR"], "route_not_found"),
        Reason::NoCluster => plain(503, "", &["NC"], "cluster_not_found"),
        Reason::NoHealthyUpstream => {
            plain(503, NO_HEALTHY_UPSTREAM, &["UH"], "no_healthy_upstream")
        }
        Reason::Reset { reset, retried } => LocalReply {
            body: reset_body(*reset, *retried),
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

fn reset_body(reset: Reset, retried: bool) -> Cow<'static, str> {
    let retried = if retried { RETRIED } else { "" };
    Cow::Owned(format!(
        "{CONNECT_ERROR}{retried}reset reason: {}",
        reset.text()
    ))
}

impl LocalReply {
    /// The answer with its headers, except `date` and `server`, which every answer carries.
    ///
    /// Envoy: a gRPC client gets 200 and the status in headers; HEAD gets the headers alone.
    pub fn response(&self, grpc: bool, head: bool) -> Response<Cow<'static, str>> {
        if grpc {
            return self.grpc_response();
        }
        let body = if head {
            Cow::Borrowed("")
        } else {
            self.body.clone()
        };
        let mut response = Response::new(body);
        // Envoy writes any number as status (555 "Unknown"); what is no status at all is a 500.
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if may_have_body(self.status) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        if !self.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        if let Some(Ok(location)) = self.location.as_deref().map(HeaderValue::from_str) {
            headers.insert(LOCATION, location);
        }
        if self.overloaded {
            headers.insert(OVERLOADED, HeaderValue::from_static("true"));
        }
        response
    }

    fn grpc_response(&self) -> Response<Cow<'static, str>> {
        let status = self
            .grpc_status
            .unwrap_or_else(|| grpc_of_http(self.status));
        let mut response = Response::new(Cow::Borrowed(""));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from(u16::from(status)));
        if let Ok(message) = HeaderValue::from_str(&self.body) {
            headers.insert("grpc-message", message);
        }
        response
    }
}

/// RFC 9110: 1xx and 204 carry no content-length, 304 none of ours.
fn may_have_body(status: u16) -> bool {
    status >= 200 && status != 204 && status != 304
}

/// Envoy: the gRPC status that stands for an HTTP status.
fn grpc_of_http(status: u16) -> u8 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}

impl Flags {
    /// No flag.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a flag behind the others.
    pub fn raise(&mut self, flag: &'static str) {
        self.0.push(flag);
    }

    /// These flags followed by others.
    #[must_use]
    pub fn then(mut self, later: &Self) -> Self {
        self.0.extend_from_slice(&later.0);
        self
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("-"),
            flags => f.write_str(&flags.join(",")),
        }
    }
}

#[cfg(test)]
mod tests;
