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

use apimachinery::bookmark::bookmark;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header::ACCEPT;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::accept::{self, Asked};
use super::options::ListOptions;
use super::target::Place;
use super::{Call, reply};
use crate::selector::Selector;
use crate::status::Status;
use crate::store::{Event, EventType, Expired, Store, Watch, watch_line};
use crate::view::{Form, Include, View};

/// Kubernetes: an unlimited watch may end after half an hour.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);
/// Kubernetes: so long before its time limit a watch tells once more how far it has come.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);
/// What a client waits before it asks for a watch again when there are too many.
const RETRY_SECONDS: u32 = 1;

pub(super) fn serve(
    call: &Call<'_>,
    place: &Place,
    options: ListOptions,
) -> Result<Response, Status> {
    let view = accept::view(call.header(ACCEPT), &call.query, place, Asked::Watch)?;
    let start = Start::of(&options)?;
    let permit = Arc::clone(call.watches).try_acquire_owned().map_err(|_| {
        let message = "too many watches of this cluster are open, close some or try again later";
        Status::too_many_requests(message, RETRY_SECONDS)
    })?;
    let body = match Stream::open(call, place, options, view, &start, permit) {
        Ok(stream) => Body::from_stream(stream::unfold(stream, async |mut stream| {
            let line = stream.next().await?;
            Some((Ok::<_, Infallible>(line), stream))
        })),
        // Kubernetes: told in the stream, not by the answer's code; clients then list again.
        Err(expired) => Body::from(error_line(&expired)),
    };
    Ok(reply::stream(body))
}

/// Where a watch begins.
enum Start {
    /// With the objects that are there; `bookmark` tells where they end.
    Present { bookmark: bool },
    /// After the latest version.
    Latest,
    /// After a version.
    After(u64),
}

impl Start {
    fn of(options: &ListOptions) -> Result<Self, Status> {
        let version = options.version();
        let version = version.map_err(|fault| Status::internal(fault.to_string()))?;
        Ok(match (options.send_initial_events, version) {
            (Some(true), _) => Self::Present {
                bookmark: options.bookmarks,
            },
            (None, 0) => Self::Present { bookmark: false },
            (Some(false), 0) => Self::Latest,
            (_, version) => Self::After(version),
        })
    }
}

struct Stream {
    /// Objects still to be shown as added.
    present: std::vec::IntoIter<Arc<Value>>,
    /// Lines still to be sent.
    lines: VecDeque<Bytes>,
    /// The version of the bookmark that ends the objects already there.
    list_end: Option<u64>,
    store: Store,
    watch: Watch,
    /// Only what happens after this version is told. Kubernetes: a version that is still to come
    /// is waited for in silence.
    after: u64,
    selector: Selector,
    view: View,
    /// A table has yet to name its columns.
    columns: bool,
    deadline: Instant,
    /// When the next bookmark is due; none where they were not asked for.
    bookmark_due: Option<Instant>,
    shutdown: CancellationToken,
    failed: bool,
    /// This watch's place among those of the cluster.
    _permit: OwnedSemaphorePermit,
}

impl Stream {
    fn open(
        call: &Call<'_>,
        place: &Place,
        options: ListOptions,
        view: View,
        start: &Start,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, Expired> {
        let (store, namespace) = (&call.cluster.store, place.namespace.as_deref());
        let resource = place.resource.storage();
        let (present, from) = match start {
            Start::After(version) => (Vec::new(), *version),
            Start::Latest => (Vec::new(), store.resource_version()),
            Start::Present { .. } => {
                let list = store.list(resource, namespace);
                (list.items, list.resource_version)
            }
        };
        let timeout = options.timeout.filter(|timeout| !timeout.is_zero());
        let now = Instant::now();
        let deadline = now + timeout.unwrap_or(DEFAULT_TIMEOUT).min(MAX_TIMEOUT);
        Ok(Self {
            present: present.into_iter(),
            lines: VecDeque::new(),
            list_end: matches!(start, Start::Present { bookmark: true }).then_some(from),
            watch: store.watch(resource, namespace, from.min(store.resource_version()))?,
            after: from,
            store: store.clone(),
            selector: options.selector,
            view,
            columns: true,
            bookmark_due: options.bookmarks.then(|| next_bookmark(now, deadline)),
            deadline,
            shutdown: call.shutdown.clone(),
            failed: false,
            _permit: permit,
        })
    }

    /// The next line; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(line) = self.next_present() {
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
                () = until(self.bookmark_due) => self.take_bookmark(),
                events = self.watch.next() => self.take(events),
            }
        }
        self.lines.pop_front()
    }

    /// What the watch begins with: the objects that are there, then their end.
    fn next_present(&mut self) -> Option<Bytes> {
        let selector = &self.selector;
        if let Some(object) = self
            .present
            .by_ref()
            .find(|object| selector.matches(object))
        {
            let columns = std::mem::take(&mut self.columns);
            let added = EventType::Added.name();
            return Some(watch_line(
                added,
                &object,
                &self.view,
                columns,
                self.store.now(),
            ));
        }
        let end = self.list_end.take()?;
        Some(self.bookmark(end, true))
    }

    fn take(&mut self, events: Result<Vec<Arc<Event>>, Expired>) {
        match events {
            Ok(events) => {
                let now = self.store.now();
                for event in events {
                    if event.resource_version <= self.after {
                        continue;
                    }
                    let seen = event.seen_by(|object| self.selector.matches(object));
                    if let Some(seen) = seen {
                        let columns = std::mem::take(&mut self.columns);
                        self.lines
                            .push_back(event.line(seen, &self.view, columns, now));
                    }
                }
            }
            Err(expired) => {
                self.lines.push_back(error_line(&expired));
                self.failed = true;
            }
        }
    }

    /// What happened so far, and how far that is.
    fn take_bookmark(&mut self) {
        let events = self.watch.ready();
        self.take(events);
        if !self.failed {
            if self.watch.position() >= self.after {
                let line = self.bookmark(self.watch.position(), false);
                self.lines.push_back(line);
            }
            self.bookmark_due = Some(next_bookmark(Instant::now(), self.deadline));
        }
    }

    fn bookmark(&mut self, version: u64, ends_list: bool) -> Bytes {
        let mut view = self.view;
        // Kubernetes: what ends the list is said in the metadata, so its row carries them always.
        if let Form::Table(meta, Include::None) = view.form
            && ends_list
        {
            view.form = Form::Table(meta, Include::Metadata);
        }
        let object = bookmark(view.resource, view.version, version, ends_list);
        let columns = std::mem::take(&mut self.columns);
        watch_line("BOOKMARK", &object, &view, columns, self.store.now())
    }
}

fn next_bookmark(now: Instant, deadline: Instant) -> Instant {
    let regular = now + BOOKMARK_PERIOD;
    match deadline.checked_sub(LAST_BOOKMARK) {
        Some(last) if now < last => last.min(regular),
        _ => regular,
    }
}

/// Never, where there is no moment to wait for.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn error_line(expired: &Expired) -> Bytes {
    let status = Status::expired(expired.to_string());
    format!("{}\n", json!({"type": "ERROR", "object": status})).into()
}
