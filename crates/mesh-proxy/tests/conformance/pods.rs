//! Pods: small servers that behave as a case says and remember what reached them.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::case::{Case, Connection, PodSpec};
use crate::support::tunnel::{echo, switching};
use crate::support::{Body, full, listener};

/// The pods of a case, by name.
pub(crate) type Pods = BTreeMap<String, Pod>;

/// Names the pod in its answers.
pub(crate) const FROM: &str = "x-pod";

/// A pod on a real port.
pub(crate) struct Pod {
    pub(crate) address: SocketAddr,
    /// Label `cluster`.
    pub(crate) cluster: String,
    pub(crate) remote: bool,
    state: Arc<State>,
    accepting: Option<AbortHandle>,
    /// Held so that nobody else gets the port, or so that its queue stays full.
    _held: Vec<Held>,
}

#[derive(Default)]
struct State {
    behaviour: Mutex<PodSpec>,
    answered: AtomicUsize,
    connections: AtomicUsize,
    hits: Mutex<Vec<Hit>>,
}

/// A complete request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

#[expect(dead_code, reason = "held, not used")]
enum Held {
    Socket(TcpSocket),
    Listener(TcpListener),
    Stream(TcpStream),
}

/// Starts the pods of a case.
pub(crate) async fn start(case: &Case) -> Pods {
    let mut pods = Pods::new();
    for (name, spec) in &case.pods {
        pods.insert(name.clone(), Pod::start(name, spec).await);
    }
    pods
}

impl Pod {
    async fn start(name: &str, spec: &PodSpec) -> Self {
        let state = Arc::new(State::default());
        *state.behaviour.lock().unwrap() = spec.clone();
        let (address, accepting, held) = match spec.connection {
            Connection::Refuses => {
                let (address, held) = refusing();
                (address, None, held)
            }
            Connection::Swallows => {
                let (address, held) = swallowing().await;
                (address, None, held)
            }
            Connection::Serves
            | Connection::Closes
            | Connection::BreaksOff
            | Connection::Switches => {
                let (listener, address) = listener().await;
                let task = tokio::spawn(accept(name.to_owned(), listener, state.clone()));
                (address, Some(task.abort_handle()), Vec::new())
            }
        };
        Self {
            address,
            cluster: spec.cluster_of(name),
            remote: spec.remote,
            state,
            accepting,
            _held: held,
        }
    }

    /// Behaves otherwise from the next request on.
    pub(crate) fn become_like(&self, spec: &PodSpec) {
        *self.state.behaviour.lock().unwrap() = spec.clone();
        self.state.answered.store(0, Ordering::Relaxed);
    }

    pub(crate) fn hits(&self) -> Vec<Hit> {
        self.state.hits.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.accepting.iter().for_each(AbortHandle::abort);
    }
}

/// A port that is taken and on which nobody listens.
fn refusing() -> (SocketAddr, Vec<Held>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    (socket.local_addr().unwrap(), vec![Held::Socket(socket)])
}

/// A listener whose queue is full: the kernel drops whoever knocks.
async fn swallowing() -> (SocketAddr, Vec<Held>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = vec![Held::Listener(listener)];
    let brief = Duration::from_millis(100);
    while let Ok(Ok(stream)) = timeout(brief, TcpStream::connect(address)).await {
        held.push(Held::Stream(stream));
    }
    (address, held)
}

async fn accept(name: String, listener: TcpListener, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::Relaxed);
        let (name, state) = (name.clone(), state.clone());
        connections.spawn(async move {
            let behaviour = state.behaviour.lock().unwrap().clone();
            if behaviour.connection == Connection::BreaksOff {
                return break_off(&name, stream, behaviour.takes_ms).await;
            }
            let service = service_fn(|request| answer(&name, &state, request));
            // A client that leaves, and a pod that closes, are part of some cases.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}

/// Two bytes of ten.
async fn break_off(name: &str, mut stream: TcpStream, after_ms: u64) {
    let _ = stream.read(&mut [0; 4096]).await;
    let answer = format!("HTTP/1.1 200 OK\r\n{FROM}: {name}\r\ncontent-length: 10\r\n\r\nse");
    let _ = stream.write_all(answer.as_bytes()).await;
    sleep(Duration::from_millis(after_ms)).await;
}

async fn answer(
    name: &str,
    state: &State,
    mut request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let hit = Hit {
        at: Instant::now(),
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    state.hits.lock().unwrap().push(hit);
    let number = state.answered.fetch_add(1, Ordering::Relaxed);
    let behaviour = state.behaviour.lock().unwrap().clone();
    if behaviour.connection == Connection::Closes {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    sleep(Duration::from_millis(behaviour.takes_ms)).await;
    if behaviour.connection == Connection::Switches {
        tokio::spawn(echo(upgrade));
        let mut answer = switching();
        answer.headers_mut().insert(FROM, name.parse().unwrap());
        return Ok(answer);
    }
    let statuses = &behaviour.statuses;
    let status = statuses
        .get(number)
        .or(statuses.last())
        .copied()
        .unwrap_or(200);
    let answer = Response::builder().status(status).header(FROM, name);
    Ok(answer.body(full(&format!("{name} {status}"))).unwrap())
}
