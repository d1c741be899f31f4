//! What clients of a sick pod feel.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::sickness::{Effect, InForce};
use super::{Chaos, burden};
use crate::problem::Problem;

/// On every answer that an order touched: which order, and what it says.
pub const X_CHAOS: HeaderName = HeaderName::from_static("x-chaos");

/// Middleware: lets requests of the router below suffer what is ordered.
///
/// It belongs below health and metrics, which stay as they are.
pub async fn afflict(State(chaos): State<Chaos>, request: Request, next: Next) -> Response {
    let Some((order, effect)) = chaos.effect() else {
        return next.run(request).await;
    };
    Chaos::count(&chaos.0.affected);
    chaos.suffer(&order, &effect).await;
    let mut response = match effect.status {
        Some(status) => failed(status, &order).into_response(),
        None => next.run(request).await,
    };
    response.headers_mut().insert(X_CHAOS, order.label());
    response
}

impl Chaos {
    /// What one request suffers now.
    fn effect(&self) -> Option<(Arc<InForce>, Effect)> {
        let order = self.0.in_force.borrow().clone()?;
        let effect = order.effect(fastrand::f64(), Instant::now())?;
        Some((order, effect))
    }

    /// Spends the time of `effect`, no longer than `order` is obeyed.
    async fn suffer(&self, order: &Arc<InForce>, effect: &Effect) {
        let time = async {
            burden::burn(effect.cpu).await;
            match effect.pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        let orders = self.0.in_force.subscribe();
        tokio::select! {
            () = time => {}
            () = burden::ended(&orders, order) => {}
        }
    }
}

fn failed(status: StatusCode, order: &InForce) -> Problem {
    let detail = format!(
        "this pod is sick by the order {} ({}); clear it with the subcommand `order clear`, or wait for its end",
        order.key, order.order
    );
    Problem::new(status, detail)
}
