//! Where a proxy's access log leads: to its container's log, which begins after the proxy.

use std::sync::{Arc, PoisonError, RwLock};

use mesh_proxy::AccessLog;

/// A log that leads to another one, or to nothing; a cheap handle.
#[derive(Clone, Default)]
pub(super) struct AccessSink(Arc<RwLock<Option<Arc<dyn AccessLog>>>>);

impl AccessSink {
    /// Leads to `log` from now on.
    pub(super) fn lead_to(&self, log: Arc<dyn AccessLog>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(log);
    }
}

impl AccessLog for AccessSink {
    fn line(&self, line: String) {
        if let Some(log) = &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            log.line(line);
        }
    }
}
