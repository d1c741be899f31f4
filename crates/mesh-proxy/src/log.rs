//! The access log, in Istio's default format.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, USER_AGENT};
use hyper::{Request, Version};
use jiff::Timestamp;
use mesh::local_reply::{Flags, SERVICE_TIME};

use crate::headers::{FORWARDED_FOR, ORIGINAL_PATH, REQUEST_ID};

/// Takes the lines of an access log.
pub trait AccessLog: Send + Sync + 'static {
    /// Takes one line, without its line feed. Called on the request's task: must not block.
    fn line(&self, line: String);
}

/// What is to be told about one request; told when dropped, which is when its answer is complete.
pub(crate) struct Record {
    log: Arc<dyn AccessLog>,
    /// Wall clock, for people; `began` measures.
    start: Timestamp,
    began: Instant,
    request: String,
    forwarded_for: String,
    user_agent: String,
    request_id: String,
    authority: String,
    local: Option<SocketAddr>,
    remote: SocketAddr,
    received: Arc<AtomicU64>,
    sent: u64,
    status: Option<u16>,
    service_time: String,
    flags: Flags,
    details: &'static str,
    upstream: Option<SocketAddr>,
    upstream_local: Option<SocketAddr>,
    cluster: Option<Arc<str>>,
    route: Arc<str>,
}

/// How an answer that had begun ended, if not by being complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client left.
    ByClient,
    /// The upstream closed a tunnel.
    ByUpstream,
    /// The upstream closed before the end, or what came was no HTTP.
    Broken,
    /// The route's timeout.
    Timeout,
}

impl Ending {
    /// Flag and details of the access log.
    fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::ByClient => ("DC", "downstream_remote_disconnect"),
            Self::ByUpstream => (
                "UC",
                "upstream_reset_after_response_started{connection_termination}",
            ),
            Self::Broken => (
                "UPE",
                "upstream_reset_after_response_started{protocol_error}",
            ),
            Self::Timeout => ("UT", "response_timeout"),
        }
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl Record {
    /// Begins with what the request tells; its other headers are read when they are complete.
    pub(crate) fn new(
        log: Arc<dyn AccessLog>,
        request: &Request<Incoming>,
        authority: &str,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Self {
        let headers = request.headers();
        let path = match headers
            .get(ORIGINAL_PATH)
            .and_then(|path| path.to_str().ok())
        {
            Some(path) => path,
            None => request
                .uri()
                .path_and_query()
                .map_or("/", |path| path.as_str()),
        };
        Self {
            log,
            start: Timestamp::now(),
            began: Instant::now(),
            request: format!(
                "{} {path} {}",
                request.method(),
                protocol(request.version())
            ),
            forwarded_for: text(headers, &FORWARDED_FOR),
            user_agent: text(headers, &USER_AGENT),
            request_id: text(headers, &REQUEST_ID),
            authority: authority.to_owned(),
            local,
            remote,
            received: Arc::default(),
            sent: 0,
            status: None,
            service_time: "-".to_owned(),
            flags: Flags::none(),
            details: "via_upstream",
            upstream: None,
            upstream_local: None,
            cluster: None,
            route: "".into(),
        }
    }

    /// Counts the bytes of the request's body.
    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        self.received.clone()
    }

    /// Counts bytes of the answer's body.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// What of the request's headers is known when they are prepared.
    pub(crate) fn prepared(&mut self, headers: &HeaderMap) {
        self.forwarded_for = text(headers, &FORWARDED_FOR);
        self.request_id = text(headers, &REQUEST_ID);
    }

    pub(crate) fn route(&mut self, name: &Arc<str>) {
        self.route = name.clone();
    }

    pub(crate) fn cluster(&mut self, name: &Arc<str>) {
        self.cluster = Some(name.clone());
    }

    pub(crate) fn upstream(&mut self, address: SocketAddr) {
        self.upstream = Some(address);
        self.upstream_local = None;
    }

    /// The connection of a try is up; this end of it.
    pub(crate) fn connected(&mut self, local: Option<SocketAddr>) {
        self.upstream_local = local;
    }

    /// How the request was answered.
    pub(crate) fn answered(
        &mut self,
        status: u16,
        headers: &HeaderMap,
        flags: Flags,
        details: &'static str,
    ) {
        self.status = Some(status);
        self.service_time = text(headers, &HeaderName::from_static(SERVICE_TIME));
        self.flags = flags;
        self.details = details;
    }

    /// An answer that had begun ended before it was complete.
    pub(crate) fn ended(&mut self, ending: Ending) {
        let (flag, details) = ending.told();
        self.flags.raise(flag);
        self.details = details;
    }

    /// Envoy: a client that leaves before its answer began is logged as 0, DC.
    fn outcome(&self) -> (u16, String, &'static str) {
        let (flag, details) = Ending::ByClient.told();
        match self.status {
            Some(status) => (status, self.flags.to_string(), self.details),
            None => (0, flag.to_owned(), details),
        }
    }

    fn line(&self) -> String {
        let (status, flags, details) = self.outcome();
        let mut line = String::with_capacity(384);
        // Writing to a string cannot fail.
        let _ = write!(
            line,
            "[{:.3}] \"{}\" {status} {flags} {details} - \"{}\" {} {} {} {} \"{}\" \"{}\" \"{}\" \"{}\" \"{}\" {} {} {} {} - {}",
            self.start,
            self.request,
            transport_failure(details),
            self.received.load(Ordering::Relaxed),
            self.sent,
            self.began.elapsed().as_millis(),
            self.service_time,
            self.forwarded_for,
            self.user_agent,
            self.request_id,
            or_dash(&self.authority),
            address(self.upstream),
            self.cluster.as_deref().unwrap_or("-"),
            address(self.upstream_local),
            address(self.local),
            self.remote,
            or_dash(&self.route),
        );
        line
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.log.line(self.line());
    }
}

/// Envoy: why a connection failed is told behind the kind of the reset, too.
fn transport_failure(details: &str) -> &str {
    let reason = details.split_once('|').map(|(_, reason)| reason);
    reason.map_or("-", |reason| reason.trim_end_matches('}'))
}

fn address(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| "-".to_owned(), |address| address.to_string())
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    or_dash(value.unwrap_or_default()).to_owned()
}

fn protocol(version: Version) -> &'static str {
    if version == Version::HTTP_10 {
        "HTTP/1.0"
    } else {
        "HTTP/1.1"
    }
}
