//! Both ends of a tunnel.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::header::{CONNECTION, UPGRADE};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::{Body, Client, Upstream, full, request, soon};

/// What makes an [`echo`] close.
const BYE: &str = "bye";

/// A pod's answer that switches protocols.
pub(crate) fn switching() -> Response<Body> {
    let mut answer = Response::new(full(""));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, "Upgrade".parse().unwrap());
    headers.insert(UPGRADE, "websocket".parse().unwrap());
    answer
}

/// A client's end of a tunnel.
pub(crate) type Tunnel = TokioIo<Upgraded>;

/// A pod that becomes the end of a tunnel where it is asked to, and answers 200 elsewhere.
pub(crate) async fn echoing() -> Upstream {
    Upstream::serving(|mut request| {
        let asked = request.headers().contains_key(UPGRADE);
        let upgrade = hyper::upgrade::on(&mut request);
        async move {
            if !asked {
                return Response::new(full("http"));
            }
            tokio::spawn(echo(upgrade));
            switching()
        }
    })
    .await
}

/// Opens a tunnel through a proxy.
pub(crate) async fn tunnel(address: SocketAddr, host: &str) -> Tunnel {
    let headers = [
        ("host", host),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
    ];
    let mut client = Client::connect(address).await;
    let mut answer = client.begin(request(Method::GET, "/", &headers, "")).await;
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    let upgrade = hyper::upgrade::on(&mut answer);
    TokioIo::new(soon(upgrade).await.unwrap())
}

/// A pod's end: says everything louder, until the other side closes or says [`BYE`].
pub(crate) async fn echo(upgrade: OnUpgrade) {
    // A tunnel that does not come about is part of some tests.
    let Ok(io) = upgrade.await else { return };
    let (mut io, mut buffer) = (TokioIo::new(io), [0; 1024]);
    while let Ok(read @ 1..) = io.read(&mut buffer).await {
        let heard = &buffer[..read];
        if io.write_all(&heard.to_ascii_uppercase()).await.is_err()
            || heard.ends_with(BYE.as_bytes())
        {
            return;
        }
    }
}

/// A client's end: is silent for a while, speaks, listens as long as an echo takes (to the end
/// after [`BYE`]), and closes; what it heard.
pub(crate) async fn talk(upgrade: OnUpgrade, silence: Duration, says: &str) -> String {
    let mut io = TokioIo::new(soon(upgrade).await.unwrap());
    sleep(silence).await;
    io.write_all(says.as_bytes()).await.unwrap();
    let mut heard = vec![0; says.len()];
    soon(io.read_exact(&mut heard)).await.unwrap();
    if says.ends_with(BYE) {
        soon(io.read_to_end(&mut heard)).await.unwrap();
    }
    String::from_utf8(heard).unwrap()
}
