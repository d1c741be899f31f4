//! The cause of an answer, read back from what is on the wire; never a guess.

use std::fmt;

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, SERVER};
use serde::Serialize;

use crate::local_reply::{
    ABORT, CONNECT_ERROR, NO_HEALTHY_UPSTREAM, OVERLOADED, REQUEST_TIMEOUT, RETRIED, Reset,
    SERVICE_TIME,
};

/// Longest body that can be one of Envoy's own texts, in bytes; a longer one need not be read.
pub const LONGEST_TEXT: usize = 256;

/// Why an answer is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What happened.
    pub kind: Kind,
    /// Which sidecar made the answer; none when the application did, or when unknown.
    pub by: Option<By>,
    /// The answer says that it was tried again (Envoy: URX).
    pub retried: bool,
}

/// What happened, by Envoy's response flags where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Kind {
    /// The application answered, with a status below 500.
    #[serde(rename = "ok")]
    Ok,
    /// The application answered with a status of 500 or above.
    #[serde(rename = "app")]
    App,
    /// Injected abort.
    #[serde(rename = "FI")]
    Fi,
    /// A limit of the connection pool.
    #[serde(rename = "UO")]
    Uo,
    /// No (healthy) endpoint.
    #[serde(rename = "UH")]
    Uh,
    /// No such cluster: the subset is not defined.
    #[serde(rename = "NC")]
    Nc,
    /// No route matches.
    #[serde(rename = "NR")]
    Nr,
    /// The connection failed: refused, reset or timed out.
    #[serde(rename = "UF")]
    Uf,
    /// The upstream closed an established connection before answering.
    #[serde(rename = "UC")]
    Uc,
    /// Timeout of the route or of a try.
    #[serde(rename = "UT")]
    Ut,
    /// The client went away first; nobody reads such an answer, but who serves one can tell.
    #[serde(rename = "DC")]
    Dc,
    /// Nothing above is certain.
    #[serde(rename = "unknown")]
    Unknown,
}

/// The sidecar that made an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The caller's own sidecar: no pod saw the request.
    Client,
    /// The pod's sidecar: an ordinary answer to the caller's one, which counts for ejection.
    Server,
}

/// What the wire tells about an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Status.
    pub status: u16,
    /// `server`; `envoy` from a sidecar, `istio-envoy` from a pod's sidecar or a gateway.
    pub server: Option<&'a str>,
    /// Whether `x-envoy-upstream-service-time` is there: an upstream answered.
    pub has_service_time: bool,
    /// Whether `x-envoy-overloaded` is there.
    pub overloaded: bool,
    /// `content-length`.
    pub content_length: Option<u64>,
    /// The body, where it was read; needed only up to [`LONGEST_TEXT`] bytes.
    pub body: Option<&'a str>,
}

impl<'a> Answer<'a> {
    /// Reads status and headers.
    pub fn new(status: u16, headers: &'a HeaderMap, body: Option<&'a str>) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            server: text(SERVER),
            has_service_time: headers.contains_key(SERVICE_TIME),
            overloaded: headers.contains_key(OVERLOADED),
            content_length: text(CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            body,
        }
    }

    fn is_envoys(&self) -> bool {
        matches!(self.server, Some("envoy" | "istio-envoy"))
    }

    fn is_empty(&self) -> bool {
        self.content_length == Some(0) || self.body == Some("")
    }
}

/// The cause of an answer.
pub fn cause(answer: &Answer<'_>) -> Cause {
    if !answer.is_envoys() {
        return Cause::of_application(answer.status);
    }
    let server_side = answer.has_service_time || answer.server == Some("istio-envoy");
    let by = if server_side { By::Server } else { By::Client };
    if let Some((kind, retried)) = by_text(answer) {
        return Cause {
            kind,
            by: Some(by),
            retried,
        };
    }
    if answer.has_service_time {
        return Cause::of_application(answer.status);
    }
    let kind = without_upstream(answer);
    Cause {
        kind,
        by: (kind != Kind::Unknown).then_some(by),
        retried: false,
    }
}

/// Envoy's own texts, which both sidecars use.
fn by_text(answer: &Answer<'_>) -> Option<(Kind, bool)> {
    match (answer.status, answer.body) {
        (503, Some(NO_HEALTHY_UPSTREAM)) => Some((Kind::Uh, false)),
        (504, Some(REQUEST_TIMEOUT)) => Some((Kind::Ut, false)),
        (503, Some(text)) if text.starts_with(CONNECT_ERROR) => connect_error(text),
        (503, _) if answer.overloaded => Some((Kind::Uo, false)),
        _ => None,
    }
}

fn connect_error(text: &str) -> Option<(Kind, bool)> {
    let rest = text.strip_prefix(CONNECT_ERROR)?;
    let (retried, rest) = match rest.strip_prefix(RETRIED) {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    // Envoy before 1.39 appends ", transport failure reason: …".
    let reason = rest.strip_prefix("reset reason: ")?.split(',').next()?;
    let reset = Reset::ALL
        .into_iter()
        .find(|reset| reset.text() == reason)?;
    Some((Kind::of_reset(reset), retried))
}

/// Answers that only a sidecar without an upstream gives: they carry no service time.
fn without_upstream(answer: &Answer<'_>) -> Kind {
    match answer.status {
        _ if answer.body == Some(ABORT) => Kind::Fi,
        404 if answer.is_empty() => Kind::Nr,
        503 if answer.is_empty() => Kind::Nc,
        _ => Kind::Unknown,
    }
}

impl Cause {
    fn of_application(status: u16) -> Self {
        let kind = if status < 500 { Kind::Ok } else { Kind::App };
        Self {
            kind,
            by: None,
            retried: false,
        }
    }
}

impl Kind {
    fn of_reset(reset: Reset) -> Self {
        match reset {
            Reset::ConnectionFailure | Reset::ConnectionTimeout => Self::Uf,
            Reset::ConnectionTermination => Self::Uc,
            Reset::Overflow => Self::Uo,
            Reset::Protocol => Self::Unknown,
        }
    }

    /// `ok`, `app`, `FI`, …, `unknown`: as shown to people and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::App => "app",
            Self::Fi => "FI",
            Self::Uo => "UO",
            Self::Uh => "UH",
            Self::Nc => "NC",
            Self::Nr => "NR",
            Self::Uf => "UF",
            Self::Uc => "UC",
            Self::Ut => "UT",
            Self::Dc => "DC",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
