//! Wait for a condition, never for time.

use std::time::{Duration, Instant};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Resolves with the first `Some` of `look`.
///
/// # Panics
/// When `limit` has passed; `what` is named.
pub async fn until_some<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            started.elapsed() < limit,
            "waited {limit:?} in vain for {what}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// Resolves when `look` is true.
///
/// # Panics
/// When `limit` has passed; `what` is named.
pub async fn until(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> bool) {
    until_some(what, limit, async || look().await.then_some(())).await;
}
