//! The tries of one request: host → connection → answer, again where the policy says so.

mod attempt;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::SET_COOKIE;
use hyper::{Request, Response};
use mesh::config::{Forward, HashPolicy};
use mesh::engine::{Hashable, Hashed, hash};
use mesh::local_reply::Reason;
use mesh::retry::{Outcome, RetryPolicy};
use tokio::time::sleep;

use crate::body::{RequestBody, ResponseBody};
use crate::cluster::{ClusterState, HostState};
use crate::copies::Copies;
use crate::exchange::Exchange;
use crate::headers::prepare_response;
use crate::limits::Place;
use crate::outgoing::{Outgoing, copy, hold};
use crate::upgrade::Wish;
use crate::upload::{BrokenOff, Upload};

/// How a request is tried.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan<'a> {
    retry: Option<&'a RetryPolicy>,
    timeout: Option<Duration>,
    hash: &'a [HashPolicy],
}

/// No upstream answered.
#[derive(Debug)]
pub(crate) enum Failed {
    /// As the cluster's upstreams, its limits and the route's timeouts have it.
    Upstream(Reason),
    /// The client's body broke off.
    Client(BrokenOff),
}

impl<'a> Plan<'a> {
    pub(crate) fn of(forward: &'a Forward) -> Self {
        Self {
            retry: forward.retry.as_ref(),
            timeout: forward.timeout,
            hash: &forward.hash,
        }
    }

    /// How a copy is tried: once, and as long as the request itself would be.
    pub(crate) fn of_copy(&self) -> Plan<'static> {
        Plan {
            timeout: self.timeout,
            ..Plan::default()
        }
    }

    fn hash<B>(&self, exchange: &Exchange<'_>, request: &Request<B>) -> Hashed {
        let hashable = Hashable {
            headers: request.headers(),
            query: request.uri().query().unwrap_or_default(),
            client: exchange.peer,
            local: exchange.door.listen.address,
        };
        hash(self.hash, hashable)
    }

    /// Whether a request may have to be sent twice.
    fn replays(&self) -> bool {
        self.retry.is_some_and(|retry| retry.on.after_sending())
    }
}

/// Tries a request until it is answered, or until nothing is left to try; copies leave with the
/// first try.
pub(crate) async fn run(
    exchange: &mut Exchange<'_>,
    cluster: &Arc<ClusterState>,
    plan: Plan<'_>,
    copies: Option<Copies>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Failed> {
    let record = exchange.record.as_ref();
    let counter = record.map(|record| record.received()).unwrap_or_default();
    let held = hold(request, plan.replays(), counter).await;
    let outgoing = held.map_err(Failed::Client)?;
    send(exchange, cluster, plan, copies, outgoing).await
}

/// As [`run`], for a request that is ready to be sent.
pub(crate) async fn send(
    exchange: &mut Exchange<'_>,
    cluster: &Arc<ClusterState>,
    plan: Plan<'_>,
    copies: Option<Copies>,
    (request, complete): Outgoing,
) -> Result<Response<ResponseBody>, Failed> {
    let hashed = plan.hash(exchange, &request);
    let deadline = plan.timeout.map(|limit| after(complete.clone(), limit));
    let mut tries = Tries {
        exchange,
        cluster,
        plan,
        complete,
        began: Instant::now(),
        attempt: 1,
        tried: Vec::new(),
        current: None,
        sent: false,
        retrying: None,
        hashed,
        copies,
    };
    let Some(mut deadline) = deadline else {
        return tries.run(request).await;
    };
    tokio::select! {
        answer = tries.run(request) => {
            answer.map(|answer| answer.map(|body| body.until(deadline)))
        }
        () = &mut deadline => {
            // Envoy: counted by the try that it ends; between two tries there is none.
            if tries.current.is_some() {
                cluster.stats.upstream_rq_timeout.add();
            }
            tries.timed_out();
            Err(Failed::Upstream(Reason::RouteTimeout))
        }
    }
}

/// Envoy: the timer starts when the whole request is there, and covers all tries.
fn after(mut complete: Upload, limit: Duration) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        // An error says that the sender is gone, which is how a request tells its end.
        while complete.changed().await.is_ok() {}
        sleep(limit).await;
    })
}

