//! What a request holds of its upstream until its answer is read.

use std::sync::Arc;

use mesh::engine::Report;

use crate::cluster::{ClusterState, HostState};
use crate::limits::Place;
use crate::pool::Connection;
use crate::upload::Upload;

/// A connection and its host while an answer is read.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) cluster: Arc<ClusterState>,
    pub(crate) host: Active,
    pub(crate) connection: Connection,
    /// Its place among the requests of the cluster.
    pub(crate) _place: Place,
    /// Open while the request's body is not complete: then the connection cannot be used again.
    pub(crate) request: Upload,
}

/// Counts a request at a host as long as it lives.
#[derive(Debug)]
pub(crate) struct Active(pub(crate) Arc<HostState>);

impl Active {
    pub(crate) fn new(host: Arc<HostState>) -> Self {
        host.stats.rq_active.add();
        host.cluster.upstream_rq_active.add();
        Self(host)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.stats.rq_active.subtract();
        self.0.cluster.upstream_rq_active.subtract();
    }
}

impl Lease {
    /// Envoy: a stream that its upstream ends before its time is a failure of the host, whatever the
    /// status of the answer was.
    pub(crate) fn fail(self) {
        self.cluster.report(&self.host.0, Report::ConnectFailure);
    }

    /// Gives the connection back after a complete exchange.
    pub(super) fn finish(self) {
        let complete = self.request.has_changed().is_err();
        if complete {
            self.host.0.put_back(self.connection);
        }
    }
}
