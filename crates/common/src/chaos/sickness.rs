//! Which order a pod obeys, and what it does to a request. No clock, no chance, no Redis in here.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use tokio::time::Instant;

use super::order::{Order, Refusal};

/// So long before its end an order is asked whether it was prolonged.
const RENEWAL: Duration = Duration::from_secs(1);

/// An order that this pod obeys.
#[derive(Debug, PartialEq)]
pub struct InForce {
    /// Key it stands under.
    pub key: String,
    /// What it orders.
    pub order: Order,
    /// When it ends, by this pod's clock.
    pub ends: Instant,
}

/// What one request suffers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// CPU time to burn first.
    pub cpu: Duration,
    /// Then a pause; none: until the order ends.
    pub pause: Option<Duration>,
    /// Then this status instead of the work.
    pub status: Option<StatusCode>,
}

impl InForce {
    /// What a request suffers that drew `chance` (0..1) at `now`; none: it is spared.
    pub fn effect(&self, chance: f64, now: Instant) -> Option<Effect> {
        let order = &self.order;
        (now < self.ends && chance < order.rate && order.touches_answers()).then(|| Effect {
            cpu: Duration::from_millis(order.cpu_ms),
            pause: (!order.hang).then(|| Duration::from_millis(order.delay_ms)),
            status: order.status.and_then(|it| StatusCode::from_u16(it).ok()),
        })
    }

    /// The value of `X-Chaos`: which order, and what.
    pub fn label(&self) -> HeaderValue {
        HeaderValue::from_str(&format!("{}; {}", self.key, self.order))
            .unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
    }
}

/// What is known of the orders for one pod, the most specific first.
#[derive(Debug)]
pub struct Orders(Vec<Slot>);

/// One key: the text that was found there, and what was made of it.
#[derive(Debug)]
struct Slot {
    key: String,
    text: Option<String>,
    in_force: Option<Arc<InForce>>,
}

impl Orders {
    /// Nothing is ordered under any of `keys`.
    pub fn new(keys: &[String]) -> Self {
        let slot = |key: &String| Slot {
            key: key.clone(),
            text: None,
            in_force: None,
        };
        Self(keys.iter().map(slot).collect())
    }

    /// Takes note of what stands under the keys; gives those whose time to live is wanted.
    pub fn hear(&mut self, texts: &[Option<String>], now: Instant) -> Vec<usize> {
        let mut wanted = Vec::new();
        for (index, (slot, text)) in self.0.iter_mut().zip(texts).enumerate() {
            let ending = |it: &Arc<InForce>| it.ends.saturating_duration_since(now) < RENEWAL;
            let is_new = slot.text != *text;
            if text.is_none() {
                *slot = Slot {
                    key: std::mem::take(&mut slot.key),
                    text: None,
                    in_force: None,
                };
            } else if is_new || slot.in_force.as_ref().is_some_and(ending) {
                wanted.push(index);
            }
        }
        wanted
    }

    /// Judges the text under a key, with its time to live as Redis gives it: −1 for ever, −2 gone.
    ///
    /// # Errors
    /// Why it is not obeyed; said once for each text.
    pub fn judge(
        &mut self,
        index: usize,
        text: &str,
        life_ms: i64,
        now: Instant,
    ) -> Result<(), (String, Refusal)> {
        let Some(slot) = self.0.get_mut(index) else {
            return Ok(());
        };
        // Gone in between: the next look sees it.
        if life_ms == -2 {
            return Ok(());
        }
        slot.text = Some(text.to_owned());
        let judged = accept(&slot.key, text, life_ms, now);
        slot.in_force = judged.as_ref().ok().map(|it| match &slot.in_force {
            Some(same) if is_same(same, it) => Arc::clone(same),
            _ => Arc::clone(it),
        });
        judged
            .map(|_| ())
            .map_err(|refusal| (slot.key.clone(), refusal))
    }

    /// The order to obey: the most specific one that has not ended.
    pub fn in_force(&self, now: Instant) -> Option<Arc<InForce>> {
        let mut all = self.0.iter().filter_map(|slot| slot.in_force.as_ref());
        all.find(|order| now < order.ends).cloned()
    }
}

fn accept(key: &str, text: &str, life_ms: i64, now: Instant) -> Result<Arc<InForce>, Refusal> {
    let (order, life) = Order::with_life(text, life_ms)?;
    Ok(Arc::new(InForce {
        key: key.to_owned(),
        order,
        ends: now + life,
    }))
}

