//! Sick on order: a pod that answers badly while its probes stay green.
//!
//! An abort that the mesh injects never reaches a pod and never trips a breaker; a pod that is
//! really sick does. With `CHAOS_ENABLED=true` a service looks at three keys in Redis every
//! 100 ms and obeys the most specific order there is:
//!
//! ```text
//! chaos:<pod>   chaos:<service>:<cluster>   chaos:<service>
//! {"status":500,"rate":0.5}  with a time to live, at most 15 minutes
//! ```
//!
//! * [`order`], [`addressee`] – what is ordered, and of whom
//! * [`sickness`] – what a pod obeys now; pure: texts, times and chance are arguments
//! * [`follow`] – looks at Redis; [`layer`], [`burden`] – what clients and the machine feel
//!
//! An order ends by the pod's own clock, also where Redis is away. Without the switch nothing of
//! this exists: no look, no layer, no metric.

pub mod addressee;
pub mod burden;
mod follow;
pub mod layer;
mod metrics;
pub mod order;
pub mod sickness;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::drain::Drain;
use crate::env::{ConfigError, Env};
use crate::identity::Identity;
use crate::redis::Redis;
use addressee::Addressee;
use sickness::InForce;

/// The switch.
const VARIABLE: &str = "CHAOS_ENABLED";

/// What this pod suffers from now; a cheap handle.
#[derive(Clone, Debug)]
pub struct Chaos(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Keys of orders for this pod, the most specific first.
    keys: [String; 3],
    /// The order obeyed, until its end.
    in_force: watch::Sender<Option<Arc<InForce>>>,
    affected: AtomicU64,
    refused: AtomicU64,
}

/// Whether this process obeys orders.
///
/// # Errors
/// When the switch is neither `true` nor `false`.
pub fn is_enabled(env: &Env) -> Result<bool, ConfigError> {
    env.parse_or(VARIABLE, false, "true or false")
}

impl Chaos {
    /// Nothing ordered yet.
    pub fn new(identity: &Identity) -> Self {
        Self(Arc::new(Inner {
            keys: Addressee::all_of(identity).map(|addressee| addressee.key()),
            in_force: watch::Sender::new(None),
            affected: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// Looks for orders in `redis` and bears them, until `drain` begins.
    pub fn start(&self, redis: Redis, drain: Drain) {
        tokio::spawn(follow::follow(self.clone(), redis, drain));
        tokio::spawn(burden::bear_memory(self.0.in_force.subscribe()));
    }

    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
