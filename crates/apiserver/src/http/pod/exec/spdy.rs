//! A command's streams over SPDY (kubectl 1.29 and older).

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use super::{LINGER, Running, Wanted, status_of};
use crate::kubelet::Output;
use crate::spdy::{Incoming, Session, Stream, StreamWriter, Wire};

/// The oldest version whose status is an object; every client from 1.4 on offers it.
pub(super) const PROTOCOL: &str = "v4.channel.k8s.io";
/// Kubernetes: a client that has not opened its streams by then is given up.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn serve(wire: Wire, running: Running, wanted: Wanted) {
    let mut session = Session::start(wire);
    let opened = tokio::time::timeout(PATIENCE, open(&mut session, wanted)).await;
    let Ok(Some(mut streams)) = opened else {
        return;
    };
    let Running {
        exit,
        stdin,
        mut output,
    } = running;
    let typed = streams.remove("stdin").map(|stream| stream.incoming);
    let Some(status) = streams.remove("error") else {
        return;
    };
    let mut out = writer(&mut streams, "stdout");
    let mut err = writer(&mut streams, "stderr");
    let writing = async {
        let (exit, ()) = tokio::join!(exit, async {
            while let Some(page) = output.recv().await {
                let (bytes, to) = match &page {
                    Output::Stdout(bytes) => (bytes, &out),
                    Output::Stderr(bytes) => (bytes, &err),
                };
                if let Some(to) = to.as_ref().or(out.as_ref())
                    && !to.send(bytes).await
                {
                    output.close();
                }
            }
        });
        for stream in [out.take(), err.take()].into_iter().flatten() {
            stream.finish().await;
        }
        status
            .writer
            .send(status_of(&exit).to_string().as_bytes())
            .await;
        status.writer.finish().await;
    };
    let typing = async {
        if let (Some(typed), Some(stdin)) = (typed, stdin) {
            relay(typed, stdin).await;
        }
        std::future::pending::<()>().await;
    };
    // Nothing more opens; what ends here is the connection.
    let mut connected = pin!(async { while session.accept().await.is_some() {} });
    tokio::select! {
        () = writing => {}
        () = typing => {}
        () = &mut connected => return,
    }
    // A connection that is closed with unread input is reset, and takes the status with it.
    let _ = tokio::time::timeout(LINGER, connected).await;
}

/// The streams by their type, when all that are wanted are there.
async fn open(session: &mut Session, wanted: Wanted) -> Option<HashMap<String, Stream>> {
    let count = [true, wanted.stdin, wanted.stdout, wanted.stderr, wanted.tty];
    let count = count.into_iter().filter(|wanted| *wanted).count();
    let mut streams = HashMap::new();
    while streams.len() < count {
        let stream = session.accept().await?;
        let kind = stream.header("streamtype").unwrap_or_default().to_owned();
        streams.insert(kind, stream);
    }
    Some(streams)
}

fn writer(streams: &mut HashMap<String, Stream>, kind: &str) -> Option<StreamWriter> {
    streams.remove(kind).map(|stream| stream.writer)
}

async fn relay(mut from: Incoming, to: tokio::sync::mpsc::Sender<bytes::Bytes>) {
    while let Some(bytes) = from.recv().await {
        if to.send(bytes).await.is_err() {
            return;
        }
    }
}
