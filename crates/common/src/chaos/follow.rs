//! Looks at the orders in Redis: one MGET every 100 ms, and a PTTL for what is new there.

use std::time::Duration;

use redis::{AsyncCommands, RedisResult};
use tokio::time::Instant;

use super::Chaos;
use super::sickness::Orders;
use crate::drain::Drain;
use crate::redis::Redis;

/// Pause between two looks.
const PERIOD: Duration = Duration::from_millis(100);
/// Longest look: an order ends in time although Redis does not answer.
const LIMIT: Duration = Duration::from_secs(1);

/// Follows the orders until `drain` begins. Where Redis is away the last order keeps its end.
pub(super) async fn follow(chaos: Chaos, redis: Redis, drain: Drain) {
    let mut orders = Orders::new(&chaos.0.keys);
    let mut reachable = true;
    while !drain.has_begun() {
        let looked = tokio::time::timeout(LIMIT, look(&chaos, &redis, &mut orders)).await;
        let answers = matches!(looked, Ok(Ok(())));
        if reachable != answers {
            tracing::info!(answers, "redis, asked for chaos orders");
            reachable = answers;
        }
        chaos.obey(&orders, Instant::now());
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = drain.begun() => {}
        }
    }
}

async fn look(chaos: &Chaos, redis: &Redis, orders: &mut Orders) -> RedisResult<()> {
    let mut connection = redis.connection();
    let texts: Vec<Option<String>> = connection.mget(&chaos.0.keys).await?;
    for index in orders.hear(&texts, Instant::now()) {
        let Some(text) = texts.get(index).and_then(Option::as_deref) else {
            continue;
        };
        let life: i64 = connection.pttl(&chaos.0.keys[index]).await?;
        if let Err((key, refusal)) = orders.judge(index, text, life, Instant::now()) {
            Chaos::count(&chaos.0.refused);
            tracing::warn!(key, cause = %refusal, "a chaos order is ignored");
        }
    }
    Ok(())
}

impl Chaos {
    /// Obeys the order that counts now, and says so where it changes.
    fn obey(&self, orders: &Orders, now: Instant) {
        let order = orders.in_force(now);
        let changed = self.0.in_force.send_if_modified(|known| {
            let changed = *known != order;
            known.clone_from(&order);
            changed
        });
        match order {
            Some(it) if changed => {
                tracing::warn!(key = it.key, order = %it.order, "sick by order");
            }
            None if changed => tracing::info!("no chaos order any more"),
            _ => {}
        }
    }
}
