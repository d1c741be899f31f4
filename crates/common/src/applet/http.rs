//! One HTTP request and its answer.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use crate::outbound::Resolve;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The address is none that can be asked, and why.
    Address(String),
    /// No such name.
    Unknown(String),
    /// Nobody listens.
    Refused(String, u16),
    /// The connection ended before an answer.
    Empty,
    /// Anything else.
    Broken(String),
}

/// An answer, and what keeps its connection going.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    pub(super) peer: SocketAddr,
    _connection: AbortOnDropHandle<()>,
}

/// Host and port of an address as typed; `http://` may be missing.
pub(super) fn address(text: &str) -> Result<Uri, Failure> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let uri: Uri = whole.parse().map_err(|_| {
        Failure::Address("URL rejected: Malformed input to a URL function".to_owned())
    })?;
    match uri.scheme_str() {
        Some("http") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        Some("http") => Err(Failure::Address(
            "URL rejected: No host part in the URL".to_owned(),
        )),
        other => Err(Failure::Address(format!(
            "Protocol \"{}\" not supported",
            other.unwrap_or_default()
        ))),
    }
}

/// What leads nowhere: a name that is not known, or a known one at whose port nobody listens. An
/// address needs no name to be found.
fn unreachable(host: &str, port: u16, why: ErrorKind) -> Failure {
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if is_address || why == ErrorKind::ConnectionRefused {
        Failure::Refused(host.to_owned(), port)
    } else {
        Failure::Unknown(host.to_owned())
    }
}

/// Sends a request whose URI is whole.
pub(super) async fn send(
    mut request: Request<Full<Bytes>>,
    resolve: &dyn Resolve,
) -> Result<Answer, Failure> {
    let uri = request.uri().clone();
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    let known = resolve.resolve(host, port).await;
    let to = known.map_err(|error| unreachable(host, port, error.kind()))?;
    let connected = TcpStream::connect(&to[..]).await;
    let stream = connected.map_err(|_| Failure::Refused(host.to_owned(), port))?;
    let peer = stream
        .peer_addr()
        .map_err(|error| Failure::Broken(error.to_string()))?;
    if !request.headers().contains_key(HOST) {
        let authority = uri.authority().map_or(host, |it| it.as_str());
        let value = authority
            .parse()
            .map_err(|_| Failure::Address("URL rejected: Bad hostname".to_owned()))?;
        request.headers_mut().insert(HOST, value);
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path
        .parse()
        .map_err(|_| Failure::Address("URL rejected".to_owned()))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let connection = AbortOnDropHandle::new(tokio::spawn(async move {
        let _ = connection.await;
    }));
    let response = sender.send_request(request).await.map_err(broken)?;
    Ok(Answer {
        response,
        peer,
        _connection: connection,
    })
}

fn broken(error: hyper::Error) -> Failure {
    if error.is_incomplete_message() || error.is_canceled() {
        Failure::Empty
    } else {
        Failure::Broken(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_leads_nowhere_is_refused_and_a_name_is_unknown() {
        for (host, why) in [
            ("10.255.1.1", ErrorKind::NotFound),
            ("[fd00::1]", ErrorKind::NotFound),
            ("movie-service", ErrorKind::ConnectionRefused),
        ] {
            let failure = unreachable(host, 80, why);
            assert!(matches!(failure, Failure::Refused(_, 80)), "{failure:?}");
        }
        let nowhere = unreachable("nowhere", 80, ErrorKind::NotFound);
        assert!(matches!(nowhere, Failure::Unknown(_)), "{nowhere:?}");
    }
}
