//! The tries of one request: host → connection → answer, again where the policy says so.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Request, Response};
use mesh::config::Forward;
use mesh::engine::Report;
use mesh::local_reply::{Reason, Reset};
use mesh::retry::{Outcome, RetryPolicy};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::body::{Active, Lease, RequestBody, ResponseBody};
use crate::cluster::{ClusterState, HostState};
use crate::exchange::Exchange;
use crate::headers::{ATTEMPT_COUNT, prepare_response};
use crate::outgoing::{copy, hold};
use crate::pool::{self, Connection};
use crate::proxy::Role;

/// How a request is tried.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan<'a> {
    retry: Option<&'a RetryPolicy>,
    timeout: Option<Duration>,
}

/// No upstream answered.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) Reason);

/// A try that brought no answer.
struct Broken {
    outcome: Outcome,
    /// The request, unless it is gone with the connection.
    request: Option<Request<RequestBody>>,
}

impl<'a> Plan<'a> {
    pub(crate) fn of(forward: &'a Forward) -> Self {
        Self {
            retry: forward.retry.as_ref(),
            timeout: forward.timeout,
        }
    }

    /// Whether a request may have to be sent twice.
    fn replays(&self) -> bool {
        self.retry.is_some_and(|retry| retry.on.after_sending())
    }
}

/// Tries a request until it is answered, or until nothing is left to try.
pub(crate) async fn run(
    exchange: &mut Exchange<'_>,
    cluster: &ClusterState,
    plan: Plan<'_>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Failed> {
    let record = exchange.record.as_ref();
    let counter = record.map(|record| record.received()).unwrap_or_default();
    let held = hold(request, plan.replays(), counter).await;
    // The client's own failure: it is gone, nobody reads the answer.
    let (request, complete) = held.map_err(|_| Failed(Reason::BadRequest))?;
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
    };
    let Some(mut deadline) = deadline else {
        return tries.run(request).await;
    };
    tokio::select! {
        answer = tries.run(request) => {
            answer.map(|answer| answer.map(|body| body.until(deadline)))
        }
        () = &mut deadline => {
            tries.timed_out();
            Err(Failed(Reason::RouteTimeout))
        }
    }
}

/// Envoy: the timer starts when the whole request is there, and covers all tries.
fn after(mut complete: watch::Receiver<()>, limit: Duration) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        // An error says that the sender is gone, which is how a request tells its end.
        while complete.changed().await.is_ok() {}
        sleep(limit).await;
    })
}

