//! The one place where what is shown changes and viewers are told.
//!
//! State and sequence change under the same lock, so that a `hello` and the events after it fit
//! together: nothing is told twice, nothing is left out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use common::drain::Drain;
use serde::Serialize;
use tokio::sync::{Notify, broadcast};

use super::board::Board;
use super::frame::{EventId, Frame, event};
use super::ring::Ring;
use crate::answers::{Answer, History};
use crate::breakers::Breakers;
use crate::clock::UnixMs;
use crate::clusters::ClusterView;
use crate::rules::Rule;
use crate::theater::{Cluster, PerCluster, PerService, Service};

/// Least time between two batches of answers.
const BATCH: Duration = Duration::from_millis(50);
/// Answers of a batch at most: more are told at once.
const FULL_BATCH: usize = 1_000;
/// Events a viewer may lag behind.
const QUEUE: usize = 128;

/// Handle on the state that all viewers share.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    boot: String,
    /// A std lock, never held over an await.
    stage: Mutex<Stage>,
    viewers: broadcast::Sender<Frame>,
    answered: Notify,
}

#[derive(Debug, Default)]
struct Stage {
    board: Board,
    pending: Vec<Answer>,
    ring: Ring,
    seq: u64,
    told: u64,
}

/// What a viewer gets first, and where it reads on.
pub(super) struct Joined {
    /// Events to send at once.
    pub(super) first: Vec<Bytes>,
    /// Answers told with them.
    pub(super) answered: u64,
    /// The events after them.
    pub(super) rest: broadcast::Receiver<Frame>,
}

impl Hub {
    /// A hub whose sequence starts at `boot`, which makes its ids differ from those of another life.
    pub fn new(boot: UnixMs) -> Self {
        Self(Arc::new(Inner {
            boot: format!("{boot:x}"),
            stage: Mutex::default(),
            viewers: broadcast::Sender::new(QUEUE),
            answered: Notify::new(),
        }))
    }

    /// Notes an answer; viewers are told with the next batch.
    pub fn record(&self, answer: Answer) {
        let mut stage = self.stage();
        stage.pending.push(answer);
        if stage.pending.len() >= FULL_BATCH {
            self.flush(&mut stage);
        }
        drop(stage);
        self.0.answered.notify_one();
    }

    /// Tells answers in batches until `drain` begins: the first at once, others every 50 ms.
    pub async fn tell_answers(self, drain: Drain) {
        while !drain.has_begun() {
            tokio::select! {
                () = self.0.answered.notified() => {}
                () = drain.begun() => {}
            }
            self.flush(&mut self.stage());
            tokio::time::sleep(BATCH).await;
        }
    }

    /// Puts answers of an earlier life before those of this one.
    pub fn restore(&self, now: UnixMs, mut earlier: PerService<Vec<Answer>>) {
        let mut stage = self.stage();
        self.flush(&mut stage);
        for service in Service::ALL {
            let answers = std::mem::take(earlier.get_mut(service));
            stage.board.answers.get_mut(service).restore(answers);
        }
        let payload = bytes_of_hello(&self.0.boot, stage.seq + 1, &stage.board, now);
        self.publish(&mut stage, payload);
    }

    /// Sets the effective rules; viewers are told where they changed.
    pub fn set_rules(&self, rules: PerService<Rule>) {
        let mut stage = self.stage();
        if stage.board.rules != rules {
            stage.board.rules = rules;
            let payload = self.event(&stage, "mesh", &stage.board.mesh());
            self.publish(&mut stage, payload);
        }
    }

    /// Sets what is known of a cluster; viewers are told where it changed.
    pub fn set_cluster(&self, cluster: Cluster, view: ClusterView) {
        let mut stage = self.stage();
        if stage.board.set_cluster(cluster, view) {
            let payload = self.event(&stage, "pods", &stage.board.pods());
            self.publish(&mut stage, payload);
            if stage.board.name_breakers() {
                self.tell_breakers(&mut stage);
            }
        }
    }

    /// Sets what is known of the breakers; viewers are told where it changed.
    pub fn set_breakers(&self, breakers: Breakers) {
        let mut stage = self.stage();
        if stage.board.set_breakers(breakers) {
            self.tell_breakers(&mut stage);
        }
    }

    fn tell_breakers(&self, stage: &mut Stage) {
        let payload = self.event(stage, "breaker", &stage.board.breaker());
        self.publish(stage, payload);
    }

    /// The last answers, by service.
    pub fn answers(&self) -> PerService<History> {
        let mut stage = self.stage();
        self.flush(&mut stage);
        stage.board.answers.clone()
    }

    /// The effective rules.
    pub fn rules(&self) -> PerService<Rule> {
        self.stage().board.rules.clone()
    }

    /// Both clusters, with what answers prove.
    pub fn clusters(&self) -> PerCluster<ClusterView> {
        let mut stage = self.stage();
        self.flush(&mut stage);
        stage.board.clusters()
    }

    /// Adds a viewer: what it missed since `last` where that is still known, else everything.
    pub(super) fn join(&self, last: Option<&EventId>, now: UnixMs) -> Joined {
        let mut stage = self.stage();
        self.flush(&mut stage);
        let same_life = last.filter(|id| id.boot == self.0.boot);
        let missed = same_life.and_then(|id| stage.ring.after(id.seq, stage.seq));
        let first = match missed {
            Some(frames) => frames.into_iter().map(|frame| frame.bytes).collect(),
            None => vec![bytes_of_hello(&self.0.boot, stage.seq, &stage.board, now)],
        };
        Joined {
            first,
            answered: stage.told,
            rest: self.0.viewers.subscribe(),
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts and tells the answers that wait; does nothing where none do.
    fn flush(&self, stage: &mut Stage) {
        if stage.pending.is_empty() {
            return;
        }
        let answers = std::mem::take(&mut stage.pending);
        let new_pods = stage.board.count(&answers);
        stage.told += answers.len() as u64;
        let payload = self.event(stage, "answers", &stage.board.batch(&answers));
        self.publish(stage, payload);
        if new_pods {
            let payload = self.event(stage, "pods", &stage.board.pods());
            self.publish(stage, payload);
        }
    }

    /// The next event of the sequence, as bytes.
    fn event(&self, stage: &Stage, name: &str, payload: &impl Serialize) -> Bytes {
        event(&self.0.boot, stage.seq + 1, name, payload)
    }

    fn publish(&self, stage: &mut Stage, bytes: Bytes) {
        stage.seq += 1;
        let frame = Frame {
            answered: stage.told,
            bytes,
        };
        stage.ring.push(frame.clone());
        // Without a viewer nobody is told; the ring keeps it.
        let _ = self.0.viewers.send(frame);
    }
}

fn bytes_of_hello(boot: &str, seq: u64, board: &Board, now: UnixMs) -> Bytes {
    event(boot, seq, "hello", &board.hello(boot, now))
}

#[cfg(test)]
mod tests;
