//! Connections of one host: kept alive, one request at a time; requests wait for one in turn.
//!
//! Envoy, as one worker does it: a request takes an idle connection, or waits. For each request that
//! waits a connection is opened, unless the cluster's limit is reached; the first connection of a
//! host is opened whatever the limit. Whoever has waited longest gets the next connection that is
//! free, whether new or used. A connection that does not come up fails everybody who waits.

mod lifetimes;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::client::conn::http1::SendRequest;
use mesh::local_reply::Reset;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub(crate) use lifetimes::Lifetimes;
use lifetimes::sweep;

use crate::body::RequestBody;
use crate::cluster::HostState;
use crate::connect;
use crate::dial::Dial;
use crate::limits::Place;

/// No more idle connections than these are kept.
const IDLE_LIMIT: usize = 1024;

/// The connections of a host.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last used is taken first.
    idle: Vec<Idle>,
    /// Who has waited longest is first.
    waiting: VecDeque<oneshot::Sender<Result<Connection, Reset>>>,
    /// Connections that are coming up.
    connecting: usize,
    /// Connections that are up.
    open: usize,
    /// How often it was drained: connections from before are not used again.
    drains: u32,
    /// When somebody will look for idle connections that are too old.
    sweep: Option<Instant>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

/// A connection to a host.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<RequestBody>,
    /// Requests it has carried.
    pub(crate) used: u32,
    /// This end of it.
    pub(crate) local: Option<SocketAddr>,
    /// How often its pool had been drained when it came up.
    drains: u32,
    /// When it came up.
    opened: Instant,
}

/// What a connection consists of when it comes up: its sender, and this end of it.
pub(crate) type Established = (SendRequest<RequestBody>, Option<SocketAddr>);

/// What a request finds at a pool.
enum Found {
    Idle(Connection),
    Queue(oneshot::Receiver<Result<Connection, Reset>>, Place),
}

/// A connection for a request, and the request's place among the cluster's.
///
/// # Errors
///
/// A limit of the cluster, or how a connection failed to come up. Nothing here limits how long a
/// request waits in the queue: the timeouts of route and try do.
pub(crate) async fn acquire(
    host: &Arc<HostState>,
    dial: &Arc<dyn Dial>,
) -> Result<(Connection, Place), Reset> {
    loop {
        let mut connection = match host.find(dial)? {
            Found::Idle(connection) => connection,
            // Whoever drops the other end has closed the connection.
            Found::Queue(granted, _place) => {
                granted.await.unwrap_or(Err(Reset::ConnectionTermination))?
            }
        };
        // The connection's task may still be a step behind the end of the last answer. One that was
        // kept may have died since, which the request need not know; each is met once. A new one
        // that dies at once fails its request, as in Envoy: nothing here dials again.
        let is_ready = connection.sender.ready().await.is_ok();
        if !is_ready && connection.used > 0 {
            continue;
        }
        let Some(place) = host.limits.requests.take() else {
            host.cluster.upstream_rq_active_overflow.add();
            host.keep(connection);
            return Err(Reset::Overflow);
        };
        return Ok((connection, place));
    }
}

impl HostState {
    fn find(self: &Arc<Self>, dial: &Arc<dyn Dial>) -> Result<Found, Reset> {
        let mut state = self.pool.state();
        if let Some(connection) = state.take_idle(self.lifetimes) {
            return Ok(Found::Idle(connection));
        }
        let Some(place) = self.limits.pending.take() else {
            self.cluster.upstream_rq_pending_overflow.add();
            return Err(Reset::Overflow);
        };
        self.cluster.upstream_rq_pending_total.add();
        let (grant, granted) = oneshot::channel();
        state.waiting.push_back(grant);
        self.open_for_who_waits(&mut state, dial);
        Ok(Found::Queue(granted, place))
    }

    /// Opens one more connection where more requests wait than connections are coming up.
    fn open_for_who_waits(self: &Arc<Self>, state: &mut State, dial: &Arc<dyn Dial>) {
        state.waiting.retain(|grant| !grant.is_closed());
        if state.connecting >= state.waiting.len() {
            return;
        }
        let place = self.limits.connections.take();
        if place.is_none() {
            self.cluster.upstream_cx_overflow.add();
        }
        // Envoy: else its requests would wait for ever while other hosts hold all connections.
        let is_first = state.open + state.connecting == 0;
        let place = place.or_else(|| is_first.then(|| self.limits.connections.take_anyway()));
        if let Some(place) = place {
            state.connecting += 1;
            tokio::spawn(connect::open(self.clone(), dial.clone(), place));
        }
    }