/// The state of trying.
struct Tries<'a, 'b> {
    exchange: &'a mut Exchange<'b>,
    cluster: &'a Arc<ClusterState>,
    plan: Plan<'a>,
    /// Ends when the client's request is complete.
    complete: Upload,
    began: Instant,
    /// Number of the try, from 1.
    attempt: u32,
    /// Hosts that failed.
    tried: Vec<Arc<HostState>>,
    current: Option<Arc<HostState>>,
    /// Whether the current host had the request.
    sent: bool,
    /// Its place among the retries of the cluster.
    retrying: Option<Place>,
    /// Which host the request belongs to.
    hashed: Hashed,
    /// What is still to be copied.
    copies: Option<Copies>,
}

impl Tries<'_, '_> {
    async fn run(
        &mut self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, Failed> {
        loop {
            let copy = if self.plan.replays() {
                copy(&request)
            } else {
                None
            };
            let (outcome, next, answer) = match self.once(request).await? {
                Ok(answer) => (outcome_of(&answer), copy, Some(answer)),
                Err(broken) => (broken.outcome, broken.request.or(copy), None),
            };
            match (next, answer) {
                (Some(next), answer) if self.retries(outcome) => {
                    if let Some(answer) = &answer {
                        self.cluster.stats.retried.add(answer.status().as_u16());
                    }
                    // An answer not read to its end closes its connection.
                    drop(answer);
                    request = next;
                }
                (_, Some(answer)) => return Ok(self.finish(answer)),
                _ => return Err(Failed::Upstream(self.reason(outcome))),
            }
            self.pause().await;
        }
    }

    /// Whether the policy allows another try; raises URX where only its number forbids it.
    fn retries(&mut self, outcome: Outcome) -> bool {
        let Some(policy) = self.plan.retry.filter(|policy| policy.on.retry(outcome)) else {
            if self.attempt > 1 {
                self.cluster.stats.upstream_rq_retry_success.add();
            }
            return false;
        };
        if self.attempt > policy.retries {
            self.cluster.stats.upstream_rq_retry_limit_exceeded.add();
            self.exchange.flags.raise("URX");
            return false;
        }
        // Envoy: a place is for one retry; a budget may have shrunk since the last one.
        self.retrying = None;
        self.retrying = self.cluster.limits.retry();
        if self.retrying.is_none() {
            self.cluster.stats.upstream_rq_retry_overflow.add();
            self.exchange.flags.raise("UO");
            return false;
        }
        true
    }

    async fn pause(&mut self) {
        let policy = self.plan.retry;
        let draw = self.exchange.proxy.chance.draw();
        let pause = policy.map_or(Duration::ZERO, |policy| policy.back_off(self.attempt, draw));
        self.cluster.stats.upstream_rq_retry.add();
        self.attempt += 1;
        self.tried.extend(self.current.take());
        sleep(pause).await;
    }

    fn reason(&self, outcome: Outcome) -> Reason {
        match outcome {
            Outcome::Reset(reset) => Reason::Reset {
                reset,
                retried: self.attempt > 1,
            },
            Outcome::TryTimeout | Outcome::Response { .. } => Reason::TryTimeout,
        }
    }

    fn finish(&self, mut answer: Response<ResponseBody>) -> Response<ResponseBody> {
        if answer.body().is_upstreams() {
            self.cluster.stats.answers.add(answer.status().as_u16());
        }
        let (role, wish) = (self.exchange.proxy.settings.role, self.exchange.wish);
        // Envoy: a time since the end of the request; a request that may switch has no end.
        let complete = wish == Wish::Http && self.complete.has_changed().is_err();
        let took = complete.then(|| self.began.elapsed());
        prepare_response(answer.headers_mut(), role, took, wish);
        if let Some(cookie) = &self.hashed.cookie {
            answer.headers_mut().append(SET_COOKIE, cookie.clone());
        }
        answer
    }
}
fn outcome_of(answer: &Response<ResponseBody>) -> Outcome {
    let grpc = answer
        .headers()
        .get("grpc-status")
        .and_then(|value| value.to_str().ok());
    Outcome::Response {
        status: answer.status().as_u16(),
        grpc_status: grpc.and_then(|status| status.parse().ok()),
    }
}
