//! The body of a request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::watch;

use super::Error;
use crate::copies::{CopyReader, CopyWriter};
use crate::upload::BrokenOff;

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
