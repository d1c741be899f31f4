//! One request from its arrival to its answer:
//! virtual host → route → weighted cluster → fault → cors → tries, and copies for mirrors.

mod changes;
mod route;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, Response, Version};
use mesh::local_reply::{Flags, Reason, local_reply};

use changes::Changes;

use crate::body::ResponseBody;
use crate::headers::{client_of, prepare_request};
use crate::listen::Door;
use crate::log::Record;
use crate::proxy::Inner;
use crate::reply::{Style, respond};
use crate::upgrade::Wish;
use crate::upload::BrokenOff;
use crate::way::{Way, authority, way};

/// A request on its way, and what has been learnt about it.
pub(crate) struct Exchange<'a> {
    pub(crate) proxy: &'a Inner,
    /// Where the request came in, and where what outlives it runs.
    pub(crate) door: &'a Arc<Door>,
    pub(crate) flags: Flags,
    pub(crate) record: Option<Box<Record>>,
    /// The client.
    pub(crate) peer: SocketAddr,
    /// What it wants its connection to become.
    pub(crate) wish: Wish,
    style: Style,
}

/// What a client gets: an answer, or nothing because it has left.
pub(crate) type Answered = Result<Response<ResponseBody>, Gone>;

/// The client left before its answer began: its connection is closed, and nobody is answered.
#[derive(Debug)]
pub(crate) struct Gone;

impl std::error::Error for Gone {}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client left before its request was complete")
    }
}

/// Answers one request.
pub(crate) async fn exchange(
    door: &Arc<Door>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
    wish: Wish,
) -> Answered {
    let proxy = &*door.proxy;
    let authority = authority(&request);
    let mut exchange = Exchange::new(door, peer, &request, authority.as_deref(), wish);
    if request.version() == Version::HTTP_10 {
        return Ok(exchange.local(&Reason::UpgradeRequired));
    }
    let Some(authority) = authority else {
        return Ok(exchange.local(&Reason::BadRequest));
    };
    // Envoy: only a route that says so takes a CONNECT.
    if request.method() == Method::CONNECT {
        return Ok(exchange.nowhere());
    }
    prepare_request(
        request.headers_mut(),
        proxy.settings.role,
        peer.ip(),
        &proxy.chance,
        wish,
    );
    if let Some(record) = &mut exchange.record {
        record.prepared(request.headers());
    }
    let snapshot = proxy.snapshot.load_full();
    match way(&snapshot, &door.listen, &mut request, &authority) {
        Way::Nowhere => Ok(exchange.nowhere()),
        Way::Passthrough(address) => exchange.pass_through(address, request).await,
        Way::Route(route) => exchange.follow(route, &snapshot, request, &authority).await,
    }
}

impl<'a> Exchange<'a> {
    fn new(
        door: &'a Arc<Door>,
        peer: SocketAddr,
        request: &Request<Incoming>,
        authority: Option<&str>,
        wish: Wish,
    ) -> Self {
        let proxy = &*door.proxy;
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .map(|value| value.as_bytes());
        let style = Style {
            role: proxy.settings.role,
            head: request.method() == Method::HEAD,
            grpc: content_type.is_some_and(|kind| kind.starts_with(b"application/grpc")),
        };
        let forwarded = client_of(request.headers(), proxy.settings.role);
        let remote = forwarded.unwrap_or_else(|| proxy.peer_as_shown(peer));
        let record = |log: &Arc<_>| {
            let authority = authority.unwrap_or_default();
            Box::new(Record::new(
                Arc::clone(log),
                request,
                authority,
                door.listen.address,
                remote,
            ))
        };
        let record = proxy.settings.access_log.as_ref().map(record);
        Self {
            proxy,
            door,
            flags: Flags::none(),
            record,
            peer: remote,
            wish,
            style,
        }
    }

    /// The exchange of a copy: nobody reads its answer, and no line is written.
    pub(crate) fn of_copy(door: &'a Arc<Door>, peer: SocketAddr) -> Self {
        let proxy = &*door.proxy;
        let style = Style {
            role: proxy.settings.role,
            head: false,
            grpc: false,
        };
        Self {
            proxy,
            door,
            flags: Flags::none(),
            record: None,
            peer,
            wish: Wish::Http,
            style,
        }
    }

    /// No route leads anywhere.
    fn nowhere(self) -> Response<ResponseBody> {
        if self.wish == Wish::Unknown {
            return self.local(&Reason::UpgradeFailed);
        }
        self.door.stats.no_route.add();
        self.local(&Reason::NoRoute)
    }

    /// A reply to a request without a route.
    fn local(self, reason: &Reason) -> Response<ResponseBody> {
        respond(
            &local_reply(reason),
            &self.style,
            self.flags,
            self.record,
            |_| {},
        )
    }

    /// A reply on a route, which changes its headers.
    fn reply(self, reason: &Reason, changes: &Changes) -> Response<ResponseBody> {
        let change = |headers: &mut HeaderMap| changes.apply(headers);
        respond(
            &local_reply(reason),
            &self.style,
            self.flags,
            self.record,
            change,
        )
    }

    /// The client's body broke off. Envoy: no upstream failed; a client that left is logged as that.
    fn broken_off(self, how: BrokenOff) -> Answered {
        match how {
            BrokenOff::Gone => Err(Gone),
            BrokenOff::Malformed => Ok(self.local(&Reason::Malformed)),
        }
    }

    /// Hands an upstream's answer on.
    fn answered(
        self,
        response: Response<ResponseBody>,
        change: impl FnOnce(&mut HeaderMap),
    ) -> Response<ResponseBody> {
        let (mut parts, body) = response.into_parts();
        change(&mut parts.headers);
        let mut record = self.record;
        if let Some(record) = &mut record {
            record.answered(
                parts.status.as_u16(),
                &parts.headers,
                self.flags,
                body.details(),
            );
        }
        Response::from_parts(parts, body.recorded(record))
    }
}
