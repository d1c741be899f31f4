//! Leaving without losing a request.
//!
//! ```text
//! SIGTERM ── not ready, `connection: close` on every answer ── GRACE ── no new
//!            connections, requests in flight finish ── LIMIT ── exit
//! ```
//!
//! An idle keep-alive connection that is closed too early is an error which
//! nobody retries (Envoy's default policy does not retry a reset), so clients
//! are told first and cut later. Event streams end at once.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::Response;
use tokio_util::sync::CancellationToken;

/// How long a draining process keeps serving.
pub const GRACE: Duration = Duration::from_secs(3);
/// How long requests in flight may take after that.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Handle on the process's wish to leave.
#[derive(Clone, Debug, Default)]
pub struct Drain(CancellationToken);

impl Drain {
    /// Begins to drain; idempotent.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Whether draining has begun.
    pub fn has_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Resolves when draining begins; event streams end on it.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }

    /// Begins to drain at SIGTERM or Ctrl-C.
    pub fn on_signals(&self) {
        let drain = self.clone();
        tokio::spawn(async move {
            terminated().await;
            tracing::info!("told to leave: draining");
            drain.begin();
        });
    }
}

/// Resolves at the first SIGTERM or SIGINT.
pub async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut sigterm) => tokio::select! {
            _ = sigterm.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(error) => {
            tracing::warn!(%error, "cannot listen for SIGTERM, only for Ctrl-C");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// Middleware: while draining, asks clients to open a new connection elsewhere.
pub async fn announce(State(drain): State<Drain>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if drain.has_begun() {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
