//! The body of a copy: what its original has let through so far, up to a limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::body::{Error, RequestBody};
use crate::outgoing::REPLAY_LIMIT;

/// Where the original's bytes go.
#[derive(Debug)]
pub(crate) struct CopyWriter {
    parts: mpsc::UnboundedSender<Option<Bytes>>,
    /// Bytes that nobody has read yet; they bound the channel.
    waiting: Arc<AtomicU64>,
    /// Cancelled when the copy stays incomplete: who sends it may be stuck at a peer that does not
    /// read, and would not look at the body again.
    given_up: CancellationToken,
    finished: bool,
}

/// Where they come out.
#[derive(Debug)]
pub(crate) struct CopyReader {
    parts: mpsc::UnboundedReceiver<Option<Bytes>>,
    waiting: Arc<AtomicU64>,
    /// Dropped when the body is complete.
    open: Option<watch::Sender<()>>,
}

impl RequestBody {
    /// The same body for somebody else, what is open until it is complete, and what is cancelled
    /// when it never will be.
    pub(crate) fn copied(&mut self) -> (Self, watch::Receiver<()>, CancellationToken) {
        let (open, complete) = watch::channel(());
        let given_up = CancellationToken::new();
        let body = match (self.again(), self) {
            (None, Self::Streamed { copies, .. }) => {
                let (writer, reader) = pair(open, given_up.clone());
                copies.push(writer);
                Self::Copied(reader)
            }
            (held, _) => held.unwrap_or(Self::Held(None)),
        };
        (body, complete, given_up)
    }
}

fn pair(open: watch::Sender<()>, given_up: CancellationToken) -> (CopyWriter, CopyReader) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::<AtomicU64>::default();
    let writer = CopyWriter {
        parts: sender,
        waiting: waiting.clone(),
        given_up,
        finished: false,
    };
    let reader = CopyReader {
        parts: receiver,
        waiting,
        open: Some(open),
    };
    (writer, reader)
}

impl CopyWriter {
    /// Hands bytes on; false when the copy is given up.
    pub(crate) fn write(&self, data: &Bytes) -> bool {
        let length = data.len() as u64;
        let before = self.waiting.fetch_add(length, Ordering::Relaxed);
        before + length <= REPLAY_LIMIT && self.parts.send(Some(data.clone())).is_ok()
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
            Some(Some(data)) => {
                self.waiting.fetch_sub(data.len() as u64, Ordering::Relaxed);
                Some(Ok(Frame::data(data)))
            }
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

    fn read(reader: &mut CopyReader) -> Option<Option<Result<Bytes, String>>> {
        let frame = poll_fn(|cx| reader.poll_frame(cx)).now_or_never()?;
        let data = |frame: Frame<Bytes>| frame.into_data().unwrap();
        Some(frame.map(|frame| frame.map(data).map_err(|error| error.to_string())))
    }

    #[test]
    fn bytes_come_out_as_they_went_in_until_the_end() {
        let (open, complete) = watch::channel(());
        let given_up = CancellationToken::new();
        let (writer, mut reader) = pair(open, given_up.clone());
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
        let given_up = CancellationToken::new();
        let (writer, mut reader) = pair(watch::channel(()).0, given_up.clone());
        let half = Bytes::from(vec![0; REPLAY_LIMIT as usize / 2]);
        assert!(writer.write(&half) && writer.write(&half));
        read(&mut reader);
        assert!(writer.write(&half));
        assert!(!writer.write(&Bytes::from_static(b"a")));
        drop(writer);
        let rest: Vec<_> = std::iter::from_fn(|| read(&mut reader)).take(3).collect();
        assert!(matches!(rest[2], Some(Err(_))), "{rest:?}");
        assert!(given_up.is_cancelled());
    }

    #[test]
    fn a_copy_whose_original_breaks_off_breaks_off_too() {
        let given_up = CancellationToken::new();
        let (writer, mut reader) = pair(watch::channel(()).0, given_up.clone());
        drop(writer);
        assert!(given_up.is_cancelled());
        assert!(matches!(read(&mut reader), Some(Some(Err(_)))));
    }
}
