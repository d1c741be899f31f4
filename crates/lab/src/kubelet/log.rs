//! Logs of containers: files like those of a real node, bounded, with a time on every line.
//!
//! ```text
//! stdout, stderr ─ collect ─► Log (one file a run, rotated) ─ read ─► any number of followers
//! ```
//!
//! A follower has its own open file and wakes when the log grew: one more costs nothing while
//! nothing is written.

mod access;
mod collect;
mod entry;
mod file;
mod read;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::{fs, io};

pub(super) use access::AccessLines;
pub(super) use collect::{Lines, collect};
pub(super) use entry::Origin;
pub(super) use file::Log;
pub(super) use read::read;

use super::volumes::file_name;

/// The logs of one container: of its run now, and of the one before.
#[derive(Debug)]
pub(super) struct ContainerLogs {
    folder: PathBuf,
    runs: Mutex<Runs>,
}

#[derive(Debug, Default)]
struct Runs {
    begun: u32,
    current: Option<Arc<Log>>,
    previous: Option<Arc<Log>>,
}

impl ContainerLogs {
    /// Of the container of this name, below the pod's folder.
    pub(super) fn new(pod: &Path, container: &str) -> Self {
        Self {
            folder: pod.join(file_name(container)),
            runs: Mutex::default(),
        }
    }

    /// Begins the log of a new run; that of the run before the last one is deleted.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn begin(&self) -> io::Result<Arc<Log>> {
        fs::create_dir_all(&self.folder)?;
        let mut runs = self.runs();
        let log = Arc::new(Log::create(
            self.folder.join(format!("{}.log", runs.begun)),
        )?);
        runs.begun += 1;
        let last = runs.current.replace(Arc::clone(&log));
        if let Some(forgotten) = std::mem::replace(&mut runs.previous, last) {
            forgotten.delete();
        }
        Ok(log)
    }

    /// The log of the run now, or of the last one.
    pub(super) fn current(&self) -> Option<Arc<Log>> {
        self.runs().current.clone()
    }

    /// The log of the run before.
    pub(super) fn previous(&self) -> Option<Arc<Log>> {
        self.runs().previous.clone()
    }

    fn runs(&self) -> std::sync::MutexGuard<'_, Runs> {
        self.runs.lock().expect("no holder of this lock panics")
    }
}
