//! The file of one run, rotated so that it stays small.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tokio::sync::watch;

/// Size in bytes from which on a file is put aside; the one put aside before is forgotten.
///
/// Kubernetes: 10 MiB and five files, and `kubectl logs` shows the newest alone.
const ROTATE_AT: u64 = 4 * 1024 * 1024;

/// The log of one run of a container.
#[derive(Debug)]
pub(in crate::kubelet) struct Log {
    path: PathBuf,
    writer: Mutex<Writer>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    size: u64,
    rotate_at: u64,
}

/// How far a log is; readers wait for it to change.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Progress {
    /// Bytes ever written.
    pub(super) written: u64,
    /// Files put aside.
    pub(super) rotations: u32,
    /// Nothing more comes.
    pub(super) ended: bool,
}

impl Log {
    /// An empty log.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        Self::with_limit(path, ROTATE_AT)
    }

    pub(super) fn with_limit(path: PathBuf, rotate_at: u64) -> io::Result<Self> {
        let file = open(&path)?;
        Ok(Self {
            writer: Mutex::new(Writer {
                file,
                size: 0,
                rotate_at,
            }),
            path,
            progress: watch::Sender::default(),
        })
    }

    /// Appends whole entries.
    pub(super) fn append(&self, page: &[u8]) {
        let rotated = self.write(page).unwrap_or_else(|error| {
            // A full disk must not stop the container.
            tracing::warn!(%error, path = %self.path.display(), "a log cannot be written");
            false
        });
        self.progress.send_modify(|progress| {
            progress.written += page.len() as u64;
            progress.rotations += u32::from(rotated);
        });
    }

    /// Says that nothing more comes.
    pub(in crate::kubelet) fn end(&self) {
        self.progress.send_modify(|progress| progress.ended = true);
    }

    /// Removes it from the disk; who reads it reads on.
    pub(super) fn delete(&self) {
        for path in [&self.path, &aside(&self.path)] {
            let _ = fs::remove_file(path);
        }
    }

    /// Opens the newest file, and tells how far the log was just before.
    pub(super) fn open(&self) -> io::Result<(File, watch::Receiver<Progress>)> {
        // Under the lock, so that file and count of rotations belong together.
        let _writer = self.writer.lock().expect("no holder of this lock panics");
        let progress = self.progress.subscribe();
        Ok((File::open(&self.path)?, progress))
    }

    fn write(&self, page: &[u8]) -> io::Result<bool> {
        let mut writer = self.writer.lock().expect("no holder of this lock panics");
        let rotate = writer.size >= writer.rotate_at;
        if rotate {
            fs::rename(&self.path, aside(&self.path))?;
            writer.file = open(&self.path)?;
            writer.size = 0;
        }
        writer.size += page.len() as u64;
        writer.file.write_all(page)?;
        Ok(rotate)
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn aside(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}
