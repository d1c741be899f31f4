//! The client: as little work per request as can be, as it shares a core with the upstreams.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::timeout;

/// How long each load lasts.
const RUN: Duration = Duration::from_secs(3);
/// Connections of a steady load: more than it ever has requests under way.
const STEADY: usize = 32;
/// No answer takes longer, and no proxy needs longer to start.
const LIMIT: Duration = Duration::from_secs(10);

const REQUEST: &[u8] =
    b"GET /users/?limit=10 HTTP/1.1\r\nhost: svc:8080\r\nuser-agent: bench\r\naccept: */*\r\n\r\n";

/// What a proxy carried when asked for all it can.
#[derive(Debug)]
pub(crate) struct Saturated {
    pub(crate) answers: usize,
    took: Duration,
}

/// How long answers took, sorted.
#[derive(Debug)]
pub(crate) struct Latencies(Vec<Duration>);

/// A connection that sends a request and reads its answer.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Saturated {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.answers as f64 / self.took.as_secs_f64()
    }
}

impl Latencies {
    /// The latency that this share of all answers does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        self.0[((self.0.len() - 1) as f64 * share) as usize]
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let buffer = vec![0; 4096];
        Ok(Self { stream, buffer })
    }

    /// The time that one answer took.
    async fn ask(&mut self) -> Duration {
        let sent = Instant::now();
        self.stream.write_all(REQUEST).await.unwrap();
        let mut read = 0;
        while !is_whole(&self.buffer[..read]) {
            let more = self.stream.read(&mut self.buffer[read..]);
            let more = timeout(LIMIT, more)
                .await
                .expect("an answer in time")
                .unwrap();
            assert_ne!(more, 0, "closed before its answer was whole");
            read += more;
        }
        sent.elapsed()
    }
}

/// As many requests as there are connections, one after another, for a while.
pub(crate) async fn saturate(address: SocketAddr, connections: usize) -> Saturated {
    let mut all = hold(address, connections).await;
    let began = Instant::now();
    let each = all.iter_mut().map(|connection| async {
        let mut answers = 0;
        while began.elapsed() < RUN {
            connection.ask().await;
            answers += 1;
        }
        answers
    });
    let answers: Vec<usize> = join_all(each).await;
    Saturated {
        answers: answers.iter().sum(),
        took: began.elapsed(),
    }
}

/// A request every `1 / rate` seconds, whether or not the one before has been answered.
///
/// Timers of a millisecond are too coarse for this, so every connection looks at the clock whenever
/// nothing else is to be done. An answer's time counts from when its request was due.
pub(crate) async fn steady(address: SocketAddr, rate: f64) -> Latencies {
    let mut all = hold(address, STEADY).await;
    let (began, latencies) = (Instant::now(), Rc::new(RefCell::new(Vec::new())));
    let each = all.iter_mut().enumerate().map(|(first, connection)| {
        let latencies = Rc::clone(&latencies);
        async move {
            for number in (first..).step_by(STEADY) {
                let due = began + Duration::from_secs_f64(number as f64 / rate);
                if due > began + RUN {
                    return;
                }
                while Instant::now() < due {
                    yield_now().await;
                }
                connection.ask().await;
                latencies.borrow_mut().push(due.elapsed());
            }
        }
    });
    join_all(each).await;
    let mut latencies = latencies.take();
    latencies.sort_unstable();
    Latencies(latencies)
}

/// Connections that have been used once and stay open.
pub(crate) async fn hold(address: SocketAddr, connections: usize) -> Vec<Connection> {
    let mut held = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut connection = Connection::open(address).await.unwrap();
        connection.ask().await;
        held.push(connection);
    }
    held
}

/// Waits until a proxy that has just been started answers.
pub(crate) async fn until_answered(address: SocketAddr) {
    let began = Instant::now();
    while Connection::open(address).await.is_err() {
        assert!(began.elapsed() < LIMIT, "{address} does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether an answer with a `content-length` is complete.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") else {
        return false;
    };
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.parse::<usize>().unwrap())
    });
    answer.len() >= head + 4 + length.unwrap()
}
