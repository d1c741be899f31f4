//! How far the body of a client's request has come.

use std::error::Error;
use std::io;

use tokio::sync::watch;

/// Open until the body is complete; says where it broke off.
pub(crate) type Upload = watch::Receiver<Option<BrokenOff>>;

/// How a client's body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BrokenOff {
    /// The client closed its connection.
    Gone,
    /// What it sent is no HTTP.
    Malformed,
}

impl BrokenOff {
    pub(crate) fn of(error: &hyper::Error) -> Self {
        let io = error.source().and_then(|source| source.downcast_ref());
        match io.map(io::Error::kind) {
            Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => Self::Malformed,
            _ => Self::Gone,
        }
    }
}
