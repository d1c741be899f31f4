//! The last answers in Redis, so that a restart keeps the lamps.
//!
//! `history:user`, `history:movie`, `history:booking` are streams capped near 100 entries, each with
//! an `id` (unique over all lives of the gateway) and the `answer` as JSON. Commands: XADD,
//! XREVRANGE. Writing happens beside the requests: an answer is queued, never waited for, and while
//! Redis is away the newest wait in memory.

mod queue;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use common::env::{ConfigError, Env};
use common::health::Health;
use common::outbound::Resolve;
use common::redis::Redis;
use redis::RedisResult;
use redis::streams::{StreamId, StreamRangeReply};

use queue::Entry;
pub use queue::Queue;

use crate::answers::{Answer, KEPT};
use crate::clock;
use crate::events::Hub;
use crate::theater::{PerService, Service};

/// Pause between two tries to reach Redis.
const PAUSE: Duration = Duration::from_secs(2);
/// Answers this close together are written together.
const GATHER: Duration = Duration::from_millis(100);
/// Longest wait for the last answers to be written when the process leaves.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// The way to the store.
#[derive(Clone)]
pub struct Archive {
    redis: Redis,
    health: Health,
    queue: Queue,
}

impl Archive {
    /// Checks the configuration; does not connect.
    ///
    /// # Errors
    /// When `REDIS_URL` is malformed. A name that does not resolve yet is no error.
    pub async fn new(
        env: &Env,
        resolve: Arc<dyn Resolve>,
        health: Health,
        queue: Queue,
    ) -> Result<Self, ConfigError> {
        let redis = Redis::open(env, resolve).await?;
        Ok(Self {
            redis,
            health,
            queue,
        })
    }

    /// Reads what earlier lives left, then writes what comes; for as long as it is polled.
    pub async fn keep(self, hub: Hub) {
        let earlier = loop {
            match self.noted(read_all(&self.redis).await) {
                Ok(earlier) => break earlier,
                Err(_) => self.look_again().await,
            }
        };
        hub.restore(clock::now(), earlier);
        loop {
            self.queue.filled().await;
            tokio::time::sleep(GATHER).await;
            if self.write().await.is_err() {
                self.look_again().await;
            }
        }
    }

    /// Writes what still waits, within a limit: the last thing before the process ends.
    pub async fn finish(self) {
        if !self.queue.is_empty()
            && tokio::time::timeout(LAST_WRITE, self.write())
                .await
                .is_err()
        {
            tracing::warn!("the last answers could not be written to redis in time");
        }
    }

    /// The store may have another address when it comes back.
    async fn look_again(&self) {
        tokio::time::sleep(PAUSE).await;
        if let Err(error) = self.redis.locate().await {
            tracing::debug!("{error:#}");
        }
    }

    async fn write(&self) -> RedisResult<()> {
        let entries = self.queue.take();
        if entries.is_empty() {
            return Ok(());
        }
        let written = self.noted(append(&self.redis, &entries).await);
        if written.is_err() {
            // It may have been written all the same; reading leaves out what is there twice.
            self.queue.put_back(entries);
        }
        written
    }

    /// Tells health, and the log where that changes something, whether the store answered.
    fn noted<T>(&self, outcome: RedisResult<T>) -> RedisResult<T> {
        if let Err(error) = &outcome
            && self.health.store_reachable()
        {
            tracing::warn!(%error, "redis is away: the last answers stay in memory");
        }
        self.health.store_is(outcome.is_ok());
        outcome
    }
}

fn key(service: Service) -> String {
    format!("history:{}", service.id())
}

async fn append(redis: &Redis, entries: &[Entry]) -> RedisResult<()> {
    let mut pipeline = redis::pipe();
    for entry in entries {
        let key = key(entry.service);
        pipeline
            .cmd("XADD")
            .arg(key)
            .arg("MAXLEN")
            .arg("~")
            .arg(KEPT)
            .arg("*");
        pipeline
            .arg("id")
            .arg(&entry.id)
            .arg("answer")
            .arg(&entry.json)
            .ignore();
    }
    pipeline.query_async(&mut redis.connection()).await
}

async fn read_all(redis: &Redis) -> RedisResult<PerService<Vec<Answer>>> {
    let mut pipeline = redis::pipe();
    for service in Service::ALL {
        let key = key(service);
        pipeline
            .cmd("XREVRANGE")
            .arg(key)
            .arg("+")
            .arg("-")
            .arg("COUNT")
            .arg(KEPT);
    }
    let replies: Vec<StreamRangeReply> = pipeline.query_async(&mut redis.connection()).await?;
    let mut replies = replies.into_iter();
    Ok(PerService::from_fn(|_| {
        replies.next().map(|it| answers(it.ids)).unwrap_or_default()
    }))
}

/// Oldest first, each once; an entry that is none of ours is left out.
fn answers(newest_first: Vec<StreamId>) -> Vec<Answer> {
    let mut seen = HashSet::new();
    let mut answers: Vec<Answer> = newest_first
        .iter()
        .filter(|entry| entry.get::<String>("id").is_none_or(|id| seen.insert(id)))
        .filter_map(|entry| serde_json::from_str(&entry.get::<String>("answer")?).ok())
        .collect();
    answers.reverse();
    answers
}

#[cfg(test)]
mod tests;
