use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{io, mem};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::db::Now;
use crate::session::Session;
use crate::store::{Answer, Store};
use crate::wire::{Protocol, Reply, Request, RequestLimits, RequestParser};

/// Requests of one connection that share one wait for the disk and one write to the socket.
const BATCH: usize = 512;

/// Bytes of replies that are collected before they go out.
const OUTPUT_BYTES: usize = 64 * 1024;

/// The longest reply, in bytes, of a command that changes nothing.
const REPLY_BYTES: usize = 64 * 1024 * 1024;

/// Room for one read, and the capacity above which an empty buffer is given back.
const READ_BYTES: usize = 4 * 1024;
const KEPT_BYTES: usize = 64 * 1024;

/// A peer that takes no bytes for so long is gone.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// The wall clock, read here and nowhere deeper.
pub(crate) fn now() -> Now {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now(since.as_micros() as u64)
}

/// One client: requests in, replies out, in order. Whatever has arrived is applied at once and
/// answered together after one wait for the disk, so pipelines share an fsync.
pub(crate) struct Connection {
    stream: TcpStream,
    store: Arc<Store>,
    session: Session,
    parser: RequestParser,
    input: BytesMut,
    output: BytesMut,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, store: Arc<Store>, session: Session) -> Self {
        Self {
            stream,
            store,
            session,
            parser: RequestParser::default(),
            input: BytesMut::new(),
            output: BytesMut::new(),
        }
    }

    /// Serves until the peer leaves, breaks the protocol or `stop` comes. What has been read when
    /// `stop` comes is still answered.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> io::Result<()> {
        while !self.session.closing {
            self.input.reserve(READ_BYTES);
            let read = tokio::select! {
                read = self.stream.read_buf(&mut self.input) => read?,
                () = stop.cancelled() => return Ok(()),
            };
            if read == 0 {
                return Ok(());
            }
            while self.answer_batch().await? {}
            if self.input.is_empty() && self.input.capacity() > KEPT_BYTES {
                self.input = BytesMut::new();
            }
        }
        Ok(())
    }

    /// Answers up to [`BATCH`] of the requests that are there; says whether more may be.
    async fn answer_batch(&mut self) -> io::Result<bool> {
        let mut answers = Vec::new();
        // A reply is spelled in the protocol that was spoken when its request was carried out.
        let mut protocols = Vec::new();
        while answers.len() < BATCH && !self.session.closing {
            let Some(answer) = self.next_answer() else {
                break;
            };
            protocols.push(self.session.protocol);
            answers.push(answer);
        }
        let more = answers.len() == BATCH;
        self.wait_for_the_disk(&mut answers).await;
        for (answer, protocol) in answers.into_iter().zip(protocols) {
            self.encode(&answer, protocol);
            if self.output.len() >= OUTPUT_BYTES {
                self.flush().await?;
            }
        }
        self.flush().await?;
        Ok(more)
    }

    fn next_answer(&mut self) -> Option<Answer> {
        let limits = match self.session.authenticated {
            true => RequestLimits::OPEN,
            false => RequestLimits::BEFORE_AUTH,
        };
        match self.parser.next(&mut self.input, limits) {
            Ok(None) => None,
            Ok(Some(request)) if is_http(&request) => {
                tracing::warn!(peer = %self.session.peer, "closed a connection that speaks HTTP");
                self.session.closing = true;
                None
            }
            Ok(Some(request)) => Some(self.store.execute(&mut self.session, request, now())),
            Err(error) => {
                self.session.closing = true;
                Some(Answer {
                    reply: Reply::Error(format!("ERR {error}")),
                    ticket: None,
                })
            }
        }
    }

    /// Replies after a write wait with it, because replies keep their order. A write that did not
    /// become durable is answered with the reason.
    async fn wait_for_the_disk(&self, answers: &mut [Answer]) {
        let Some(last) = answers.iter().filter_map(|answer| answer.ticket).max() else {
            return;
        };
        let Err(error) = self.store.durable(last).await else {
            return;
        };
        for answer in answers {
            if answer.ticket.is_some_and(|ticket| ticket > error.durable) {
                answer.reply = Reply::Error(error.reason.to_string());
            }
        }
    }

    fn encode(&mut self, answer: &Answer, protocol: Protocol) {
        let start = self.output.len();
        answer.reply.encode(protocol, &mut self.output);
        if self.output.len() - start > REPLY_BYTES && answer.ticket.is_none() {
            self.output.truncate(start);
            let text = format!("ERR reply larger than {REPLY_BYTES} bytes, ask for a part of it");
            Reply::Error(text).encode(protocol, &mut self.output);
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        tokio::time::timeout(WRITE_LIMIT, self.stream.write_all(&self.output)).await??;
        self.output.clear();
        if self.output.capacity() > KEPT_BYTES * 2 {
            drop(mem::take(&mut self.output));
        }
        Ok(())
    }
}

/// A web page can make its visitor's browser send a form to any local port, and the lines of its
/// body would be inline commands. Every such request begins with one of these words (Redis has
/// the same guard).
fn is_http(request: &Request) -> bool {
    ["post", "host:"]
        .iter()
        .any(|word| request[0].eq_ignore_ascii_case(word.as_bytes()))
}