    /// Keeps a connection that is free, or hands it to who waits; too old ones are closed in time.
    pub(crate) fn keep(self: &Arc<Self>, connection: Connection) {
        if let Some(sooner) = self.pool.put(connection, self.lifetimes) {
            tokio::spawn(sweep(Arc::downgrade(self), sooner));
        }
    }

    /// Keeps a connection that has just come up.
    pub(crate) fn keep_new(self: &Arc<Self>, (sender, local): Established) {
        let drains = self.pool.state().drains;
        self.keep(Connection {
            sender,
            used: 0,
            local,
            drains,
            opened: Instant::now(),
        });
    }

    /// A connection of the host did not come up.
    pub(crate) fn failed(&self, reset: Reset) {
        let waiting = {
            let mut state = self.pool.state();
            state.connecting -= 1;
            std::mem::take(&mut state.waiting)
        };
        for grant in waiting {
            self.cluster.upstream_rq_pending_failure_eject.add();
            // Who has left in the meantime needs no answer.
            let _ = grant.send(Err(reset));
        }
    }

    /// A connection of the host has ended.
    pub(crate) fn closed(self: &Arc<Self>, dial: &Arc<dyn Dial>) {
        let mut state = self.pool.state();
        state.open -= 1;
        self.open_for_who_waits(&mut state, dial);
    }
}

impl Pool {
    /// A connection is up. To be told before it can end.
    pub(crate) fn opened(&self) {
        let mut state = self.state();
        state.connecting -= 1;
        state.open += 1;
    }

    /// Lets go of every connection: of the idle ones now, of the others when they are free.
    pub(crate) fn drain(&self) {
        let mut state = self.state();
        state.drains += 1;
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        drop(idle);
    }

    /// Takes a connection that is free, for who waits or to be kept; when a sweep must begin, where
    /// none comes as soon.
    fn put(&self, connection: Connection, lifetimes: Lifetimes) -> Option<Instant> {
        let mut state = self.state();
        if connection.sender.is_closed() || connection.drains != state.drains {
            return None;
        }
        state.give(connection, lifetimes);
        let end = lifetimes.end_of(state.idle.last()?);
        let sooner = state.sweep.is_none_or(|sweep| end < sweep);
        let sweep = Some(end).filter(|_| sooner && lifetimes.are_short())?;
        state.sweep = Some(sweep);
        Some(sweep)
    }

    /// Closes idle connections that are too old, for the sweep of this moment; when the next one
    /// will be, none where nothing is left or another sweep comes sooner.
    fn expire(&self, sweep: Instant, lifetimes: Lifetimes) -> Option<Instant> {
        let mut state = self.state();
        if state.sweep != Some(sweep) {
            return None;
        }
        let now = Instant::now();
        state.idle.retain(|idle| lifetimes.end_of(idle) > now);
        state.sweep = state.idle.iter().map(|idle| lifetimes.end_of(idle)).min();
        state.sweep
    }

    /// Requests that wait for a connection.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state();
        let waits = |grant: &&oneshot::Sender<_>| !grant.is_closed();
        state.waiting.iter().filter(waits).count()
    }

    /// Held for a few steps, never across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_idle(&mut self, lifetimes: Lifetimes) -> Option<Connection> {
        let now = Instant::now();
        // A peer that closes is noticed at once: the connection's task ends and closes the sender.
        std::iter::from_fn(|| self.idle.pop())
            .find(|idle| !idle.connection.sender.is_closed() && lifetimes.end_of(idle) > now)
            .map(|idle| idle.connection)
    }

    /// To who waits, else it is kept.
    fn give(&mut self, mut connection: Connection, lifetimes: Lifetimes) {
        while let Some(grant) = self.waiting.pop_front() {
            match grant.send(Ok(connection)) {
                Ok(()) => return,
                Err(Ok(back)) => connection = back,
                // What is sent comes back as it is.
                Err(Err(_)) => return,
            }
        }
        let now = Instant::now();
        let old = |idle: &Idle| lifetimes.end_of(idle) <= now;
        if self.idle.first().is_some_and(old) {
            self.idle.retain(|idle| !old(idle));
        }
        if self.idle.len() < IDLE_LIMIT {
            self.idle.push(Idle {
                connection,
                since: now,
            });
        }
    }
}
