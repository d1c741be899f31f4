//! Upstreams that answer at once, always the same.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// As large as a page of users.
const ANSWER: &str = concat!(
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 180\r\n",
    "x-service-cluster: ctx1\r\nx-pod-name: svc-0\r\n\r\n"
);

pub(crate) async fn start(number: usize) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for _ in 0..number {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream));
            }
        });
    }
    addresses
}

/// One request fits one read: proxies send its head in one piece, and it has no body.
async fn answer(mut stream: TcpStream) {
    let whole = format!("{ANSWER}{:180}", "");
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 4096];
    let mut read = 0;
    while let Ok(more @ 1..) = stream.read(&mut buffer[read..]).await {
        read += more;
        if buffer[..read].ends_with(b"\r\n\r\n") {
            read = 0;
            if stream.write_all(whole.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}
