//! A command's streams over a WebSocket (kubectl 1.30 and newer).

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};

use super::{LINGER, Running, status_of};
use crate::kubelet::{Exit, Output};

/// The only version kubectl offers.
pub(super) const PROTOCOL: &str = "v5.channel.k8s.io";
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
/// The client closes the channel in the second byte.
const CLOSE: u8 = 255;

/// How often a client is asked whether it is there: one that left while its input waits for the
/// command would not be noticed by reading.
const BEAT: Duration = Duration::from_secs(5);
/// Bytes of input that are read and thrown away once the command has ended.
const MAX_UNREAD: usize = 64 * 1024 * 1024;

type Outgoing = SplitSink<WebSocket, Message>;
type Incoming = SplitStream<WebSocket>;

/// Serves until the client closes. One that is still sending when the command ends is read on: a
/// socket that is closed with unread input resets the connection, and takes the status with it.
pub(super) async fn serve(socket: WebSocket, running: Running) {
    let (mut outgoing, mut incoming) = socket.split();
    let Running {
        exit,
        stdin,
        output,
    } = running;
    tokio::select! {
        written = write(&mut outgoing, exit, output) => if written.is_err() { return },
        // The client left: the command's future is dropped, and the command with it.
        () = relay(&mut incoming, stdin) => return,
    }
    let _ = tokio::time::timeout(LINGER, drain(&mut incoming)).await;
}

/// The command's output, how it ended, and Close; fails when the client is gone.
async fn write(
    outgoing: &mut Outgoing,
    exit: BoxFuture<'static, Exit>,
    output: mpsc::Receiver<Output>,
) -> Result<(), axum::Error> {
    let pages = write_pages(outgoing, output);
    let (exit, ()) = tokio::try_join!(async { Ok(exit.await) }, pages)?;
    let status = channel(STATUS, status_of(&exit).to_string().as_bytes());
    outgoing.send(status).await?;
    let close = CloseFrame {
        code: close_code::NORMAL,
        reason: "".into(),
    };
    outgoing.send(Message::Close(Some(close))).await
}

async fn write_pages(
    outgoing: &mut Outgoing,
    mut output: mpsc::Receiver<Output>,
) -> Result<(), axum::Error> {
    let mut beat = interval_at(Instant::now() + BEAT, BEAT);
    loop {
        let sent = tokio::select! {
            page = output.recv() => match page {
                Some(page) => message(&page),
                None => return Ok(()),
            },
            _ = beat.tick() => Message::Ping(Bytes::new()),
        };
        outgoing.send(sent).await?;
    }
}

/// Hands over what the client types, until it leaves.
async fn relay(incoming: &mut Incoming, mut stdin: Option<mpsc::Sender<Bytes>>) {
    while let Some(Ok(message)) = incoming.next().await {
        if let Message::Binary(bytes) = message {
            take(&mut stdin, bytes).await;
        }
    }
}

/// Reads what nobody wants any more, until the client closes.
async fn drain(incoming: &mut Incoming) {
    let mut unread = 0;
    while let Some(Ok(message)) = incoming.next().await {
        unread += message.into_data().len();
        if unread > MAX_UNREAD {
            return;
        }
    }
}

async fn take(stdin: &mut Option<mpsc::Sender<Bytes>>, mut bytes: Bytes) {
    if bytes.is_empty() {
        return;
    }
    match bytes.split_to(1)[0] {
        STDIN => {
            if let Some(sender) = stdin
                && sender.send(bytes).await.is_err()
            {
                *stdin = None;
            }
        }
        CLOSE if bytes.first() == Some(&STDIN) => *stdin = None,
        // A window's size means nothing to what runs here.
        _ => {}
    }
}

fn message(page: &Output) -> Message {
    match page {
        Output::Stdout(bytes) => channel(STDOUT, bytes),
        Output::Stderr(bytes) => channel(STDERR, bytes),
    }
}

fn channel(number: u8, bytes: &[u8]) -> Message {
    let mut message = BytesMut::with_capacity(1 + bytes.len());
    message.put_u8(number);
    message.put_slice(bytes);
    Message::Binary(message.freeze())
}
