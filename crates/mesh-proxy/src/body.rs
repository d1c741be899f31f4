//! Bodies, streamed frame by frame.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use mesh::engine::Report;
use tokio::sync::watch;

use crate::cluster::{ClusterState, HostState};
use crate::copies::{CopyReader, CopyWriter};
use crate::limits::Place;
use crate::log::{Ending, Record};
use crate::pool::Connection;
use crate::stats::Downstream;
use crate::tunnel::{Opened, Tunnel};
use crate::upload::{BrokenOff, Upload};

/// What a body can fail with.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// Ready when an answer has taken too long.
pub(crate) type Deadline = BoxFuture<'static, ()>;

/// The body of a request on its way to an upstream.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// Held in memory, maybe empty: can be sent again.
    Held(Option<Bytes>),
    /// As it comes from the client: can be sent once.
    Streamed {
        /// The client's body.
        body: Incoming,
        /// Dropped when the body is complete.
        open: Option<watch::Sender<Option<BrokenOff>>>,
        /// Bytes so far.
        counter: Arc<AtomicU64>,
        /// Who else gets what comes.
        copies: Vec<CopyWriter>,
    },
    /// A copy of one that is streamed.
    Copied(CopyReader),
}

impl RequestBody {
    /// A body in memory.
    pub(crate) fn held(bytes: Bytes) -> Self {
        Self::Held(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// A copy, where the body can be sent again.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Held(bytes) => Some(Self::Held(bytes.clone())),
            Self::Streamed { .. } | Self::Copied(_) => None,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Held(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed {
                body,
                open,
                counter,
                copies,
            } => {
                let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
                match &frame {
                    Some(Ok(frame)) => {
                        if let Some(data) = frame.data_ref() {
                            counter.fetch_add(data.len() as u64, Ordering::Relaxed);
                            copies.retain(|copy| copy.write(data));
                        }
                    }
                    Some(Err(error)) => {
                        if let Some(open) = open {
                            open.send_replace(Some(BrokenOff::of(error)));
                        }
                    }
                    None => {}
                }
                if frame.is_none() || body.is_end_stream() {
                    open.take();
                    copies.drain(..).for_each(CopyWriter::finish);
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Error::from)))
            }
            Self::Copied(copy) => copy.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Held(bytes) => bytes.is_none(),
            Self::Streamed { body, .. } => body.is_end_stream(),
            Self::Copied(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Held(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Streamed { body, .. } => body.size_hint(),
            Self::Copied(_) => SizeHint::default(),
        }
    }
}

/// The body of an answer on its way to the client.
pub(crate) struct ResponseBody {
    source: Source,
    /// When the route's timeout ends the answer.
    deadline: Option<Deadline>,
    /// The line of the access log, written when the body is gone.
    record: Option<Box<Record>>,
    /// The request, while its listener counts it.
    request: Option<Downstream>,
}

#[derive(Debug)]
enum Source {
    Local(Option<Bytes>),
    Upstream {
        body: Incoming,
        lease: Option<Lease>,
    },
    /// Of a handshake that came to nothing.
    Unsuccessful,
    /// No body: a tunnel begins.
    Tunnel(Option<Box<Opened>>),
}

/// A connection and its host while an answer is read.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) cluster: Arc<ClusterState>,
    pub(crate) host: Active,
    pub(crate) connection: Connection,
    /// Its place among the requests of the cluster.
    pub(crate) _place: Place,
    /// Open while the request's body is not complete: then the connection cannot be used again.
    pub(crate) request: Upload,
}

/// Counts a request at a host as long as it lives.
#[derive(Debug)]
pub(crate) struct Active(pub(crate) Arc<HostState>);

impl Active {
    pub(crate) fn new(host: Arc<HostState>) -> Self {
        host.stats.rq_active.add();
        host.cluster.upstream_rq_active.add();
        Self(host)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.stats.rq_active.subtract();
        self.0.cluster.upstream_rq_active.subtract();
    }
}

impl Lease {
    /// Envoy: a stream that its upstream ends before its time is a failure of the host, whatever the
    /// status of the answer was.
    pub(crate) fn fail(self) {
        self.cluster.report(&self.host.0, Report::ConnectFailure);
    }