/// Whether nobody prolonged it: its end is known to a few milliseconds only.
fn is_same(known: &InForce, read: &InForce) -> bool {
    known.order == read.order && read.ends.saturating_duration_since(known.ends) < RENEWAL
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"status":500}"#;

    fn orders() -> Orders {
        Orders::new(&["chaos:pod", "chaos:s:ctx1", "chaos:s"].map(str::to_owned))
    }

    fn texts(found: [Option<&str>; 3]) -> [Option<String>; 3] {
        found.map(|it| it.map(str::to_owned))
    }

    fn key_of(orders: &Orders, now: Instant) -> Option<String> {
        orders.in_force(now).map(|it| it.key.clone())
    }

    fn effect(text: &str, chance: f64) -> Option<Effect> {
        let now = Instant::now();
        let order = accept("k", text, 1_000, now).unwrap();
        order.effect(chance, now)
    }

    #[test]
    fn the_most_specific_order_wins_and_the_next_follows_when_it_goes() {
        let (mut orders, now) = (orders(), Instant::now());
        let all = texts([Some(STATUS); 3]);
        assert_eq!(orders.hear(&all, now), [0, 1, 2]);
        for index in 0..3 {
            orders.judge(index, STATUS, 60_000, now).unwrap();
        }
        assert!(orders.hear(&all, now).is_empty(), "known by now");
        for (found, expected) in [
            ([Some(STATUS); 3], Some("chaos:pod")),
            ([None, Some(STATUS), Some(STATUS)], Some("chaos:s:ctx1")),
            ([None, None, Some(STATUS)], Some("chaos:s")),
            ([None; 3], None),
        ] {
            assert!(orders.hear(&texts(found), now).is_empty());
            assert_eq!(key_of(&orders, now).as_deref(), expected);
        }
    }

    #[test]
    fn what_is_refused_is_said_once_and_stands_in_nobodys_way() {
        let (mut orders, now) = (orders(), Instant::now());
        for (text, life, cause) in [
            ("{", 60_000, "no order"),
            (STATUS, -1, "no time to live"),
            (STATUS, 900_001, "within 15 minutes"),
        ] {
            let found = texts([Some(text), None, Some(STATUS)]);
            orders.hear(&found, now);
            let (key, refusal) = orders.judge(0, text, life, now).unwrap_err();
            assert_eq!(key, "chaos:pod");
            assert!(refusal.to_string().contains(cause), "{refusal}");
            orders.judge(2, STATUS, 60_000, now).unwrap();
            assert_eq!(key_of(&orders, now).as_deref(), Some("chaos:s"));
            assert!(orders.hear(&found, now).is_empty(), "not asked again");
            orders.hear(&texts([None; 3]), now);
        }
    }

    #[test]
    fn an_order_ends_by_the_pods_clock_although_nobody_says_so() {
        let (mut orders, now) = (orders(), Instant::now());
        orders.judge(0, STATUS, 5_000, now).unwrap();
        let at = |seconds: f64| now + Duration::from_secs_f64(seconds);
        assert!(orders.in_force(at(4.99)).is_some());
        assert!(orders.in_force(at(5.0)).is_none());
        let order = orders.in_force(now).unwrap();
        assert!(order.effect(0.0, at(4.99)).is_some());
        assert_eq!(order.effect(0.0, at(5.0)), None);
    }

    #[test]
    fn near_its_end_an_order_is_asked_whether_it_was_prolonged() {
        let (mut orders, now) = (orders(), Instant::now());
        let found = texts([Some(STATUS), None, None]);
        orders.judge(0, STATUS, 5_000, now).unwrap();
        let late = now + Duration::from_millis(4_500);
        assert_eq!(orders.hear(&found, late), [0]);
        let before = orders.in_force(late).unwrap();
        orders.judge(0, STATUS, 502, late).unwrap();
        assert!(Arc::ptr_eq(&before, &orders.in_force(late).unwrap()));
        orders.judge(0, STATUS, 60_000, late).unwrap();
        assert!(orders.in_force(late + Duration::from_secs(59)).is_some());
    }

    #[test]
    fn a_key_that_went_while_it_was_judged_changes_nothing() {
        let (mut orders, now) = (orders(), Instant::now());
        orders.judge(0, STATUS, -2, now).unwrap();
        assert_eq!(key_of(&orders, now), None);
    }

    #[test]
    fn a_request_suffers_what_is_ordered_if_its_chance_is_below_the_rate() {
        let spared = |text: &str, chance| effect(text, chance).is_none();
        assert!(spared(r#"{"status":500,"rate":0.5}"#, 0.5));
        assert!(!spared(r#"{"status":500,"rate":0.5}"#, 0.499));
        assert!(spared(r#"{"status":500,"rate":0}"#, 0.0));
        assert!(!spared(STATUS, 0.999_999));
        assert!(spared(r#"{"memory_mib":1}"#, 0.0), "no client notices it");
        let some = |cpu, pause: Option<u64>, status| {
            Some(Effect {
                cpu: Duration::from_millis(cpu),
                pause: pause.map(Duration::from_millis),
                status,
            })
        };
        let failed = Some(StatusCode::INTERNAL_SERVER_ERROR);
        for (text, expected) in [
            (STATUS, some(0, Some(0), failed)),
            (r#"{"delay_ms":200}"#, some(0, Some(200), None)),
            (
                r#"{"delay_ms":1,"status":500,"cpu_ms":2}"#,
                some(2, Some(1), failed),
            ),
            (r#"{"hang":true}"#, some(0, None, None)),
        ] {
            assert_eq!(effect(text, 0.3), expected, "{text}");
        }
    }

    #[test]
    fn the_label_says_which_order_and_what() {
        let order = accept("chaos:s", r#"{"status":500,"rate":0.5}"#, 1, Instant::now()).unwrap();
        assert_eq!(order.label(), "chaos:s; status=500 rate=0.5");
    }
}
