//! WATCH: a stream of lines, one event each.
//!
//! ```text
//!  objects there already ─► end-of-list bookmark ─► live events, a bookmark now and then ─► end
//!      (ADDED each)            (where asked for)
//! ```
//!
//! A stream ends cleanly at its time limit and when the server stops. One whose reader was slower
//! than the ring ends with an ERROR event that makes clients list again.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::options::{ListOptions, no_number};
use super::target::Place;
use super::{Call, reply};
use crate::resource::Resource;
use crate::selector::Selector;
use crate::status::Status;
use crate::store::{Event, EventType, Expired, Watch, watch_line};

/// Kubernetes: an unlimited watch may end after half an hour.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

pub(super) fn serve(
    call: &Call<'_>,
    place: &Place,
    options: ListOptions,
) -> Result<Response, Status> {
    let from = start(&options)?;
    let body = match Stream::open(call, place, options, from) {
        Ok(stream) => Body::from_stream(stream::unfold(stream, async |mut stream| {
            let line = stream.next().await?;
            Some((Ok::<_, Infallible>(line), stream))
        })),
        // Kubernetes: told in the stream, not by the answer's code; clients then list again.
        Err(expired) => Body::from(error_line(&expired)),
    };
    Ok(reply::stream(body))
}

/// The version to continue after; none to begin with the objects that are there.
fn start(options: &ListOptions) -> Result<Option<u64>, Status> {
    let text = options.resource_version.as_str();
    let version = if text.is_empty() { Ok(0) } else { text.parse() };
    let version: u64 = version.map_err(|_| {
        let why = no_number("ParseUint", text);
        Status::internal(format!("resourceVersion: Invalid value: {text:?}: {why}"))
    })?;
    Ok((version != 0 && !options.send_initial_events).then_some(version))
}

struct Stream {
    /// Objects still to be shown as added.
    present: std::vec::IntoIter<Arc<Value>>,
    /// Lines still to be sent.
    lines: VecDeque<Bytes>,
    /// The bookmark that ends the objects already there.
    list_end: Option<Bytes>,
    watch: Watch,
    selector: Selector,
    resource: &'static Resource,
    version: &'static str,
    deadline: Instant,
    bookmarks: Option<Interval>,
    shutdown: CancellationToken,
    failed: bool,
}

impl Stream {
    fn open(
        call: &Call<'_>,
        place: &Place,
        options: ListOptions,
        from: Option<u64>,
    ) -> Result<Self, Expired> {
        let (store, namespace) = (&call.cluster.store, place.namespace.as_deref());
        let (present, from) = match from {
            Some(version) => (Vec::new(), version),
            None => {
                let list = store.list(place.resource, namespace);
                (list.items, list.resource_version)
            }
        };
        let list_end = (options.send_initial_events && options.bookmarks)
            .then(|| bookmark(place.resource, place.version, from, true));
        let timeout = options
            .timeout
            .filter(|timeout| !timeout.is_zero())
            .unwrap_or(DEFAULT_TIMEOUT);
        Ok(Self {
            present: present.into_iter(),
            lines: VecDeque::new(),
            list_end,
            watch: store.watch(place.resource, namespace, from)?,
            selector: options.selector,
            resource: place.resource,
            version: place.version,
            deadline: Instant::now() + timeout.min(MAX_TIMEOUT),
            bookmarks: options.bookmarks.then(bookmark_clock),
            shutdown: call.shutdown.clone(),
            failed: false,
        })
    }

    /// The next line; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(object) = self
            .present
            .by_ref()
            .find(|object| self.selector.matches(object))
        {
            let api_version = self.resource.api_version(self.version);
            return Some(watch_line(EventType::Added, &object, &api_version));
        }
        if let Some(line) = self.list_end.take() {
            return Some(line);
        }
        while self.lines.is_empty() {
            if self.failed {
                return None;
            }
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                () = tokio::time::sleep_until(self.deadline) => return None,
                () = tick(&mut self.bookmarks) => {
                    let events = self.watch.ready();
                    self.take(events);
                    if !self.failed {
                        let version = self.watch.position();
                        self.lines.push_back(bookmark(self.resource, self.version, version, false));
                    }
                }
                events = self.watch.next() => self.take(events),
            }
        }
        self.lines.pop_front()
    }

    fn take(&mut self, events: Result<Vec<Arc<Event>>, Expired>) {
        match events {
            Ok(events) => {
                for event in events {
                    let seen = event.seen_by(|object| self.selector.matches(object));
                    self.lines
                        .extend(seen.map(|seen| event.line(seen, self.version)));
                }
            }
            Err(expired) => {
                self.lines.push_back(error_line(&expired));
                self.failed = true;
            }
        }
    }
}

fn bookmark_clock() -> Interval {
    let mut clock = interval_at(Instant::now() + BOOKMARK_PERIOD, BOOKMARK_PERIOD);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock
}

/// Never, where no bookmarks were asked for.
async fn tick(clock: &mut Option<Interval>) {
    match clock {
        Some(clock) => {
            clock.tick().await;
        }
        None => std::future::pending().await,
    }
}

fn bookmark(resource: &Resource, version: &str, resource_version: u64, ends_list: bool) -> Bytes {
    let mut metadata = json!({"resourceVersion": resource_version.to_string()});
    if ends_list {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let object = json!({"kind": resource.kind, "apiVersion": resource.api_version(version), "metadata": metadata});
    line(&json!({"type": "BOOKMARK", "object": object}))
}

fn error_line(expired: &Expired) -> Bytes {
    line(&json!({"type": "ERROR", "object": Status::expired(expired.to_string())}))
}

fn line(value: &Value) -> Bytes {
    format!("{value}\n").into()
}
