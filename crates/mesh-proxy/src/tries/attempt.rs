//! One try: host → connection → answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Request, Response, StatusCode};
use mesh::engine::Report;
use mesh::local_reply::{Reason, Reset};
use mesh::retry::Outcome;

use super::{Failed, Tries, after};
use crate::body::{Active, Lease, RequestBody, ResponseBody};
use crate::cluster::HostState;
use crate::headers::{ATTEMPT_COUNT, EXPECTED_TIMEOUT};
use crate::limits::Place;
use crate::pool::{self, Connection};
use crate::proxy::Role;
use crate::upgrade::{Wish, is_unsuccessful, switches};
use crate::upload::{BrokenOff, Upload};

/// A try that brought no answer.
pub(super) struct Broken {
    pub(super) outcome: Outcome,
    /// The request, unless it is gone with the connection.
    pub(super) request: Option<Request<RequestBody>>,
}

impl Tries<'_, '_> {
    /// Envoy: only a host that had the request can have been too slow with it.
    pub(super) fn timed_out(&self) {
        if let Some(host) = self.current.as_ref().filter(|_| self.sent) {
            host.stats.rq_timeout.add();
            host.stats.rq_error.add();
            self.cluster.report(host, Report::Timeout);
        }
    }

    /// One try.
    pub(super) async fn once(
        &mut self,
        mut request: Request<RequestBody>,
    ) -> Result<Result<Response<ResponseBody>, Broken>, Failed> {
        let chance = &self.exchange.proxy.chance;
        let Some(host) = self
            .cluster
            .pick(chance, &self.tried, self.plan.retry, self.hashed.value)
        else {
            self.cluster.stats.upstream_cx_none_healthy.add();
            return Err(Failed::Upstream(Reason::NoHealthyUpstream));
        };
        self.current = Some(host.clone());
        self.sent = false;
        // Envoy: without a host nothing is copied either; a retry is no new copy.
        if let Some(copies) = self.copies.take() {
            copies.leave(self.exchange, self.plan, &mut request);
        }
        if let Some(record) = &mut self.exchange.record {
            record.upstream(host.target.address);
        }
        let limit = self.plan.retry.and_then(|policy| policy.per_try_timeout);
        if self.exchange.proxy.settings.role != Role::Inbound {
            let headers = request.headers_mut();
            headers.insert(ATTEMPT_COUNT, HeaderValue::from(self.attempt));
            if let Some(expected) = self.expected(limit) {
                headers.insert(EXPECTED_TIMEOUT, HeaderValue::from(expected));
            }
        }
        match (self.send(&host, request, limit).await, self.broken_off()) {
            (Err(_), Some(how)) => Err(Failed::Client(how)),
            (sent, _) => Ok(sent),
        }
    }

    /// Where the client's body broke off, if it did: what then fails is not the host.
    fn broken_off(&self) -> Option<BrokenOff> {
        *self.complete.borrow()
    }

    /// Envoy tells the upstream how many milliseconds it has: those of the try, and no more than
    /// are left of the whole request's.
    fn expected(&self, per_try: Option<Duration>) -> Option<u64> {
        let spent = if self.attempt > 1 {
            self.began.elapsed()
        } else {
            Duration::ZERO
        };
        let left = self.plan.timeout.map(|limit| limit.saturating_sub(spent));
        let least = per_try.into_iter().chain(left).min()?;
        u64::try_from(least.as_millis()).ok()
    }

