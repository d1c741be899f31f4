//! Listeners: accept, serve, stop in time.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::ResponseBody;
use crate::exchange::{Answered, Gone, exchange};
use crate::proxy::{Inner, Listen, Proxy};
use crate::stats::{Downstream, HttpStats};
use crate::tunnel::Tunnel;
use crate::upgrade::{Wish, switches};

/// How long requests under way may still take when a listener stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Envoy: an idle client connection is closed after an hour.
const IDLE: Duration = Duration::from_secs(3600);
/// A pause after a failed accept (no file descriptor left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Proxy {
    /// Serves HTTP/1.1 until `shutdown`; then lets requests under way finish, for a few seconds.
    pub async fn serve_http(
        &self,
        listener: TcpListener,
        listen: Listen,
        shutdown: CancellationToken,
    ) {
        let tasks = Tasks::default();
        let door = Arc::new(Door {
            proxy: self.0.clone(),
            stats: self.0.http_stats(&listen),
            listen,
            tasks: tasks.clone(),
        });
        let stop = shutdown.clone();
        accept(listener, tasks, shutdown, |stream, peer| {
            serve_connection(door.clone(), stream, peer, stop.clone())
        })
        .await;
    }
}

/// A listener: what it serves, what it counts, what it has begun.
pub(crate) struct Door {
    pub(crate) proxy: Arc<Inner>,
    pub(crate) listen: Listen,
    pub(crate) stats: Arc<HttpStats>,
    pub(crate) tasks: Tasks,
}

/// What a listener has begun: its connections, and copies of their requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    running: TaskTracker,
    abort: CancellationToken,
}

impl Tasks {
    /// Runs a task, at most until the listener's [end](Self::end).
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let abort = self.abort.clone();
        // A future keeps room for what it was given and again for where it awaits it: a box's is small.
        let task = Box::pin(task);
        let task = async move { abort.run_until_cancelled(task).await };
        self.running.spawn(task);
    }

    /// Lets the tasks finish, for [`DRAIN`] at most.
    async fn end(self) {
        self.running.close();
        let _ = timeout(DRAIN, self.running.wait()).await;
        self.abort.cancel();
        self.running.wait().await;
    }
}

/// Accepts connections and runs a task for each, until `shutdown` and at most [`DRAIN`] longer.
pub(crate) async fn accept<F>(
    listener: TcpListener,
    tasks: Tasks,
    shutdown: CancellationToken,
    serve: impl Fn(TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => tasks.spawn(serve(stream, peer)),
            Err(error) => paused(&error).await,
        }
    }
    drop(listener);
    tasks.end().await;
}

async fn paused(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection, pausing; is the limit of open files reached?");
    sleep(ACCEPT_PAUSE).await;
}

/// Answers one request; a tunnel that begins with its answer is left in `next`.
async fn answer(
    door: &Arc<Door>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
    next: &Mutex<Option<Tunnel>>,
) -> Answered {
    door.stats.downstream_rq_total.add();
    let wish = Wish::of(request.headers());
    let active = Downstream::new(&door.stats, wish == Wish::WebSocket);
    let upgrade = (wish == Wish::WebSocket).then(|| hyper::upgrade::on(&mut request));
    let mut answer = exchange(door, peer, request, wish).await?;
    door.stats.answers.add(answer.status().as_u16());
    answer.body_mut().hold(active);
    if let Some(tunnel) = upgrade.and_then(|client| answer.body_mut().tunnel(client)) {
        *next.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }
    // Envoy: a request that wanted a switch has no end, so that nothing can follow its answer.
    let closes = door.proxy.is_draining() || wish != Wish::Http;
    if closes && !switches(answer.headers()) {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    Ok(answer)
}

/// A client's connection at work.
type Connection<S> = http1::UpgradeableConnection<TokioIo<TcpStream>, S>;

async fn serve_connection(
    door: Arc<Door>,
    stream: TcpStream,
    peer: SocketAddr,
    shutdown: CancellationToken,
) {
    door.stats.downstream_cx_total.add();
    let counted = door.clone();
    let _open = counted.stats.downstream_cx_active.hold();
    // Without effect on correctness if the peer is gone already.
    let _ = stream.set_nodelay(true);
    let next = Mutex::new(None);
    let service = service_fn(|request| {
        let (door, next) = (door.clone(), &next);
        // hyper keeps room for an exchange as long as the connection is open: a box's is small.
        Box::pin(async move { answer(&door, peer, request, next).await })
    });
    let ended = {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .serve_connection(TokioIo::new(stream), service);
        run(pin!(connection.with_upgrades()), shutdown).await
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "client connection ended");
    }
    let tunnel = next.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(tunnel) = tunnel {
        Box::pin(tunnel.run()).await;
    }
}

/// Drives a connection to its end; after `shutdown` a request under way is the last one.
async fn run<S>(
    mut connection: Pin<&mut Connection<S>>,
    shutdown: CancellationToken,
) -> hyper::Result<()>
where
    S: HttpService<Incoming, ResBody = ResponseBody, Error = Gone>,
{
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_listener_lets_its_tasks_finish_and_none_outlives_it() {
        let (tasks, began) = (Tasks::default(), tokio::time::Instant::now());
        let (alive, gone) = tokio::sync::oneshot::channel::<()>();
        let (finished, short) = tokio::sync::oneshot::channel();
        tasks.spawn(async move {
            let _alive = alive;
            std::future::pending().await
        });
        tasks.spawn(async move {
            sleep(DRAIN / 2).await;
            let _ = finished.send(());
        });
        tasks.end().await;
        assert_eq!(began.elapsed(), DRAIN);
        assert!(gone.await.is_err() && short.await.is_ok());
    }
}
