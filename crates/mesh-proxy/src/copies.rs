//! Copies of requests for mirrors: sent and forgotten, never felt by the client.
//!
//! Envoy: a copy leaves once the request has a host, is never retried, is limited by the route's
//! timeout, and has its body streamed along; a mirror that reads slower than the client writes is
//! given up when more than the buffer limit waits for it.

mod body;
mod room;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Request;
use mesh::config::Forward;
use tokio::time::timeout;

pub(crate) use body::{CopyReader, CopyWriter};
pub(crate) use room::Room;

use crate::body::RequestBody;
use crate::cluster::ClusterState;
use crate::exchange::Exchange;
use crate::headers::mark_copy;
use crate::outgoing::{Outgoing, with_head_of};
use crate::tries::{self, Failed, Plan};

/// No copy takes longer, whatever the route allows: Envoy's default for a stream that does nothing.
const LONGEST: Duration = Duration::from_secs(300);

/// The clusters that get a copy of one request.
pub(crate) struct Copies(Vec<Arc<ClusterState>>);

impl Copies {
    /// Who gets a copy, by a random number for all; a cluster that does not exist gets none.
    pub(crate) fn of(
        forward: &Forward,
        cluster: impl Fn(&str) -> Option<Arc<ClusterState>>,
        draw: u64,
    ) -> Option<Self> {
        let drawn = forward.mirrors.iter().filter(|it| it.chance.hit(draw));
        let clusters: Vec<_> = drawn
            .filter_map(|mirror| cluster(&mirror.cluster))
            .collect();
        (!clusters.is_empty()).then_some(Self(clusters))
    }

    /// Copies leave, as far as the proxy has room for them.
    pub(crate) fn leave(
        self,
        exchange: &Exchange<'_>,
        plan: Plan<'_>,
        request: &mut Request<RequestBody>,
    ) {
        for cluster in self.0 {
            let room = &exchange.proxy.copies;
            let mut copied = || request.body_mut().copied(&room.bytes);
            let Some((place, copied)) = room.place().and_then(|it| Some((it, copied()?))) else {
                room.refuse(&cluster);
                continue;
            };
            let (given_up, held) = (copied.given_up, copied.held);
            let mut copy = with_head_of(request, copied.body);
            mark_copy(copy.headers_mut(), exchange.proxy.settings.pod_ip);
            let copy = (copy, copied.complete);
            let (door, peer, plan) = (exchange.door.clone(), exchange.peer, plan.of_copy());
            exchange.door.tasks.spawn(async move {
                let mut exchange = Exchange::of_copy(&door, peer);
                let sent = deliver(&mut exchange, &cluster, plan, copy);
                let limited = timeout(LONGEST, given_up.run_until_cancelled(sent));
                if !matches!(limited.await, Ok(Some(()))) {
                    tracing::debug!(cluster = %cluster.config.name, "a copy was given up");
                }
                drop((place, held));
            });
        }
    }
}

/// Sends a copy and reads its answer to the end, so that the connection can be used again.
async fn deliver(
    exchange: &mut Exchange<'_>,
    cluster: &Arc<ClusterState>,
    plan: Plan<'static>,
    copy: Outgoing,
) {
    let sent = tries::send(exchange, cluster, plan, None, copy).await;
    let mut answer = match sent {
        Ok(answer) => answer,
        Err(Failed::Upstream(reason)) => return cluster.count_reply(&reason),
        Err(Failed::Client(_)) => return,
    };
    while let Some(Ok(_)) = answer.body_mut().frame().await {}
}