    async fn send(
        &mut self,
        host: &Arc<HostState>,
        mut request: Request<RequestBody>,
        limit: Option<Duration>,
    ) -> Result<Response<ResponseBody>, Broken> {
        let stats = &host.stats;
        let proxy = self.exchange.proxy;
        loop {
            let (mut connection, place) = match pool::acquire(host, &proxy.settings.dial).await {
                Ok(acquired) => acquired,
                Err(reset) => {
                    self.unconnected(host, reset);
                    return Err(Broken::new(reset, Some(request)));
                }
            };
            if let Some(record) = &mut self.exchange.record {
                record.connected(proxy.local_as_shown(connection.local));
            }
            let active = Active::new(host.clone());
            self.sent = true;
            host.count_request();
            connection.used += 1;
            self.cluster.report(host, Report::Connected);
            let sending = connection.sender.try_send_request(request);
            let Some(sent) = within(limit, &self.complete, sending).await else {
                return Err(self.try_timed_out());
            };
            match sent {
                Ok(answer) => return Ok(self.receive(active, (connection, place), answer)),
                Err(mut error) => match error.take_message() {
                    // The peer closed an idle connection before anything was written to it.
                    Some(unsent) if connection.used > 1 => {
                        host.uncount_request();
                        request = unsent;
                    }
                    unsent => {
                        if self.broken_off().is_none() {
                            stats.rq_error.add();
                            self.cluster.report(host, Report::ConnectFailure);
                        }
                        return Err(Broken::new(reset_of(error.error()), unsent));
                    }
                },
            }
        }
    }

    fn try_timed_out(&self) -> Broken {
        self.cluster.stats.upstream_rq_per_try_timeout.add();
        self.timed_out();
        Broken {
            outcome: Outcome::TryTimeout,
            request: None,
        }
    }

    /// Envoy: what a limit of the cluster refused says nothing about the host.
    fn unconnected(&self, host: &Arc<HostState>, reset: Reset) {
        if reset != Reset::Overflow {
            host.stats.rq_error.add();
            self.cluster.report(host, Report::ConnectFailure);
        }
    }

    fn receive(
        &self,
        active: Active,
        (connection, place): (Connection, Place),
        mut answer: Response<Incoming>,
    ) -> Response<ResponseBody> {
        let wish = self.exchange.wish;
        if wish == Wish::WebSocket && is_unsuccessful(answer.status()) {
            return unsuccessful(answer);
        }
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
            cluster: self.cluster.clone(),
            host: active,
            connection,
            _place: place,
            request: self.complete.clone(),
        };
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return answer.map(|body| ResponseBody::upstream(body, lease));
        }
        let switched = wish == Wish::WebSocket && switches(answer.headers());
        let upstream = switched.then(|| hyper::upgrade::on(&mut answer));
        answer.map(|_| match upstream {
            Some(upstream) => ResponseBody::opened(upstream, lease),
            // Envoy: handed on, though nobody asked for it, or it does not say for what.
            None => ResponseBody::local(Bytes::new(), None),
        })
    }
}

/// What is handed on of an answer to a handshake that came to nothing: its head.
fn unsuccessful(answer: Response<Incoming>) -> Response<ResponseBody> {
    let mut answer = answer.map(|_| ResponseBody::unsuccessful());
    answer.headers_mut().remove(CONTENT_LENGTH);
    if answer.status() != StatusCode::NOT_MODIFIED {
        let empty = HeaderValue::from_static("0");
        answer.headers_mut().insert(CONTENT_LENGTH, empty);
    }
    answer
}

impl Broken {
    fn new(reset: Reset, request: Option<Request<RequestBody>>) -> Self {
        Self {
            outcome: Outcome::Reset(reset),
            request,
        }
    }
}

/// Envoy: a try's time begins when it has its connection and the client's request is complete.
async fn within<T>(
    limit: Option<Duration>,
    complete: &Upload,
    sending: impl Future<Output = T>,
) -> Option<T> {
    let Some(limit) = limit else {
        return Some(sending.await);
    };
    tokio::select! {
        sent = sending => Some(sent),
        () = after(complete.clone(), limit) => None,
    }
}

fn reset_of(error: &hyper::Error) -> Reset {
    if error.is_parse() {
        Reset::Protocol
    } else {
        Reset::ConnectionTermination
    }
}
