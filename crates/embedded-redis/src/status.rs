//! What the server knows about itself: its settings, and counters that `INFO` shows.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::config::Config;
use crate::db::Now;

pub(crate) const SERVER_NAME: &str = env!("CARGO_PKG_NAME");
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) struct Status {
    pub(crate) started: Now,
    pub(crate) port: u16,
    pub(crate) password: Option<Password>,
    pub(crate) persistent: bool,
    pub(crate) max_connections: usize,
    /// Connections open now.
    pub(crate) connections: AtomicUsize,
    /// Connections ever accepted.
    pub(crate) accepted: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) append_file: AppendFileFigures,
}

/// Figures of the append file since start; `bytes` is its size.
#[derive(Default)]
pub(crate) struct AppendFileFigures {
    pub(crate) bytes: AtomicU64,
    pub(crate) fsyncs: AtomicU64,
    pub(crate) rewrites: AtomicU64,
    pub(crate) failed: AtomicBool,
}

impl AppendFileFigures {
    pub(crate) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Relaxed);
    }

    pub(crate) fn count_fsync(&self, bytes: u64) {
        self.fsyncs.fetch_add(1, Relaxed);
        self.set_bytes(bytes);
    }

    pub(crate) fn count_rewrite(&self, bytes: u64) {
        self.rewrites.fetch_add(1, Relaxed);
        self.set_bytes(bytes);
    }
}

impl Status {
    pub(crate) fn new(config: &Config, port: u16, started: Now) -> Self {
        Self {
            started,
            port,
            password: config.password.clone().map(Password),
            persistent: config.append_file.is_some(),
            max_connections: config.max_connections,
            connections: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            append_file: AppendFileFigures::default(),
        }
    }
}

/// A password that can be compared and nothing else.
pub(crate) struct Password(String);

impl Password {
    /// Takes as long for a wrong first byte as for a wrong last one.
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        let expected = self.0.as_bytes();
        let differing = expected
            .iter()
            .zip(given)
            .fold(0, |all, (a, b)| all | (a ^ b));
        expected.len() == given.len() && differing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_password_matches() {
        let password = Password("secret".into());
        assert!(password.matches(b"secret"));
        for wrong in [&b""[..], b"secre", b"secret!", b"Secret"] {
            assert!(!password.matches(wrong));
        }
    }
}
