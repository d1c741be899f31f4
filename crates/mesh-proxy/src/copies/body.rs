//! The body of a copy: what its original has let through so far, up to a limit.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::room::{Budget, Share};
use crate::body::{Error, RequestBody};
use crate::outgoing::REPLAY_LIMIT;
use crate::upload::{BrokenOff, Upload};

/// What a part costs beside its bytes: its place in the queue, and the counts of its owners.
const PART_COST: u64 = 128;

/// A part of a body that waits for its mirror.
#[derive(Debug)]
struct Part {
    data: Bytes,
    /// What it takes of the limits of its copy and of the proxy.
    _shares: [Share; 2],
}

/// Where the original's bytes go.
#[derive(Debug)]
pub(crate) struct CopyWriter {
    parts: mpsc::UnboundedSender<Option<Part>>,
    /// The limits of the copy and of the proxy; they bound the channel.
    limits: [Budget; 2],
    /// Cancelled when the copy stays incomplete: who sends it may be stuck at a peer that does not
    /// read, and would not look at the body again.
    given_up: CancellationToken,
    finished: bool,
}

/// Where they come out.
#[derive(Debug)]
pub(crate) struct CopyReader {
    parts: mpsc::UnboundedReceiver<Option<Part>>,
    /// Dropped when the body is complete.
    open: Option<watch::Sender<Option<BrokenOff>>>,
}

/// The body of a copy.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(super) body: RequestBody,
    /// Open until it is complete.
    pub(super) complete: Upload,
    /// Cancelled when it never will be.
    pub(super) given_up: CancellationToken,
    /// What a body in memory takes of the proxy's limit.
    pub(super) held: Share,
}

impl RequestBody {
    /// The same body for somebody else; none where the proxy holds as much for copies as it may.
    pub(super) fn copied(&mut self, proxy: &Budget) -> Option<Copied> {
        let (open, complete) = watch::channel(None);
        let given_up = CancellationToken::new();
        let (body, held) = match self {
            Self::Streamed { copies, .. } => {
                let (writer, reader) = pair(open, given_up.clone(), proxy.clone());
                copies.push(writer);
                (Self::Copied(reader), 0)
            }
            Self::Held(data) => {
                let length = data.as_ref().map_or(0, Bytes::len);
                (Self::Held(data.clone()), length as u64)
            }
            // Copies are not copied.
            Self::Copied(_) => return None,
        };
        Some(Copied {
            body,
            complete,
            given_up,
            held: proxy.take(held)?,
        })
    }
}

fn pair(
    open: watch::Sender<Option<BrokenOff>>,
    given_up: CancellationToken,
    proxy: Budget,
) -> (CopyWriter, CopyReader) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let writer = CopyWriter {
        parts: sender,
        limits: [Budget::of(REPLAY_LIMIT), proxy],
        given_up,
        finished: false,
    };
    let reader = CopyReader {
        parts: receiver,
        open: Some(open),
    };
    (writer, reader)
}

impl CopyWriter {
    /// Hands bytes on; false when the copy is given up.
    pub(crate) fn write(&self, data: &Bytes) -> bool {
        let cost = data.len() as u64 + PART_COST;
        let [own, proxy] = &self.limits;
        let (Some(own), Some(proxy)) = (own.take(cost), proxy.take(cost)) else {
            return false;
        };
        let part = Part {
            data: data.clone(),
            _shares: [own, proxy],
        };
        self.parts.send(Some(part)).is_ok()
    }

    /// Nothing follows. Without it the reader fails: its original was not complete, or too fast.
    pub(crate) fn finish(mut self) {
        self.finished = true;
        // A reader that has gone needs no end.
        let _ = self.parts.send(None);
    }
}

impl Drop for CopyWriter {
    fn drop(&mut self) {
        if !self.finished {
            self.given_up.cancel();
        }
    }
}

