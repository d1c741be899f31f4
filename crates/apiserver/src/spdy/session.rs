//! One connection of a client, and the streams on it.

use std::collections::HashMap;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Sink, SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::frame::{self, Decoder, Encoder, Frame};
use super::headers::Headers;

/// Streams that may be open at once: a forwarded connection has two.
const MAX_STREAMS: usize = 1024;
/// Pages that may wait for a stream's reader; then the session waits with it.
const PAGES: usize = 32;
/// Largest page put into one frame.
const MAX_PAGE: usize = 64 * 1024;

/// Where a session's bytes come from and go to.
pub(crate) struct Wire {
    pub(crate) incoming: BoxStream<'static, Bytes>,
    pub(crate) outgoing: Pin<Box<dyn Sink<Bytes, Error = ()> + Send>>,
}

/// A stream that the client opened.
#[derive(Debug)]
pub(crate) struct Stream {
    headers: Headers,
    pub(crate) incoming: Incoming,
    pub(crate) writer: StreamWriter,
}

/// What the client sends on a stream; ends where it says so.
pub(crate) type Incoming = mpsc::Receiver<Bytes>;

/// Sends to one stream of the client. Dropped unfinished, it resets the stream.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    id: u32,
    frames: mpsc::Sender<Bytes>,
    finished: bool,
}

/// A running session. Dropping it ends the connection.
#[derive(Debug)]
pub(crate) struct Session {
    opened: mpsc::Receiver<Stream>,
    _ends: tokio_util::sync::DropGuard,
}

impl Stream {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }
}

impl StreamWriter {
    /// Sends bytes; false when the connection is gone.
    pub(crate) async fn send(&self, bytes: &[u8]) -> bool {
        for page in bytes.chunks(MAX_PAGE) {
            let frame = frame::data(self.id, page, false);
            if self.frames.send(frame).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Says that nothing more comes.
    pub(crate) async fn finish(mut self) {
        self.finished = true;
        let _ = self.frames.send(frame::data(self.id, &[], true)).await;
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        if !self.finished {
            // A full queue belongs to a connection that is not read: it has no use for this.
            let _ = self.frames.try_send(frame::reset(self.id));
        }
    }
}

impl Session {
    /// Serves a connection until either side ends it. Reading and writing go on independently, so
    /// that a client which writes before it reads cannot bring both to a stop.
    pub(crate) fn start(wire: Wire) -> Self {
        let (frames, to_send) = mpsc::channel(PAGES);
        let (streams, opened) = mpsc::channel(PAGES);
        let ends = CancellationToken::new();
        let writer = write(wire.outgoing, to_send, ends.clone());
        let reader = Reader {
            decoder: Decoder::default(),
            encoder: Encoder::default(),
            frames,
            streams,
            open: HashMap::new(),
        };
        let reader = reader.run(wire.incoming, ends.clone());
        tokio::spawn(writer);
        tokio::spawn(reader);
        Self {
            opened,
            _ends: ends.drop_guard(),
        }
    }

    /// The next stream that the client opens; none when the connection has ended.
    pub(crate) async fn accept(&mut self) -> Option<Stream> {
        self.opened.recv().await
    }
}

async fn write(
    mut wire: Pin<Box<dyn Sink<Bytes, Error = ()> + Send>>,
    mut frames: mpsc::Receiver<Bytes>,
    ends: CancellationToken,
) {
    let sending = async {
        while let Some(frame) = frames.recv().await {
            if wire.send(frame).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = ends.cancelled() => {}
    }
    // What is queued is for the client still, if it can be sent at once.
    while let Ok(frame) = frames.try_recv() {
        if futures_util::FutureExt::now_or_never(wire.feed(frame)).is_none() {
            break;
        }
    }
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), wire.close()).await;
    ends.cancel();
}

struct Reader {
    decoder: Decoder,
    encoder: Encoder,
    frames: mpsc::Sender<Bytes>,
    streams: mpsc::Sender<Stream>,
    open: HashMap<u32, mpsc::Sender<Bytes>>,
}

impl Reader {
    async fn run(mut self, mut wire: BoxStream<'static, Bytes>, ends: CancellationToken) {
        let reading = async {
            while let Some(bytes) = wire.next().await {
                self.decoder.feed(&bytes);
                if self.take_frames().await.is_none() {
                    return;
                }
            }
        };
        tokio::select! {
            () = reading => {}
            () = ends.cancelled() => {}
        }
    }

    /// None when the connection is to be ended.
    async fn take_frames(&mut self) -> Option<()> {
        loop {
            match self.decoder.next() {
                Ok(None) => return Some(()),
                Ok(Some(frame)) => self.take(frame).await?,
                Err(violation) => {
                    tracing::debug!(%violation, "a client does not speak SPDY");
                    return None;
                }
            }
        }
    }

    async fn take(&mut self, frame: Frame) -> Option<()> {
        match frame {
            Frame::Open { id, headers, fin } => self.opened(id, headers, fin).await,
            Frame::Data { id, bytes, fin } => {
                if let Some(stream) = self.open.get(&id).filter(|_| !bytes.is_empty()) {
                    // A reader that is gone does not want the rest.
                    let _ = stream.send(bytes).await;
                }
                if fin {
                    self.open.remove(&id);
                }
                Some(())
            }
            Frame::Reset { id } => {
                self.open.remove(&id);
                Some(())
            }
            Frame::Ping { id } => self.frames.send(frame::pong(id)).await.ok(),
            Frame::GoAway => Some(()),
        }
    }

    async fn opened(&mut self, id: u32, headers: Headers, fin: bool) -> Option<()> {
        self.open.retain(|_, stream| !stream.is_closed());
        if self.open.len() >= MAX_STREAMS || self.open.contains_key(&id) {
            return self.frames.send(frame::reset(id)).await.ok();
        }
        self.frames.send(self.encoder.reply(id)).await.ok()?;
        let (sender, incoming) = mpsc::channel(PAGES);
        if !fin {
            self.open.insert(id, sender);
        }
        let writer = StreamWriter {
            id,
            frames: self.frames.clone(),
            finished: false,
        };
        let stream = Stream {
            headers,
            incoming,
            writer,
        };
        self.streams.send(stream).await.ok()
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire(…)")
    }
}
