use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a store did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The listener has no address.
    #[error("the listener of the store has no local address ({0}); bind it first")]
    Listener(#[source] io::Error),
    /// The append file cannot be opened, read or cut.
    #[error("cannot use append file {} ({cause}); check the directory and its permissions", path.display())]
    AppendFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Another process holds the append file.
    #[error("append file {} is in use by another store; stop that one or choose another file", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file exists and was not written by a store.
    #[error(
        "{} is not an append file of this store and was left alone; choose another path or move it away",
        path.display()
    )]
    NotAnAppendFile {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that were once safe have changed.
    #[error(
        "append file {} is damaged at byte {offset}, but whole records follow at byte {next}; \
         restore a copy, or move the file away to start empty",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// Where the next whole record begins.
        next: u64,
    },
    /// A whole record holds what this version cannot repeat.
    #[error(
        "append file {} holds a command at byte {offset} that cannot be repeated ({reason}); \
         it may come from a newer version: start that one, or move the file away to start empty",
        path.display()
    )]
    Command {
        /// The file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
        /// What the command answered.
        reason: String,
    },
    /// The replay of the append file ended without a result.
    #[error("the append file was not loaded, because the runtime is shutting down")]
    Interrupted,
}

/// Why a running store ended with something lost or unfinished.
#[derive(Debug, Error)]
pub enum RunError {
    /// No thread for the append file.
    #[error(
        "cannot start the thread that writes the append file ({0}); free some memory or threads"
    )]
    Thread(#[source] io::Error),
    /// The append file could not be written; the writes concerned were answered with an error.
    #[error("{0}")]
    AppendFile(String),
    /// The last writes did not reach the disk in time.
    #[error("the append file was not flushed within {0:?}; look for a disk that hangs")]
    Flush(std::time::Duration),
}