impl CopyReader {
    /// As the original's.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(match ready!(self.parts.poll_recv(cx)) {
            Some(Some(part)) => Some(Ok(Frame::data(part.data))),
            Some(None) => {
                self.open.take();
                None
            }
            None if self.open.is_none() => None,
            None => Some(Err("the original of this copy was not complete".into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;

    use super::*;

    const PROXY: u64 = 4 * REPLAY_LIMIT;

    fn read(reader: &mut CopyReader) -> Option<Option<Result<Bytes, String>>> {
        let frame = poll_fn(|cx| reader.poll_frame(cx)).now_or_never()?;
        let data = |frame: Frame<Bytes>| frame.into_data().unwrap();
        Some(frame.map(|frame| frame.map(data).map_err(|error| error.to_string())))
    }

    /// A copy's two ends in a proxy of this limit, and what is cancelled when it is given up.
    fn copy(proxy: &Budget) -> (CopyWriter, CopyReader, CancellationToken) {
        let given_up = CancellationToken::new();
        let (writer, reader) = pair(watch::channel(None).0, given_up.clone(), proxy.clone());
        (writer, reader, given_up)
    }

    /// How many parts of so many bytes a copy takes that nobody reads.
    fn parts(writer: &CopyWriter, bytes: usize) -> usize {
        let part = Bytes::from(vec![0; bytes]);
        (0..).take_while(|_| writer.write(&part)).count()
    }

    #[test]
    fn bytes_come_out_as_they_went_in_until_the_end() {
        let (open, complete) = watch::channel(None);
        let given_up = CancellationToken::new();
        let (writer, mut reader) = pair(open, given_up.clone(), Budget::of(PROXY));
        assert!(read(&mut reader).is_none());
        assert!(writer.write(&Bytes::from_static(b"a")));
        assert_eq!(read(&mut reader), Some(Some(Ok(Bytes::from_static(b"a")))));
        assert!(complete.has_changed().is_ok());
        writer.finish();
        assert_eq!(read(&mut reader), Some(None));
        assert_eq!(read(&mut reader), Some(None));
        assert!(complete.has_changed().is_err() && !given_up.is_cancelled());
    }

    #[test]
    fn a_copy_that_is_not_read_is_given_up_at_the_limit() {
        let (writer, mut reader, given_up) = copy(&Budget::of(PROXY));
        let half = REPLAY_LIMIT as usize / 2 - PART_COST as usize;
        assert_eq!(parts(&writer, half), 2);
        read(&mut reader);
        assert!(writer.write(&Bytes::from(vec![0; half])));
        assert!(!writer.write(&Bytes::from_static(b"a")));
        drop(writer);
        let rest: Vec<_> = std::iter::from_fn(|| read(&mut reader)).take(3).collect();
        assert!(matches!(rest[2], Some(Err(_))), "{rest:?}");
        assert!(given_up.is_cancelled());
    }

    #[test]
    fn many_small_parts_cost_more_than_their_bytes() {
        let (writer, _reader, _) = copy(&Budget::of(PROXY));
        assert_eq!(parts(&writer, 1) as u64, REPLAY_LIMIT / (PART_COST + 1));
    }

    #[test]
    fn all_copies_of_a_proxy_share_one_limit_which_a_gone_mirror_frees() {
        let proxy = Budget::of(REPLAY_LIMIT);
        let ((one, reader, _), (other, _other, _)) = (copy(&proxy), copy(&proxy));
        let half = REPLAY_LIMIT as usize / 2 - PART_COST as usize;
        assert!(one.write(&Bytes::from(vec![0; half])));
        assert_eq!(parts(&other, half), 1);
        drop(reader);
        assert_eq!(parts(&other, half), 1);
        let mut held = RequestBody::held(Bytes::from_static(b"a"));
        assert!(held.copied(&proxy).is_none());
        drop(other);
        drop(_other);
        assert!(held.copied(&proxy).is_some());
    }

    #[test]
    fn a_copy_whose_original_breaks_off_breaks_off_too() {
        let (writer, mut reader, given_up) = copy(&Budget::of(PROXY));
        drop(writer);
        assert!(given_up.is_cancelled());
        assert!(matches!(read(&mut reader), Some(Some(Err(_)))));
    }
}
