//! Liveness is the process; readiness is "may receive requests".
//!
//! Ready = Redis was reached once since start (where the service needs it), and
//! the process is not draining.
//! A *later* loss of Redis shows in answers, metrics and `/readyz?verbose`, but
//! takes no pod out of service: all pods share one Redis, so a probe that
//! followed it would remove every pod at once and turn a clear 503 into silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;

use crate::drain::Drain;

/// What readiness is made of; a cheap handle.
#[derive(Clone, Debug)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    drain: Drain,
    needs_store: bool,
    store_reached_once: AtomicBool,
    store_reachable: AtomicBool,
}

impl Health {
    /// Not ready until [`Health::store_is`] has been told `true` once.
    pub fn new(drain: Drain) -> Self {
        Self::of(drain, true)
    }

    /// Ready from the start: for a service that does its work without the store.
    pub fn without_store(drain: Drain) -> Self {
        Self::of(drain, false)
    }

    fn of(drain: Drain, needs_store: bool) -> Self {
        Self(Arc::new(Inner {
            drain,
            needs_store,
            store_reached_once: AtomicBool::new(false),
            store_reachable: AtomicBool::new(false),
        }))
    }

    /// Notes whether the store answered just now.
    pub fn store_is(&self, reachable: bool) {
        self.0.store_reachable.store(reachable, Ordering::Relaxed);
        if reachable {
            self.0.store_reached_once.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the store answered the last time it was asked.
    pub fn store_reachable(&self) -> bool {
        self.0.store_reachable.load(Ordering::Relaxed)
    }

    /// Whether this process may receive requests.
    pub fn is_ready(&self) -> bool {
        self.has_its_store() && !self.0.drain.has_begun()
    }

    fn has_its_store(&self) -> bool {
        !self.0.needs_store || self.0.store_reached_once.load(Ordering::Relaxed)
    }

    fn report(&self) -> String {
        let said = |good: bool| if good { "ok" } else { "failed" };
        let once = if self.0.needs_store {
            "redis reached once since start"
        } else {
            "redis is not needed"
        };
        format!(
            "[{}] {once}\n[{}] redis reachable now (informative)\n[{}] not draining\nready: {}\n",
            said(self.has_its_store()),
            said(self.store_reachable()),
            said(!self.0.drain.has_begun()),
            self.is_ready(),
        )
    }
}

/// `/healthz` and `/readyz`.
pub fn routes<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readyz).with_state(health))
}

async fn readyz(State(health): State<Health>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    let verbose = query.is_some_and(|it| it.split('&').any(|key| key.starts_with("verbose")));
    let status = if health.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = match (verbose, health.is_ready()) {
        (true, _) => health.report(),
        (false, true) => "ok".to_owned(),
        (false, false) => "not ready; ask /readyz?verbose for the reason".to_owned(),
    };
    (status, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_from_the_first_contact_on_whatever_the_store_does_later() {
        let health = Health::new(Drain::default());
        assert!(!health.is_ready());
        health.store_is(true);
        assert!(health.is_ready());
        health.store_is(false);
        assert!(health.is_ready());
        assert!(!health.store_reachable());
    }

    #[test]
    fn a_service_without_need_of_the_store_is_ready_from_the_start() {
        let drain = Drain::default();
        let health = Health::without_store(drain.clone());
        assert!(health.is_ready());
        assert!(!health.store_reachable());
        drain.begin();
        assert!(!health.is_ready());
    }

    #[test]
    fn a_draining_process_is_not_ready() {
        let drain = Drain::default();
        let health = Health::new(drain.clone());
        health.store_is(true);
        drain.begin();
        assert!(!health.is_ready());
        assert!(health.report().contains("[failed] not draining"));
    }
}