    /// Gives the connection back after a complete exchange.
    fn finish(self) {
        let complete = self.request.has_changed().is_err();
        if complete {
            self.host.0.put_back(self.connection);
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let unread = |source: &Source| matches!(source, Source::Upstream { lease: Some(_), .. });
        if unread(&self.source) {
            ended(&mut self.record, Ending::ByClient);
        }
    }
}

impl ResponseBody {
    fn of(source: Source) -> Self {
        Self {
            source,
            deadline: None,
            record: None,
            request: None,
        }
    }

    /// A body in memory.
    pub(crate) fn local(bytes: Bytes, record: Option<Box<Record>>) -> Self {
        let source = Source::Local(Some(bytes).filter(|bytes| !bytes.is_empty()));
        Self::of(source).recorded(record)
    }

    /// What is left of the answer to a handshake that came to nothing.
    pub(crate) fn unsuccessful() -> Self {
        Self::of(Source::Unsuccessful)
    }

    /// What follows an upstream's 101.
    pub(crate) fn opened(upstream: OnUpgrade, lease: Lease) -> Self {
        Self::of(Source::Tunnel(Some(Box::new(Opened { upstream, lease }))))
    }

    /// The tunnel that begins with this answer, where one does.
    pub(crate) fn tunnel(&mut self, client: OnUpgrade) -> Option<Tunnel> {
        let Source::Tunnel(opened) = &mut self.source else {
            return None;
        };
        Some(Tunnel {
            client,
            opened: opened.take()?,
            record: self.record.take(),
            request: self.request.take(),
        })
    }

    /// Where the answer is from, as the access log tells it.
    pub(crate) fn details(&self) -> &'static str {
        match self.source {
            Source::Unsuccessful => "websocket_handshake_unsuccessful",
            _ => "via_upstream",
        }
    }

    /// Whether the answer counts as the upstream's.
    pub(crate) fn is_upstreams(&self) -> bool {
        !matches!(self.source, Source::Unsuccessful)
    }

    /// A body that an upstream sends.
    pub(crate) fn upstream(body: Incoming, lease: Lease) -> Self {
        let mut lease = Some(lease);
        if body.is_end_stream() {
            finish(&mut lease);
        }
        Self::of(Source::Upstream { body, lease })
    }

    /// Ends with an error at a deadline.
    pub(crate) fn until(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Holds the request until the body is gone.
    pub(crate) fn hold(&mut self, request: Downstream) {
        self.request = Some(request);
    }

    /// Writes a line when the body is gone.
    pub(crate) fn recorded(mut self, record: Option<Box<Record>>) -> Self {
        self.record = record;
        self
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let frame = match &mut this.source {
            Source::Local(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Source::Unsuccessful | Source::Tunnel(_) => None,
            Source::Upstream { body, lease } => {
                let polled = Pin::new(&mut *body).poll_frame(cx);
                if polled.is_pending() && expired(&mut this.deadline, cx) {
                    // Envoy: a timeout after the headers resets the stream.
                    if let Some(lease) = lease.take() {
                        lease.cluster.stats.upstream_rq_timeout.add();
                    }
                    ended(&mut this.record, Ending::Timeout);
                    return Poll::Ready(Some(Err("upstream request timeout".into())));
                }
                let frame = ready!(polled);
                match &frame {
                    Some(Err(_)) => {
                        if let Some(lease) = lease.take() {
                            lease.fail();
                        }
                        ended(&mut this.record, Ending::Broken);
                    }
                    _ if frame.is_none() || body.is_end_stream() => {
                        finish(lease);
                    }
                    _ => {}
                }
                frame.map(|frame| frame.map_err(Error::from))
            }
        };
        if let (Some(record), Some(Ok(frame))) = (&mut this.record, &frame) {
            record.sent(frame.data_ref().map_or(0, Bytes::len));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Local(bytes) => bytes.is_none(),
            Source::Unsuccessful | Source::Tunnel(_) => true,
            Source::Upstream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Local(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Source::Unsuccessful | Source::Tunnel(_) => SizeHint::with_exact(0),
            Source::Upstream { body, .. } => body.size_hint(),
        }
    }
}

fn ended(record: &mut Option<Box<Record>>, ending: Ending) {
    if let Some(record) = record {
        record.ended(ending);
    }
}

/// Gives the connection back, once.
fn finish(lease: &mut Option<Lease>) {
    if let Some(lease) = lease.take() {
        lease.finish();
    }
}

fn expired(deadline: &mut Option<Deadline>, cx: &mut Context<'_>) -> bool {
    deadline
        .as_mut()
        .is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
}