/// The state of trying.
struct Tries<'a, 'b> {
    exchange: &'a mut Exchange<'b>,
    cluster: &'a ClusterState,
    plan: Plan<'a>,
    /// Ends when the client's request is complete.
    complete: watch::Receiver<()>,
    began: Instant,
    /// Number of the try, from 1.
    attempt: u32,
    /// Hosts that failed.
    tried: Vec<Arc<HostState>>,
    current: Option<Arc<HostState>>,
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
                    // An answer not read to its end closes its connection.
                    drop(answer);
                    request = next;
                }
                (_, Some(answer)) => return Ok(self.finish(answer)),
                _ => return Err(Failed(self.reason(outcome))),
            }
            self.pause().await;
        }
    }

    /// Whether the policy allows another try; raises URX where only its number forbids it.
    fn retries(&mut self, outcome: Outcome) -> bool {
        let Some(policy) = self.plan.retry.filter(|policy| policy.on.retry(outcome)) else {
            return false;
        };
        if self.attempt > policy.retries {
            self.exchange.flags.raise("URX");
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
        self.cluster.stats.answered(answer.status().as_u16());
        let role = self.exchange.proxy.settings.role;
        prepare_response(answer.headers_mut(), role, self.began.elapsed());
        answer
    }

    fn timed_out(&self) {
        if let Some(host) = &self.current {
            host.stats.rq_timeout.add();
            host.stats.rq_error.add();
            self.cluster.report(host, Report::Timeout);
        }
    }

    /// One try.
    async fn once(
        &mut self,
        mut request: Request<RequestBody>,
    ) -> Result<Result<Response<ResponseBody>, Broken>, Failed> {
        let repicks = self.plan.retry.map_or(0, |policy| policy.repicks);
        let chance = &self.exchange.proxy.chance;
        let Some(host) = self.cluster.pick(chance, &self.tried, repicks) else {
            self.cluster.stats.upstream_cx_none_healthy.add();
            return Err(Failed(Reason::NoHealthyUpstream));
        };
        self.current = Some(host.clone());
        if let Some(record) = &mut self.exchange.record {
            record.upstream(host.target.address);
        }
        if self.exchange.proxy.settings.role != Role::Inbound {
            request
                .headers_mut()
                .insert(ATTEMPT_COUNT, HeaderValue::from(self.attempt));
        }
        let active = Active::new(host);
        let sent = self.send(active, request);
        let limit = self.plan.retry.and_then(|policy| policy.per_try_timeout);
        let Some(limit) = limit else {
            return Ok(sent.await);
        };
        Ok(match timeout(limit, sent).await {
            Ok(answer) => answer,
            Err(_) => {
                self.timed_out();
                Err(Broken {
                    outcome: Outcome::TryTimeout,
                    request: None,
                })
            }
        })
    }

    async fn send(
        &self,
        active: Active,
        mut request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, Broken> {
        let stats = &active.0.stats;
        loop {
            let mut connection = match self.connect(&active.0).await {
                Ok(connection) => connection,
                Err(reset) => return Err(Broken::new(reset, Some(request))),
            };
            stats.rq_total.add();
            self.cluster.report(&active.0, Report::Connected);
            match connection.sender.try_send_request(request).await {
                Ok(answer) => return Ok(self.receive(active, connection, answer)),
                Err(mut error) => match error.take_message() {
                    // The peer closed an idle connection before anything was written to it.
                    Some(unsent) if connection.reused => {
                        stats.rq_total.subtract();
                        request = unsent;
                    }
                    unsent => {
                        stats.rq_error.add();
                        self.cluster.report(&active.0, Report::ConnectFailure);
                        return Err(Broken::new(reset_of(error.error()), unsent));
                    }
                },
            }
        }
    }

    async fn connect(&self, host: &Arc<HostState>) -> Result<Connection, Reset> {
        let limit = self.cluster.config.policy.connect_timeout;
        let dial = &*self.exchange.proxy.settings.dial;
        let reset = match timeout(limit, pool::connect(host, dial)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) if error.kind() != io::ErrorKind::TimedOut => Reset::ConnectionFailure,
            _ => Reset::ConnectionTimeout,
        };
        host.stats.cx_connect_fail.add();
        host.stats.rq_error.add();
        self.cluster.report(host, Report::ConnectFailure);
        Err(reset)
    }

    fn receive(
        &self,
        active: Active,
        connection: Connection,
        answer: Response<Incoming>,
    ) -> Response<ResponseBody> {
        let stats = &active.0.stats;
        let counter = if answer.status().is_server_error() {
            &stats.rq_error
        } else {
            &stats.rq_success
        };
        counter.add();
        let status = answer.status().as_u16();
        self.cluster.report(&active.0, Report::Answer { status });
        let lease = Lease {
            host: active,
            sender: connection.sender,
            request: self.complete.clone(),
        };
        answer.map(|body| ResponseBody::upstream(body, lease))
    }
}

impl Broken {
    fn new(reset: Reset, request: Option<Request<RequestBody>>) -> Self {
        Self {
            outcome: Outcome::Reset(reset),
            request,
        }
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

fn reset_of(error: &hyper::Error) -> Reset {
    if error.is_parse() {
        Reset::Protocol
    } else {
        Reset::ConnectionTermination
    }
}
