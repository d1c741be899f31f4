//! The body of an answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::{Deadline, Error, Lease};
use crate::log::{Ending, Record};
use crate::stats::Downstream;
use crate::tunnel::{Opened, Tunnel};

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
                        lease.host.0.stats.rq_timeout.add();
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
