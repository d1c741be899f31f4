//! A command's streams over a WebSocket (kubectl 1.30 and newer).

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;

use super::{Running, status_of};
use crate::kubelet::Output;

/// The only version kubectl offers.
pub(super) const PROTOCOL: &str = "v5.channel.k8s.io";
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
/// The client closes the channel in the second byte.
const CLOSE: u8 = 255;

pub(super) async fn serve(socket: WebSocket, running: Running) {
    let (mut outgoing, mut incoming) = socket.split();
    let Running {
        exit,
        stdin,
        mut output,
    } = running;
    let writing = async {
        let (exit, ()) = tokio::join!(exit, async {
            while let Some(page) = output.recv().await {
                if outgoing.send(message(&page)).await.is_err() {
                    // Nobody reads: let the command notice.
                    output.close();
                }
            }
        });
        let status = channel(STATUS, status_of(&exit).to_string().as_bytes());
        let _ = outgoing.send(status).await;
        let close = CloseFrame {
            code: close_code::NORMAL,
            reason: "".into(),
        };
        let _ = outgoing.send(Message::Close(Some(close))).await;
    };
    let reading = async {
        let mut stdin = stdin;
        while let Some(Ok(message)) = incoming.next().await {
            if let Message::Binary(bytes) = message {
                take(&mut stdin, bytes).await;
            }
        }
    };
    tokio::select! {
        () = writing => {}
        // The client left: the command's future is dropped, and the command with it.
        () = reading => {}
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
