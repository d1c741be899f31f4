//! From a container's pipes to its log.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Log;
use super::entry::{self, LONGEST, Origin};

/// Bytes read at once; what came together is written together.
const PAGE: usize = 32 * 1024;

/// Cuts a stream of bytes into lines.
#[derive(Debug)]
pub(in crate::kubelet) struct Lines {
    origin: Origin,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
}

/// Writes everything that comes out of a pipe to the log, until it is closed.
pub(in crate::kubelet) async fn collect(
    mut pipe: impl AsyncRead + Unpin,
    origin: Origin,
    log: Arc<Log>,
) {
    let mut lines = Lines::of(origin);
    let mut bytes = vec![0; PAGE];
    while let Ok(read) = pipe.read(&mut bytes).await {
        if read == 0 {
            break;
        }
        lines.take(&bytes[..read], Timestamp::now(), &log);
    }
    lines.finish(Timestamp::now(), &log);
}

impl Lines {
    pub(in crate::kubelet) fn of(origin: Origin) -> Self {
        Self {
            origin,
            rest: Vec::new(),
        }
    }

    /// Writes the lines that end in `bytes`.
    pub(in crate::kubelet) fn take(&mut self, bytes: &[u8], now: Timestamp, log: &Log) {
        let mut page = Vec::with_capacity(bytes.len() + 256);
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            self.rest.extend_from_slice(piece);
            let ends = pieces.peek().is_some();
            while self.rest.len() > LONGEST {
                let tail = self.rest.split_off(LONGEST);
                entry::write(&mut page, now, self.origin, &self.rest, false);
                self.rest = tail;
            }
            if ends {
                entry::write(&mut page, now, self.origin, &self.rest, true);
                self.rest.clear();
            }
        }
        if !page.is_empty() {
            log.append(&page);
        }
    }

    /// Writes what is left without a line feed.
    pub(in crate::kubelet) fn finish(&mut self, now: Timestamp, log: &Log) {
        if !self.rest.is_empty() {
            let mut page = Vec::new();
            entry::write(&mut page, now, self.origin, &self.rest, true);
            self.rest.clear();
            log.append(&page);
        }
    }
}
