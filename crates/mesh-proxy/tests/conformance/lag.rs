//! How late this machine wakes a sleeper: what a timing may be off without any fault of a proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

const NAP: Duration = Duration::from_millis(5);
/// No more than so much is excused: a machine that is later says nothing about times.
const EXCUSED_MS: u64 = 250;

/// Watches from its start until it is dropped.
pub(crate) struct Lag {
    worst_ms: Arc<AtomicU64>,
    watcher: AbortHandle,
}

impl Lag {
    pub(crate) fn watch() -> Self {
        let worst_ms = Arc::new(AtomicU64::new(0));
        let worst = worst_ms.clone();
        let watcher = tokio::spawn(async move {
            loop {
                let began = Instant::now();
                tokio::time::sleep(NAP).await;
                let late = began.elapsed().saturating_sub(NAP);
                worst.fetch_max(u64::try_from(late.as_millis()).unwrap(), Ordering::Relaxed);
            }
        });
        Self {
            worst_ms,
            watcher: watcher.abort_handle(),
        }
    }

    /// What a time may be off.
    pub(crate) fn excused_ms(&self) -> u64 {
        self.worst_ms().min(EXCUSED_MS)
    }

    /// Whether times cannot be judged, and why.
    pub(crate) fn too_slow(&self) -> Option<String> {
        let worst = self.worst_ms();
        (worst > EXCUSED_MS).then(|| {
            format!("machine too slow: it woke a sleeper {worst} ms late, {EXCUSED_MS} are excused")
        })
    }

    fn worst_ms(&self) -> u64 {
        self.worst_ms.load(Ordering::Relaxed)
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}
