//! What happens once after start, in the background: sample data, and an index
//! that also knows objects put there by other means.

use std::time::Duration;

use redis::{AsyncCommands, ExistenceCheck, RedisResult, SetExpiry, SetOptions, pipe};

use super::{Record, Store, key};
use crate::drain::Drain;

/// Keys looked at per SCAN step.
const STEP: usize = 1_000;
/// A pod that dies while indexing blocks the others this long, in seconds.
const LOCK_SECONDS: u64 = 60;
/// Pause before another try where Redis is away.
const RETRY: Duration = Duration::from_millis(500);

impl<R: Record> Store<R> {
    /// Writes sample data once ever, then brings the index up to date; retries until done or draining.
    pub async fn tend(self, drain: Drain) {
        while !drain.has_begun() {
            match self.tend_once().await {
                Ok(()) => return,
                Err(error) => tracing::debug!(%error, kind = R::KIND, "upkeep waits for redis"),
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = drain.begun() => {}
            }
        }
    }

    async fn tend_once(&self) -> RedisResult<()> {
        self.seed().await?;
        let mine = SetOptions::default()
            .conditional_set(ExistenceCheck::NX)
            .with_expiration(SetExpiry::EX(LOCK_SECONDS));
        let mut connection = self.redis.connection();
        let locked: Option<String> = connection
            .set_options(key::indexing::<R>(), "1", mine)
            .await?;
        if locked.is_some() {
            self.index_strays().await?;
        }
        Ok(())
    }

    /// One MSETNX writes marker and samples together or not at all. Where it
    /// wrote nothing although the marker is missing, an object of a sample's
    /// id was there first: then the marker alone is set, so that samples never
    /// come (back).
    async fn seed(&self) -> RedisResult<()> {
        let samples = R::samples();
        let mut pairs = vec![(key::seeded::<R>(), "1".to_owned())];
        for sample in &samples {
            let json = serde_json::to_string(sample).expect("records are plain data");
            pairs.push((key::object::<R>(sample.id()), json));
        }
        let mut connection = self.redis.connection();
        if connection.mset_nx(&pairs).await? {
            return self.index(samples.iter().map(Record::id)).await;
        }
        let keep = SetOptions::default().conditional_set(ExistenceCheck::NX);
        connection
            .set_options(key::seeded::<R>(), "1", keep)
            .await
            .map(|_: Option<String>| ())
    }

    /// Adds every object key to the index, and drops members without an object.
    async fn index_strays(&self) -> RedisResult<()> {
        let prefix = R::KIND.len() + 1;
        let mut cursor = 0;
        loop {
            let (next, keys) = self.scan_step(cursor).await?;
            self.index(keys.iter().filter_map(|key| key.get(prefix..)))
                .await?;
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        let mut from = "-".to_owned();
        loop {
            let members: Vec<String> = redis::cmd("ZRANGE")
                .arg((key::index::<R>(), from, "+", "BYLEX", "LIMIT", 0, STEP))
                .query_async(&mut self.redis.connection())
                .await?;
            let Some(last) = members.last() else {
                return Ok(());
            };
            from = format!("({last}");
            self.drop_dangling(&members).await?;
        }
    }

    async fn scan_step(&self, cursor: u64) -> RedisResult<(u64, Vec<String>)> {
        let pattern = format!("{}:*", R::KIND);
        redis::cmd("SCAN")
            .arg((cursor, "MATCH", pattern, "COUNT", STEP))
            .query_async(&mut self.redis.connection())
            .await
    }

    async fn index<'a>(&self, ids: impl Iterator<Item = &'a str>) -> RedisResult<()> {
        let members: Vec<(u8, String)> = ids.map(|id| (0, key::member(id))).collect();
        if members.is_empty() {
            return Ok(());
        }
        self.redis
            .connection()
            .zadd_multiple(key::index::<R>(), &members)
            .await
    }

    async fn drop_dangling(&self, members: &[String]) -> RedisResult<()> {
        let mut question = pipe();
        for member in members {
            question.exists(key::object::<R>(key::id_of(member)));
        }
        let present: Vec<bool> = question.query_async(&mut self.redis.connection()).await?;
        let dangling: Vec<&String> = members
            .iter()
            .zip(present)
            .filter_map(|(member, present)| (!present).then_some(member))
            .collect();
        if dangling.is_empty() {
            return Ok(());
        }
        self.redis
            .connection()
            .zrem(key::index::<R>(), dangling)
            .await
    }
}
