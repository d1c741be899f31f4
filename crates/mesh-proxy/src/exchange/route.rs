//! What a route makes of a request: destination → fault → cors → its action.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use mesh::config::{Action, PASSTHROUGH, Route};
use mesh::cors::Verdict;
use mesh::local_reply::{Reason, local_reply};

use super::changes::Changes;
use super::{Answered, Exchange};
use crate::body::ResponseBody;
use crate::cluster::ClusterState;
use crate::copies::Copies;
use crate::proxy::Snapshot;
use crate::reply::respond;
use crate::tries::{Failed, Plan, run};
use crate::upgrade::Wish;
use crate::way::{answer, rewrite};

impl Exchange<'_> {
    /// Chooses where to, injects the route's fault, asks about origins, then does what the route says.
    pub(super) async fn follow(
        mut self,
        route: Arc<Route>,
        snapshot: &Snapshot,
        request: Request<Incoming>,
        authority: &str,
    ) -> Answered {
        // Envoy: the weighted cluster is chosen with the route, before any fault; the same number
        // decides about copies.
        let draw = self.proxy.chance.draw();
        let mut changes = self.choose(&route, snapshot, draw);
        if self.wish == Wish::Unknown {
            return Ok(self.reply(&Reason::UpgradeFailed, &changes));
        }
        if let Some(reason) = self.inject(&route).await {
            return Ok(self.reply(&reason, &changes));
        }
        match changes.judge(&request) {
            Verdict::Pass => {}
            Verdict::Grant(origin) => changes.origin = Some(origin),
            Verdict::Answer(headers) => return Ok(self.preflight(headers)),
        }
        self.act(&changes, snapshot, request, authority, draw).await
    }

    /// The destination of a request, which its log line names.
    fn choose(&mut self, route: &Arc<Route>, snapshot: &Snapshot, draw: u64) -> Changes {
        let destination = match &route.action {
            Action::Forward(forward) => Some(forward.destinations.pick(draw).clone()),
            _ => None,
        };
        if let Some(record) = &mut self.record {
            record.route(&route.name);
            let chosen = destination.iter().map(|destination| &destination.cluster);
            // Envoy: a cluster that does not exist has no name in logs.
            let mut known = chosen.filter(|name| snapshot.clusters.contains_key(*name));
            known
                .next()
                .into_iter()
                .for_each(|name| record.cluster(name));
        }
        Changes {
            route: route.clone(),
            destination,
            origin: None,
        }
    }

    /// Does what the route says.
    async fn act(
        self,
        changes: &Changes,
        snapshot: &Snapshot,
        mut request: Request<Incoming>,
        authority: &str,
        draw: u64,
    ) -> Answered {
        let (forward, destination) = match (&changes.route.action, &changes.destination) {
            (Action::Forward(forward), Some(destination)) => (forward, destination),
            (action, _) => {
                return Ok(self.reply(&answer(action, &request, authority), changes));
            }
        };
        let dialled = self.door.listen.address;
        let target = self.proxy.cluster(snapshot, &destination.cluster, dialled);
        let Some(target) = target else {
            self.door.stats.no_cluster.add();
            return Ok(self.reply(&Reason::NoCluster, changes));
        };
        rewrite(&mut request, forward);
        changes.apply_to_request(request.headers_mut());
        // Envoy: a copy has no client, and so no address that was dialled.
        let mirror = |name: &str| self.proxy.cluster(snapshot, name, None);
        let (plan, copies) = (Plan::of(forward), Copies::of(forward, mirror, draw));
        self.forward(&target, plan, copies, request, changes).await
    }

    /// Answers a preflight; the route's changes are not for it.
    fn preflight(self, headers: HeaderMap) -> Response<ResponseBody> {
        let change = |answer: &mut HeaderMap| answer.extend(headers);
        respond(
            &local_reply(&Reason::Preflight),
            &self.style,
            self.flags,
            self.record,
            change,
        )
    }

    /// Waits for an injected delay; the reason of an injected abort.
    async fn inject(&mut self, route: &Route) -> Option<Reason> {
        if route.fault.is_none() {
            return None;
        }
        let chance = &self.proxy.chance;
        let injected = route.fault.draw(chance.draw(), chance.draw());
        let stats = &self.door.stats;
        if let Some(delay) = injected.delay {
            self.flags.raise("DI");
            stats.delays_injected.add();
            let _held = stats.active_faults.hold();
            tokio::time::sleep(delay).await;
        }
        let abort = injected.abort?;
        stats.aborts_injected.add();
        Some(Reason::Abort(abort))
    }

    /// Istio, ALLOW_ANY: an unknown host goes to the address dialled, without rules or retries.
    pub(super) async fn pass_through(
        mut self,
        address: SocketAddr,
        request: Request<Incoming>,
    ) -> Answered {
        if self.wish == Wish::Unknown {
            return Ok(self.local(&Reason::UpgradeFailed));
        }
        let snapshot = self.proxy.snapshot.load_full();
        let dialled = Some(address);
        let Some(cluster) = self.proxy.cluster(&snapshot, PASSTHROUGH, dialled) else {
            self.door.stats.no_cluster.add();
            return Ok(self.local(&Reason::NoCluster));
        };
        if let Some(record) = &mut self.record {
            record.cluster(&cluster.config.name);
            record.route(&"allow_any".into());
        }
        match run(&mut self, &cluster, Plan::default(), None, request).await {
            Ok(response) => Ok(self.answered(response, |_| {})),
            Err(Failed::Upstream(reason)) => {
                cluster.count_reply(&reason);
                Ok(self.local(&reason))
            }
            Err(Failed::Client(how)) => self.broken_off(how),
        }
    }

    async fn forward(
        mut self,
        cluster: &Arc<ClusterState>,
        plan: Plan<'_>,
        copies: Option<Copies>,
        request: Request<Incoming>,
        changes: &Changes,
    ) -> Answered {
        match run(&mut self, cluster, plan, copies, request).await {
            Ok(response) => Ok(self.answered(response, |headers| changes.apply(headers))),
            Err(Failed::Upstream(reason)) => {
                cluster.count_reply(&reason);
                Ok(self.reply(&reason, changes))
            }
            Err(Failed::Client(how)) => self.broken_off(how),
        }
    }
}
