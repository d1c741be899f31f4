//! One request from its arrival to its answer:
//! virtual host → route → weighted cluster → fault → cors → tries, and copies for mirrors.

mod changes;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, Response, Version};
use mesh::config::{Action, Route};
use mesh::cors::Verdict;
use mesh::local_reply::{Flags, Reason, local_reply};

use changes::Changes;

use crate::body::ResponseBody;
use crate::cluster::ClusterState;
use crate::copies::Copies;
use crate::headers::{client_of, prepare_request};
use crate::listen::Door;
use crate::log::Record;
use crate::proxy::{Inner, Snapshot};
use crate::reply::{Style, respond};
use crate::tries::{Failed, Plan, run};
use crate::upgrade::Wish;
use crate::way::{Way, answer, authority, rewrite, way};

/// A request on its way, and what has been learnt about it.
pub(crate) struct Exchange<'a> {
    pub(crate) proxy: &'a Inner,
    /// Where the request came in, and where what outlives it runs.
    pub(crate) door: &'a Arc<Door>,
    pub(crate) flags: Flags,
    pub(crate) record: Option<Box<Record>>,
    /// The client.
    pub(crate) peer: SocketAddr,
    /// What it wants its connection to become.
    pub(crate) wish: Wish,
    style: Style,
}

/// Answers one request.
pub(crate) async fn exchange(
    door: &Arc<Door>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
    wish: Wish,
) -> Response<ResponseBody> {
    let proxy = &*door.proxy;
    let authority = authority(&request);
    let mut exchange = Exchange::new(door, peer, &request, authority.as_deref(), wish);
    if request.version() == Version::HTTP_10 {
        return exchange.local(&Reason::UpgradeRequired);
    }
    let Some(authority) = authority else {
        return exchange.local(&Reason::BadRequest);
    };
    // Envoy: only a route that says so takes a CONNECT.
    if request.method() == Method::CONNECT {
        return exchange.nowhere();
    }
    prepare_request(
        request.headers_mut(),
        proxy.settings.role,
        peer.ip(),
        &proxy.chance,
        wish,
    );
    if let Some(record) = &mut exchange.record {
        record.prepared(request.headers());
    }
    let snapshot = proxy.snapshot.load_full();
    match way(&snapshot, &door.listen, &mut request, &authority) {
        Way::Nowhere => exchange.nowhere(),
        Way::Passthrough(address) => exchange.pass_through(address, request).await,
        Way::Route(route) => exchange.follow(route, &snapshot, request, &authority).await,
    }
}

impl<'a> Exchange<'a> {
    fn new(
        door: &'a Arc<Door>,
        peer: SocketAddr,
        request: &Request<Incoming>,
        authority: Option<&str>,
        wish: Wish,
    ) -> Self {
        let proxy = &*door.proxy;
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .map(|value| value.as_bytes());
        let style = Style {
            role: proxy.settings.role,
            head: request.method() == Method::HEAD,
            grpc: content_type.is_some_and(|kind| kind.starts_with(b"application/grpc")),
        };
        let forwarded = client_of(request.headers(), proxy.settings.role);
        let remote = forwarded.unwrap_or_else(|| proxy.peer_as_shown(peer));
        let record = |log: &Arc<_>| {
            let authority = authority.unwrap_or_default();
            Box::new(Record::new(
                Arc::clone(log),
                request,
                authority,
                door.listen.address,
                remote,
            ))
        };
        let record = proxy.settings.access_log.as_ref().map(record);
        Self {
            proxy,
            door,
            flags: Flags::none(),
            record,
            peer: remote,
            wish,
            style,
        }
    }

    /// The exchange of a copy: nobody reads its answer, and no line is written.
    pub(crate) fn of_copy(door: &'a Arc<Door>, peer: SocketAddr) -> Self {
        let proxy = &*door.proxy;
        let style = Style {
            role: proxy.settings.role,
            head: false,
            grpc: false,
        };
        Self {
            proxy,
            door,
            flags: Flags::none(),
            record: None,
            peer,
            wish: Wish::Http,
            style,
        }
    }

