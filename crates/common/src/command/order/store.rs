//! Orders in Redis, for the command line.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use redis::{AsyncCommands, FromRedisValue, SetExpiry, SetOptions, Value};

use crate::chaos::addressee::{Addressee, PREFIX};
use crate::chaos::order::Order;
use crate::env::Env;
use crate::outbound::Resolve;
use crate::redis::Redis;

/// Keys looked at per SCAN step.
const STEP: usize = 1_000;
/// Most orders that are looked at.
const MOST: usize = 10_000;

const UNREACHED: &str =
    "redis did not do it; does REDIS_URL lead to a running Redis, and is REDIS_PASSWORD right?";

/// The orders of all pods.
pub(super) struct Orders(Redis);

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The key.
    pub key: String,
    /// Its text; none where another type of value stands there.
    pub text: Option<String>,
    /// Its time to live as Redis gives it: −1 for ever, −2 gone.
    pub life_ms: i64,
}

impl Orders {
    /// Those in the Redis of the container's variables.
    pub(super) async fn open(env: &Env, resolve: Arc<dyn Resolve>) -> anyhow::Result<Self> {
        let redis = Redis::open(env, resolve).await?;
        // A person wants to know why, where a service would go on trying.
        redis.locate().await?;
        Ok(Self(redis))
    }

    /// Gives an order.
    pub(super) async fn set(
        &self,
        addressee: &Addressee,
        order: &Order,
        life: Duration,
    ) -> anyhow::Result<()> {
        let expiry = SetExpiry::EX(life.as_secs());
        let options = SetOptions::default().with_expiration(expiry);
        let mut connection = self.0.connection();
        connection
            .set_options(addressee.key(), order.to_json(), options)
            .await
            .context(UNREACHED)
    }

    /// Takes one order back; gives its key where there was one.
    pub(super) async fn clear(&self, key: String) -> anyhow::Result<Vec<String>> {
        let gone: u64 = self.0.connection().del(&key).await.context(UNREACHED)?;
        Ok(if gone > 0 { vec![key] } else { Vec::new() })
    }

    /// Takes every order back; gives their keys.
    pub(super) async fn clear_all(&self) -> anyhow::Result<Vec<String>> {
        let keys = self.keys().await?;
        if !keys.is_empty() {
            let _: u64 = self.0.connection().del(&keys).await.context(UNREACHED)?;
        }
        Ok(keys)
    }

    /// Every order, by key.
    pub(super) async fn all(&self) -> anyhow::Result<Vec<Entry>> {
        let keys = self.keys().await?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut question = redis::pipe();
        question.mget(&keys);
        for key in &keys {
            question.pttl(key);
        }
        let answer: Value = question
            .query_async(&mut self.0.connection())
            .await
            .context(UNREACHED)?;
        let mut parts = Vec::<Value>::from_redis_value(answer)?.into_iter();
        let texts = parts.next().unwrap_or(Value::Nil);
        let texts = Vec::<Option<String>>::from_redis_value(texts)?;
        let mut all = Vec::new();
        for ((key, text), life) in keys.into_iter().zip(texts).zip(parts) {
            let life_ms = i64::from_redis_value(life)?;
            all.push(Entry { key, text, life_ms });
        }
        all.retain(|entry| entry.life_ms != -2);
        Ok(all)
    }

    async fn keys(&self) -> anyhow::Result<Vec<String>> {
        let (mut found, mut cursor) = (BTreeSet::new(), 0_u64);
        loop {
            let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
                .arg((cursor, "MATCH", format!("{PREFIX}*"), "COUNT", STEP))
                .query_async(&mut self.0.connection())
                .await
                .context(UNREACHED)?;
            found.extend(keys);
            cursor = next;
            if cursor == 0 || found.len() >= MOST {
                return Ok(found.into_iter().take(MOST).collect());
            }
        }
    }
}
