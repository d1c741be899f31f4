use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use super::AppendFile;
use crate::db::Snapshot;
use crate::store::{Batch, Store};

/// Writes what commands have changed since the last time, one frame and one fsync for all of them;
/// while an fsync runs, the next batch collects.
///
/// It has a thread of its own: its work is to block on the disk.
pub(crate) struct Committer {
    store: Arc<Store>,
    file: AppendFile,
    rewrite: Option<Rewrite>,
    /// The file is rewritten when it is larger than this, in bytes.
    rewrite_above: u64,
    smallest_rewrite: u64,
}

/// A new file being prepared from a snapshot, by a thread of its own.
struct Rewrite {
    result: mpsc::Receiver<io::Result<AppendFile>>,
    /// What the old file got since the snapshot; the new one needs it too.
    since: Vec<u8>,
}

impl Committer {
    pub(crate) fn new(store: Arc<Store>, file: AppendFile, rewrite_above: u64) -> Self {
        store.status.append_file.set_bytes(file.length());
        Self {
            store,
            file,
            rewrite: None,
            rewrite_above,
            smallest_rewrite: rewrite_above,
        }
    }

    /// Runs until the store is closed and everything is on the disk, or until the disk fails.
    pub(crate) fn spawn(mut self) -> io::Result<JoinHandle<()>> {
        thread::Builder::new()
            .name("append-file".into())
            .spawn(move || {
                while let Some(batch) = self.store.next_batch(self.wants_rewrite()) {
                    if let Err(cause) = self.commit(batch) {
                        self.store.fail(self.file.path(), &cause);
                        return;
                    }
                }
            })
    }

    fn wants_rewrite(&self) -> bool {
        self.rewrite.is_none() && self.file.length() > self.rewrite_above
    }

    fn commit(&mut self, batch: Batch) -> io::Result<()> {
        if !batch.commands.is_empty() {
            self.file.commit(&batch.commands)?;
            self.store
                .status
                .append_file
                .count_fsync(self.file.length());
            self.store.publish(batch.last);
        }
        if let Some(rewrite) = &mut self.rewrite {
            rewrite.since.extend_from_slice(&batch.commands);
        }
        if let Some(snapshot) = batch.snapshot {
            self.begin_rewrite(snapshot);
        }
        self.finish_rewrite()
    }

    fn begin_rewrite(&mut self, snapshot: Snapshot) {
        let (sender, result) = mpsc::channel();
        let (path, store) = (self.file.path().to_owned(), Arc::clone(&self.store));
        let job = move || {
            let _ = sender.send(AppendFile::rewrite(&path, &snapshot));
            drop(snapshot);
            store.wake_committer();
        };
        match thread::Builder::new()
            .name("append-rewrite".into())
            .spawn(job)
        {
            Ok(_) => {
                self.rewrite = Some(Rewrite {
                    result,
                    since: Vec::new(),
                })
            }
            Err(cause) => self.give_up_rewrite(&cause),
        }
    }

    /// Puts a finished new file in place. Until it has its name nothing is lost by giving up; from
    /// then on its name must last before anything else is acknowledged.
    fn finish_rewrite(&mut self) -> io::Result<()> {
        let Some(result) = self
            .rewrite
            .as_ref()
            .and_then(|rewrite| rewrite.result.try_recv().ok())
        else {
            return Ok(());
        };
        let since = self
            .rewrite
            .take()
            .map(|rewrite| rewrite.since)
            .unwrap_or_default();
        let old_length = self.file.length();
        if let Err(cause) = result.and_then(|new| self.file.replace(new, &since)) {
            self.give_up_rewrite(&cause);
            return Ok(());
        }
        self.file.sync_name()?;
        let length = self.file.length();
        self.rewrite_above = self.smallest_rewrite.max(length * 2);
        self.store.status.append_file.count_rewrite(length);
        tracing::info!(from = old_length, to = length, "append file rewritten");
        Ok(())
    }

    /// The old file is whole and goes on; the next try comes when it has doubled.
    fn give_up_rewrite(&mut self, cause: &io::Error) {
        self.rewrite_above = self.file.length() * 2;
        let path = self.file.path().display();
        tracing::warn!(%path, %cause, "append file {path} could not be rewritten, it goes on growing");
    }
}

#[cfg(test)]
mod tests;
