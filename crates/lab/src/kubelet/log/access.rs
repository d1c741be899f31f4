//! The access log of a sidecar as its container's log.

use std::sync::Arc;

use jiff::Timestamp;
use mesh_proxy::AccessLog;
use tokio::sync::mpsc;

use super::entry::Origin;
use super::{Lines, Log};

/// Lines that may wait to be written; beyond that, requests are more important than their log.
const WAITING: usize = 4096;

/// Takes lines on the way of a request, and writes them beside it.
#[derive(Debug)]
pub(in crate::kubelet) struct AccessLines(mpsc::Sender<String>);

impl AccessLines {
    /// Lines that end in `log`.
    pub(in crate::kubelet) fn into_log(log: Arc<Log>) -> Self {
        let (sender, mut waiting) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let (mut together, mut page) = (Vec::new(), Vec::new());
            while waiting.recv_many(&mut together, WAITING).await > 0 {
                for line in together.drain(..) {
                    let line: String = line;
                    page.extend_from_slice(line.as_bytes());
                    page.push(b'\n');
                }
                Lines::of(Origin::Stdout).take(&page, Timestamp::now(), &log);
                page.clear();
            }
        });
        Self(sender)
    }
}

impl AccessLog for AccessLines {
    fn line(&self, line: String) {
        let _ = self.0.try_send(line);
    }
}
