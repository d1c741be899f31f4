//! The collection in Redis: create, get, delete and pages that cost the same at any size.

use std::marker::PhantomData;

use axum::http::StatusCode;
use redis::{AsyncCommands, RedisResult, pipe};

use super::{Record, key};
use crate::problem::Problem;
use crate::redis::Redis;

/// Longest id that is looked up; nothing longer is ever written.
pub(super) const ID_LIMIT: usize = 200;

/// A collection of `R`; a cheap handle.
pub struct Store<R> {
    pub(super) redis: Redis,
    kind: PhantomData<fn() -> R>,
}

/// Part of a collection, in list order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<R> {
    /// The records.
    pub items: Vec<R>,
    /// The id to continue after, where there is more.
    pub next: Option<String>,
}

impl<R> Clone for Store<R> {
    fn clone(&self) -> Self {
        Self {
            redis: self.redis.clone(),
            kind: PhantomData,
        }
    }
}

impl<R: Record> Store<R> {
    /// The collection of `R` in this Redis.
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            kind: PhantomData,
        }
    }

    /// Writes a new record: object, index and list in one transaction, so it is whole or absent.
    ///
    /// # Errors
    /// 503 when Redis did not confirm.
    pub async fn create(&self, record: &R) -> Result<(), Problem> {
        let json = serde_json::to_string(record).expect("records are plain data");
        let mut transaction = pipe();
        transaction
            .atomic()
            .set(key::object::<R>(record.id()), json)
            .ignore()
            .zadd(key::index::<R>(), key::member(record.id()), 0)
            .ignore();
        if let Some(list) = record.list_key() {
            transaction.lpush(list, record.id()).ignore();
        }
        let done: RedisResult<()> = transaction.query_async(&mut self.redis.connection()).await;
        Ok(done?)
    }

    /// The record of this id.
    ///
    /// # Errors
    /// 404 where there is none, 500 where the stored text is no such record, 503 without Redis.
    pub async fn get(&self, id: &str) -> Result<R, Problem> {
        let stored: Option<String> = match id.len() {
            0 | ID_LIMIT.. => None,
            _ => self.redis.connection().get(key::object::<R>(id)).await?,
        };
        let json = stored.ok_or_else(|| Problem::not_found(R::KIND, id))?;
        parse(id, &json).map_err(|error| {
            let key = key::object::<R>(id);
            let detail = format!(
                "{key} holds no {}: {error}; mend or delete that key",
                R::KIND
            );
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        })
    }

    /// Deletes the record of this id; other collections are left alone.
    ///
    /// # Errors
    /// 404 where there is none, 503 without Redis.
    pub async fn delete(&self, id: &str) -> Result<(), Problem> {
        let list = match self.get(id).await {
            Ok(record) => record.list_key(),
            // What cannot be read can still be deleted.
            Err(problem) if problem.status() == StatusCode::INTERNAL_SERVER_ERROR => None,
            Err(problem) => return Err(problem),
        };
        let mut transaction = pipe();
        transaction
            .atomic()
            .del(key::object::<R>(id))
            .zrem(key::index::<R>(), key::member(id))
            .ignore();
        if let Some(list) = list {
            transaction.lrem(list, 0, id).ignore();
        }
        let (deleted,): (u64,) = transaction
            .query_async(&mut self.redis.connection())
            .await?;
        match deleted {
            0 => Err(Problem::not_found(R::KIND, id)),
            _ => Ok(()),
        }
    }

    /// Up to `limit` records in list order, from the one after `after` on.
    ///
    /// # Errors
    /// 503 without Redis.
    pub async fn page(&self, limit: usize, after: Option<&str>) -> Result<Page<R>, Problem> {
        let from = after.map_or("-".to_owned(), |id| format!("({}", key::member(id)));
        let mut members: Vec<String> = redis::cmd("ZRANGE")
            .arg(key::index::<R>())
            .arg((from, "+"))
            .arg("BYLEX")
            .arg(("LIMIT", 0, limit + 1))
            .query_async(&mut self.redis.connection())
            .await?;
        let more = members.len() > limit;
        members.truncate(limit);
        let next = members.last().filter(|_| more);
        Ok(Page {
            next: next.map(|member| key::id_of(member).to_owned()),
            items: self.fetch(members.iter().map(|it| key::id_of(it))).await?,
        })
    }

    /// Up to `limit` records that the Redis list `list` names, in its order.
    ///
    /// # Errors
    /// 503 without Redis.
    pub async fn listed(&self, list: &str, limit: usize) -> Result<Vec<R>, Problem> {
        let last = isize::try_from(limit).unwrap_or(isize::MAX) - 1;
        let ids: Vec<String> = self.redis.connection().lrange(list, 0, last).await?;
        self.fetch(ids.iter().map(String::as_str)).await
    }

    /// One MGET for the whole page; what is gone or unreadable is left out and logged.
    async fn fetch<'a>(
        &self,
        ids: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Vec<R>, Problem> {
        let keys: Vec<String> = ids.clone().map(key::object::<R>).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let stored: Vec<Option<String>> = self.redis.connection().mget(keys).await?;
        let read = |(id, json): (&str, Option<String>)| {
            parse(id, &json?)
                .inspect_err(|error| tracing::warn!(%error, kind = R::KIND, id, "stored object is unreadable"))
                .ok()
        };
        Ok(ids.zip(stored).filter_map(read).collect())
    }
}

fn parse<R: Record>(id: &str, json: &str) -> serde_json::Result<R> {
    let mut record: R = serde_json::from_str(json)?;
    record.set_id(id);
    Ok(record)
}
