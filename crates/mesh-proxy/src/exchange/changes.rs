//! Headers on a route: what it writes itself, and what other origins may know.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue};
use mesh::config::{Action, Route, WeightedCluster};
use mesh::cors::{Cors, Verdict};

use crate::headers::rewrite_host;

/// What a route changes of a request and of its answer.
pub(super) struct Changes {
    pub(super) route: Arc<Route>,
    pub(super) destination: Option<WeightedCluster>,
    /// The origin that the answer is granted to.
    pub(super) origin: Option<HeaderValue>,
}

impl Changes {
    /// Envoy: the destination's changes first, then the route's, then what another origin may know.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        if let Some(destination) = &self.destination {
            destination.headers.response.apply(headers);
        }
        self.route.headers.response.apply(headers);
        if let (Some(cors), Some(origin)) = (self.cors(), &self.origin) {
            cors.grant(origin, headers);
        }
    }

    fn cors(&self) -> Option<&Cors> {
        match &self.route.action {
            Action::Forward(forward) => forward.cors.as_ref(),
            _ => None,
        }
    }

    /// What becomes of a request from another origin. Envoy: asked only of what is forwarded.
    pub(super) fn judge(&self, request: &Request<Incoming>) -> Verdict {
        let judge = |cors: &Cors| cors.judge(request.method(), request.headers());
        self.cors().map_or(Verdict::Pass, judge)
    }

    pub(super) fn apply_to_request(&self, headers: &mut HeaderMap) {
        let destination = self
            .destination
            .iter()
            .map(|destination| &destination.headers.request);
        for ops in destination.chain([&self.route.headers.request]) {
            ops.apply(headers);
            if let Some(host) = ops.host() {
                rewrite_host(headers, host);
            }
        }
    }
}
