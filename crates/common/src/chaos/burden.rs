//! What an order costs the machine: CPU time and memory, both really spent and both bounded.

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{Semaphore, watch};

use super::sickness::InForce;

/// Requests that burn side by side; further ones wait, as for a busy processor.
static BURNERS: Semaphore = Semaphore::const_new(4);
/// Rounds between two looks at the clock.
const ROUNDS: u64 = 20_000;

/// Burns `time` of CPU time on a thread of its own, so that probes are answered meanwhile.
pub async fn burn(time: Duration) {
    if time.is_zero() {
        return;
    }
    let Ok(permit) = BURNERS.acquire().await else {
        return;
    };
    let burning = move || {
        burn_here(time);
        drop(permit);
    };
    let _ = tokio::task::spawn_blocking(burning).await;
}

fn burn_here(time: Duration) {
    let spent = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let began = spent();
    let mut number = 1_u64;
    while spent().saturating_sub(began) < time {
        for _ in 0..ROUNDS {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005) + 1);
        }
    }
}

/// Holds the memory that is ordered, as long as it is.
pub(super) async fn bear_memory(mut orders: watch::Receiver<Option<Arc<InForce>>>) {
    loop {
        let order = orders.borrow_and_update().clone();
        let mebibytes = order.as_ref().map_or(0, |it| it.order.memory_mib);
        let held = tokio::task::spawn_blocking(move || allocate(mebibytes)).await;
        if let Some(order) = order {
            ended(&orders, &order).await;
        }
        drop(held);
        if orders.changed().await.is_err() {
            return;
        }
    }
}

/// Memory that is written to: pages that nobody touched would not count.
fn allocate(mebibytes: u64) -> Vec<u8> {
    let bytes = usize::try_from(mebibytes << 20).unwrap_or(0);
    let mut memory = Vec::new();
    if memory.try_reserve_exact(bytes).is_err() {
        tracing::warn!(mebibytes, "the system does not give so much memory");
        return Vec::new();
    }
    memory.resize(bytes, 1);
    memory
}

/// Resolves when `order` is not obeyed any more.
pub(super) async fn ended(orders: &watch::Receiver<Option<Arc<InForce>>>, order: &Arc<InForce>) {
    let mut orders = orders.clone();
    let replaced = orders.wait_for(|now| now.as_ref() != Some(order));
    tokio::select! {
        _ = replaced => {}
        () = tokio::time::sleep_until(order.ends) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::order::Order;

    fn order(mebibytes: u64, life: Duration) -> Arc<InForce> {
        Arc::new(InForce {
            key: "k".to_owned(),
            order: Order::parse(&format!(r#"{{"memory_mib":{mebibytes}}}"#)).unwrap(),
            ends: tokio::time::Instant::now() + life,
        })
    }

    #[test]
    fn burning_spends_cpu_time_not_only_time() {
        let spent = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
        let before = spent();
        burn_here(Duration::from_millis(30));
        assert!(spent() - before >= Duration::from_millis(30));
    }

    #[test]
    fn memory_is_touched_to_its_last_byte() {
        let memory = allocate(3);
        assert_eq!(memory.len(), 3 << 20);
        assert!(memory.iter().all(|byte| *byte == 1));
        assert!(allocate(0).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_ends_by_time_or_by_another_order() {
        let minute = Duration::from_secs(60);
        let (first, second) = (order(1, minute), order(2, minute));
        let orders = watch::Sender::new(Some(Arc::clone(&first)));
        let receiver = orders.subscribe();
        let began = tokio::time::Instant::now();
        ended(&receiver, &first).await;
        assert!((minute..minute * 2).contains(&began.elapsed()));
        orders.send_replace(Some(Arc::clone(&second)));
        let began = tokio::time::Instant::now();
        ended(&receiver, &first).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
