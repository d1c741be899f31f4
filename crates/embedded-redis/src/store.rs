//! The keyspace as connections share it, and the meeting point with the thread of the append file.

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;

use crate::db::{Db, Now, Snapshot};
use crate::execute::{self, Engine};
use crate::session::Session;
use crate::status::Status;
use crate::wire::{Reply, Request};

/// How long a writer waits for its fsync before it is told that the outcome is unknown.
const FSYNC_LIMIT: Duration = Duration::from_secs(30);

/// All connections share one keyspace behind one std lock: a command is short and pure, there is
/// no await and no disk under the lock, and the order of commands is the order of the file. An
/// owner task would add two hops through channels to each command and gain nothing.
pub(crate) struct Store {
    state: Mutex<State>,
    /// Wakes the committer.
    work: Condvar,
    progress: watch::Sender<Progress>,
    pub(crate) status: Status,
}

struct State {
    db: Db,
    /// Commands that changed something and are not yet in the file, as RESP.
    pending: Vec<u8>,
    /// How many commands have changed something.
    last: Ticket,
    /// Why writes are refused.
    failure: Option<Arc<str>>,
    /// A rewrite is ready to be put in place.
    rewritten: bool,
    closing: bool,
}

/// The number of a change; the changes up to a number become durable together.
pub(crate) type Ticket = u64;

/// How far the file has come.
#[derive(Clone, Default)]
struct Progress {
    durable: Ticket,
    failure: Option<Arc<str>>,
}

/// An answer, not to be sent before its change is durable.
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    /// `None` when nothing has to be waited for.
    pub(crate) ticket: Option<Ticket>,
}

/// What the committer does next.
pub(crate) struct Batch {
    /// Empty when there is only a rewrite to put in place.
    pub(crate) commands: Vec<u8>,
    pub(crate) last: Ticket,
    /// The keyspace just after these commands, if it was asked for.
    pub(crate) snapshot: Option<Snapshot>,
}

/// A write whose change is not, or perhaps not, on the disk.
#[derive(Debug)]
pub(crate) struct NotDurable {
    /// Changes up to here are on the disk all the same.
    pub(crate) durable: Ticket,
    pub(crate) reason: Arc<str>,
}

impl Store {
    pub(crate) fn new(db: Db, status: Status) -> Self {
        let state = State {
            db,
            pending: Vec::new(),
            last: 0,
            failure: None,
            rewritten: false,
            closing: false,
        };
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            progress: watch::Sender::new(Progress::default()),
            status,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no command panics while it holds the keyspace")
    }

    /// Applies a request at once. As in Redis the change is visible to other connections before it
    /// is durable; only the answer waits, through [`Self::durable`].
    pub(crate) fn execute(&self, session: &mut Session, request: Request, now: Now) -> Answer {
        self.status.commands.fetch_add(1, Relaxed);
        self.change(now, |engine| engine.execute(session, request))
    }

    /// Removes up to `limit` keys past their deadline.
    pub(crate) fn sweep(&self, now: Now, limit: usize) {
        self.change(now, |engine| {
            execute::sweep(engine.db, engine.effects, now, limit);
            Reply::OK
        });
    }

    fn change(&self, now: Now, run: impl FnOnce(&mut Engine<'_>) -> Reply) -> Answer {
        let mut guard = self.state();
        let state = &mut *guard;
        let before = state.pending.len();
        let reply = run(&mut Engine {
            db: &mut state.db,
            effects: &mut state.pending,
            read_only: state.failure.as_deref(),
            status: &self.status,
            now,
        });
        let ticket = self.seal(state, before);
        Answer { reply, ticket }
    }

    /// Numbers what a command has appended, and hands it to the committer.
    fn seal(&self, state: &mut State, before: usize) -> Option<Ticket> {
        if state.pending.len() == before {
            return None;
        }
        if !self.status.persistent || state.failure.is_some() {
            state.pending.clear();
            return None;
        }
        state.last += 1;
        self.work.notify_one();
        Some(state.last)
    }

    /// Waits until the change is on the disk.
    pub(crate) async fn durable(&self, ticket: Ticket) -> Result<(), NotDurable> {
        let mut progress = self.progress.subscribe();
        let done = progress.wait_for(|p| p.durable >= ticket || p.failure.is_some());
        let outcome = tokio::time::timeout(FSYNC_LIMIT, done).await;
        let progress = match outcome {
            Ok(result) => result.expect("the store owns the sender").clone(),
            Err(_) => Progress {
                failure: Some("MISCONF the disk of the append file does not answer".into()),
                ..self.progress.borrow().clone()
            },
        };
        match progress.failure {
            Some(reason) if progress.durable < ticket => Err(NotDurable {
                durable: progress.durable,
                reason,
            }),
            _ => Ok(()),
        }
    }

    /// Waits for work of the committer; `None` once the store is closed and nothing is left.
    pub(crate) fn next_batch(&self, snapshot: bool) -> Option<Batch> {
        let idle =
            |state: &mut State| state.pending.is_empty() && !state.rewritten && !state.closing;
        let mut state = self
            .work
            .wait_while(self.state(), idle)
            .expect("as for `state`");
        if state.closing && state.pending.is_empty() {
            return None;
        }
        state.rewritten = false;
        Some(Batch {
            commands: std::mem::take(&mut state.pending),
            last: state.last,
            snapshot: snapshot.then(|| state.db.snapshot()),
        })
    }

    /// Answers may be sent for changes up to this one.
    pub(crate) fn publish(&self, durable: Ticket) {
        self.progress
            .send_modify(|progress| progress.durable = durable);
    }

    /// Ends all writing: what waits is answered with an error, and so is every later write.
    pub(crate) fn fail(&self, path: &Path, cause: &std::io::Error) {
        let path = path.display();
        tracing::error!(%path, %cause, "append file {path} cannot be written, writes are refused");
        let reason: Arc<str> = format!(
            "MISCONF append file {path} cannot be written ({cause}), so writes are refused; make \
             room on its disk and restart the store"
        )
        .into();
        self.status.append_file.failed.store(true, Relaxed);
        let mut state = self.state();
        state.failure = Some(Arc::clone(&reason));
        state.pending.clear();
        drop(state);
        self.progress
            .send_modify(|progress| progress.failure = Some(reason));
    }

    /// Why writes are refused, if they are.
    pub(crate) fn failure(&self) -> Option<Arc<str>> {
        self.progress.borrow().failure.clone()
    }

    /// A rewrite is ready.
    pub(crate) fn wake_committer(&self) {
        self.state().rewritten = true;
        self.work.notify_one();
    }

    /// Lets the committer finish what is pending and end.
    pub(crate) fn close(&self) {
        self.state().closing = true;
        self.work.notify_one();
    }

    #[cfg(test)]
    pub(crate) fn keyspace(&self) -> Db {
        self.state().db.clone()
    }
}
