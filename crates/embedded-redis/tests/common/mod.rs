//! A running store, and a client that sees bytes.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use embedded_redis::{Config, RunError, Server};
use redis_protocol::{resp2, resp3};
use tokio::sync::oneshot;

/// Longer than any step of a test takes, so that a hang becomes a failure.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A store on a thread and a runtime of its own, as in a process of its own.
pub(crate) struct RunningStore {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl RunningStore {
    pub(crate) fn start(config: Config) -> Self {
        let (ready, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let server = Server::build(listener, config).await.unwrap();
                ready.send(server.local_addr()).unwrap();
                server.run(async { drop(stopped.await) }).await
            })
        });
        let address = address.recv_timeout(LIMIT).expect("the store starts");
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn client(&self) -> Wire<TcpStream> {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Wire::new(stream)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Stops the store as its process would stop it.
    pub(crate) fn stop(mut self) -> Result<(), RunError> {
        self.end().expect("still running")
    }

    fn end(&mut self) -> Option<Result<(), RunError>> {
        drop(self.stop.take());
        Some(
            self.thread
                .take()?
                .join()
                .expect("the store does not panic"),
        )
    }
}

impl Drop for RunningStore {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// A client that reads one reply at a time and keeps its bytes.
pub(crate) struct Wire<S> {
    stream: S,
    buffer: Vec<u8>,
    pub(crate) resp3: bool,
}

impl<S: Read + Write> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            resp3: false,
        }
    }

    /// Sends an inline line and returns the bytes of the reply.
    pub(crate) fn line(&mut self, line: &str) -> Vec<u8> {
        self.send(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// The same as text, for replies without odd bytes.
    pub(crate) fn text(&mut self, line: &str) -> String {
        String::from_utf8_lossy(&self.line(line)).into_owned()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let sent = self.stream.write_all(bytes);
        sent.unwrap_or_else(|cause| panic!("{}: {cause}", bytes.escape_ascii()));
    }

    /// False once the other side is gone.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub(crate) fn reply(&mut self) -> Vec<u8> {
        self.try_reply()
            .expect("the connection lives until the reply is whole")
    }

    /// `None` once the other side is gone.
    pub(crate) fn try_reply(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = self.frame_length() {
                return Some(self.buffer.drain(..length).collect());
            }
            if self.read_more() == 0 {
                return None;
            }
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_more() > 0 {}
        std::mem::take(&mut self.buffer)
    }

    /// Sends a line and ends the sending; returns all that comes back.
    pub(crate) fn rest_after(&mut self, line: &str) -> Vec<u8> {
        let _ = self
            .stream
            .write_all(format!("{line}\r\nQUIT\r\n").as_bytes());
        self.rest()
    }

    fn read_more(&mut self) -> usize {
        let mut chunk = [0; 16 * 1024];
        let read = self.stream.read(&mut chunk).unwrap_or(0);
        self.buffer.extend_from_slice(&chunk[..read]);
        read
    }

    fn frame_length(&self) -> Option<usize> {
        let decoded = if self.resp3 {
            resp3::decode::complete::decode(&self.buffer)
                .map(|found| found.map(|(_, length)| length))
        } else {
            resp2::decode::decode(&self.buffer).map(|found| found.map(|(_, length)| length))
        };
        decoded.expect("a well-formed reply")
    }
}