    /// No route leads anywhere.
    fn nowhere(self) -> Response<ResponseBody> {
        if self.wish == Wish::Unknown {
            return self.local(&Reason::UpgradeFailed);
        }
        self.door.stats.no_route.add();
        self.local(&Reason::NoRoute)
    }

    /// A reply to a request without a route.
    fn local(self, reason: &Reason) -> Response<ResponseBody> {
        respond(
            &local_reply(reason),
            &self.style,
            self.flags,
            self.record,
            |_| {},
        )
    }

    /// A reply on a route, which changes its headers.
    fn reply(self, reason: &Reason, changes: &Changes) -> Response<ResponseBody> {
        let change = |headers: &mut HeaderMap| changes.apply(headers);
        respond(
            &local_reply(reason),
            &self.style,
            self.flags,
            self.record,
            change,
        )
    }

    /// Chooses where to, injects the route's fault, asks about origins, then does what the route says.
    async fn follow(
        mut self,
        route: Arc<Route>,
        snapshot: &Snapshot,
        request: Request<Incoming>,
        authority: &str,
    ) -> Response<ResponseBody> {
        // Envoy: the weighted cluster is chosen with the route, before any fault; the same number
        // decides about copies.
        let draw = self.proxy.chance.draw();
        let mut changes = self.choose(&route, snapshot, draw);
        if self.wish == Wish::Unknown {
            return self.reply(&Reason::UpgradeFailed, &changes);
        }
        if let Some(reason) = self.inject(&route).await {
            return self.reply(&reason, &changes);
        }
        match changes.judge(&request) {
            Verdict::Pass => {}
            Verdict::Grant(origin) => changes.origin = Some(origin),
            Verdict::Answer(headers) => return self.preflight(headers),
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
    ) -> Response<ResponseBody> {
        let (forward, destination) = match (&changes.route.action, &changes.destination) {
            (Action::Forward(forward), Some(destination)) => (forward, destination),
            (action, _) => return self.reply(&answer(action, &request, authority), changes),
        };
        let Some(cluster) = snapshot.clusters.get(&destination.cluster) else {
            self.door.stats.no_cluster.add();
            return self.reply(&Reason::NoCluster, changes);
        };
        rewrite(&mut request, forward);
        changes.apply_to_request(request.headers_mut());
        let (plan, copies) = (Plan::of(forward), Copies::of(forward, snapshot, draw));
        self.forward(cluster, plan, copies, request, changes).await
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
    async fn pass_through(
        mut self,
        address: SocketAddr,
        request: Request<Incoming>,
    ) -> Response<ResponseBody> {
        if self.wish == Wish::Unknown {
            return self.local(&Reason::UpgradeFailed);
        }
        let Some(cluster) = self.proxy.passthrough(address) else {
            self.door.stats.no_cluster.add();
            return self.local(&Reason::NoCluster);
        };
        if let Some(record) = &mut self.record {
            record.cluster(&cluster.config.name);
            record.route(&"allow_any".into());
        }
        match run(&mut self, &cluster, Plan::default(), None, request).await {
            Ok(response) => self.answered(response, |_| {}),
            Err(Failed(reason)) => {
                cluster.count_reply(&reason);
                self.local(&reason)
            }
        }
    }

    async fn forward(
        mut self,
        cluster: &Arc<ClusterState>,
        plan: Plan<'_>,
        copies: Option<Copies>,
        request: Request<Incoming>,
        changes: &Changes,
    ) -> Response<ResponseBody> {
        match run(&mut self, cluster, plan, copies, request).await {
            Ok(response) => self.answered(response, |headers| changes.apply(headers)),
            Err(Failed(reason)) => {
                cluster.count_reply(&reason);
                self.reply(&reason, changes)
            }
        }
    }

    /// Hands an upstream's answer on.
    fn answered(
        self,
        response: Response<ResponseBody>,
        change: impl FnOnce(&mut HeaderMap),
    ) -> Response<ResponseBody> {
        let (mut parts, body) = response.into_parts();
        change(&mut parts.headers);
        let mut record = self.record;
        if let Some(record) = &mut record {
            record.answered(
                parts.status.as_u16(),
                &parts.headers,
                self.flags,
                body.details(),
            );
        }
        Response::from_parts(parts, body.recorded(record))
    }
}
