//! One viewer: a response that never ends by itself.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use common::drain::Drain;
use common::problem::Problem;
use futures_util::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Hub;
use super::board::Gap;
use super::frame::{EventId, Frame, aside};
use crate::clock;

/// Viewers at most; a class is forty.
const MOST_VIEWERS: usize = 500;
/// A comment this often keeps proxies from closing a silent stream.
const BEAT: Duration = Duration::from_secs(15);
/// Also tells the browser to come back after a second.
const PREAMBLE: Bytes = Bytes::from_static(b"retry: 1000\n\n");
const COMMENT: Bytes = Bytes::from_static(b":\n\n");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The seats of the viewers.
#[derive(Clone, Debug)]
pub struct Viewers(Arc<Semaphore>);

struct Viewer {
    hub: Hub,
    drain: Drain,
    first: VecDeque<Bytes>,
    rest: Receiver<Frame>,
    /// Answers told up to what was sent last.
    answered: u64,
    beat: Interval,
    _seat: OwnedSemaphorePermit,
}

impl Default for Viewers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_VIEWERS)))
    }
}

/// The stream for a viewer with these request headers.
///
/// # Errors
/// 503 where all seats are taken.
pub fn response(
    hub: Hub,
    viewers: &Viewers,
    headers: &HeaderMap,
    drain: Drain,
) -> Result<Response, Problem> {
    let seat = Arc::clone(&viewers.0).try_acquire_owned().map_err(|_| {
        let detail = format!("{MOST_VIEWERS} viewers follow already; close a page or try again");
        Problem::unavailable(detail)
    })?;
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let viewer = Viewer::join(hub, last.and_then(EventId::parse), drain, seat);
    let events = stream::unfold(viewer, |mut viewer| async {
        let bytes = viewer.next().await?;
        Some((Ok::<_, Infallible>(bytes), viewer))
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // nginx: without this a proxy in front may hold events back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

impl Viewer {
    fn join(hub: Hub, last: Option<EventId>, drain: Drain, seat: OwnedSemaphorePermit) -> Self {
        let joined = hub.join(last.as_ref(), clock::now());
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            hub,
            drain,
            first: [PREAMBLE].into_iter().chain(joined.first).collect(),
            rest: joined.rest,
            answered: joined.answered,
            beat,
            _seat: seat,
        }
    }

    /// The next bytes to send; none when the process leaves.
    async fn next(&mut self) -> Option<Bytes> {
        if self.drain.has_begun() {
            return None;
        }
        if let Some(bytes) = self.first.pop_front() {
            return Some(bytes);
        }
        tokio::select! {
            received = self.rest.recv() => match received {
                Ok(frame) => {
                    self.answered = frame.answered;
                    Some(frame.bytes)
                }
                Err(RecvError::Lagged(_)) => Some(self.rejoin()),
                Err(RecvError::Closed) => None,
            },
            _ = self.beat.tick() => Some(COMMENT),
            () = self.drain.begun() => None,
        }
    }

    /// The queue ran over: tells how many answers were missed, then everything anew.
    fn rejoin(&mut self) -> Bytes {
        let joined = self.hub.join(None, clock::now());
        let missed = joined.answered - self.answered;
        self.first.extend(joined.first);
        self.rest = joined.rest;
        self.answered = joined.answered;
        aside("gap", &Gap { missed })
    }
}

#[cfg(test)]
mod tests;
