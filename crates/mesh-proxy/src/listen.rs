//! Listeners: accept, serve, stop in time.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::ResponseBody;
use crate::exchange::exchange;
use crate::proxy::{Inner, Listen, Proxy};
use crate::stats::{Downstream, HttpStats};

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

async fn answer(
    door: &Arc<Door>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    door.stats.downstream_rq_total.add();
    let active = Downstream::new(&door.stats);
    let mut answer = exchange(door, peer, request).await;
    door.stats.answers.add(answer.status().as_u16());
    answer.body_mut().hold(active);
    if door.proxy.is_draining() {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    answer
}

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
    let service = service_fn(|request| {
        let door = door.clone();
        // hyper keeps room for an exchange as long as the connection is open: a box's is small.
        Box::pin(async move { Ok::<_, Infallible>(answer(&door, peer, request).await) })
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "client connection ended");
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
