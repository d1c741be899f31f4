//! Where a request goes: Host → virtual host → route, and what the route makes of the request.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::HOST;
use mesh::config::{Action, Forward, Route, UnknownHost};
use mesh::local_reply::Reason;
use mesh::matching::{self, normalize};

use crate::headers::{ORIGINAL_PATH, rewrite_host};
use crate::proxy::{Listen, Snapshot};

/// Where a request goes.
pub(crate) enum Way {
    Route(Arc<Route>),
    Passthrough(SocketAddr),
    Nowhere,
}

/// The Host that counts: RFC 9112, 3.2.2: that of an absolute request target goes first.
pub(crate) fn authority(request: &Request<Incoming>) -> Option<String> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str().to_owned());
    }
    request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .map(str::to_owned)
}

/// Finds the route; the request leaves with its path normalized.
pub(crate) fn way(
    snapshot: &Snapshot,
    listen: &Listen,
    request: &mut Request<Incoming>,
    authority: &str,
) -> Way {
    let Some(table) = snapshot.config.routes.get(&listen.routes) else {
        return Way::Nowhere;
    };
    set_path(request, |path| match normalize(path) {
        Cow::Borrowed(_) => None,
        Cow::Owned(normal) => Some(normal),
    });
    let Some(host) = table.virtual_host(authority) else {
        return match (table.unknown_host, listen.address) {
            (UnknownHost::Passthrough, Some(address)) => Way::Passthrough(address),
            _ => Way::Nowhere,
        };
    };
    let view = matching::Request {
        method: request.method().as_str(),
        scheme: "http",
        authority,
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
    };
    let route = host
        .routes
        .iter()
        .find(|route| route.matches.matches(&view));
    route.cloned().map_or(Way::Nowhere, Way::Route)
}

/// What a route answers itself.
pub(crate) fn answer(action: &Action, request: &Request<Incoming>, authority: &str) -> Reason {
    match action {
        Action::Redirect(redirect) => {
            let path = request
                .uri()
                .path_and_query()
                .map_or("/", |path| path.as_str());
            Reason::Redirect {
                status: redirect.status,
                location: redirect.location("http", authority, path),
            }
        }
        Action::Respond { status, body } => Reason::Direct {
            status: *status,
            body: body.to_vec().into(),
        },
        Action::Forward(_) => Reason::NoRoute,
    }
}

/// Changes path and authority as the route says, and tells the upstream what they were.
pub(crate) fn rewrite(request: &mut Request<Incoming>, forward: &Forward) {
    let Some(rewrite) = &forward.rewrite else {
        return;
    };
    if rewrite.changes_path() {
        let original = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        if let Ok(original) = original.parse() {
            request.headers_mut().insert(ORIGINAL_PATH, original);
        }
        set_path(request, |path| Some(rewrite.path(path).into_owned()));
    }
    if let Some(host) = &rewrite.authority {
        rewrite_host(request.headers_mut(), host);
    }
}

/// Replaces the path, keeping the query; what is no path leaves it as it was.
fn set_path(request: &mut Request<Incoming>, change: impl FnOnce(&str) -> Option<String>) {
    let Some(mut path) = change(request.uri().path()) else {
        return;
    };
    if let Some(query) = request.uri().query() {
        path.push('?');
        path.push_str(query);
    }
    if let Ok(uri) = path.parse() {
        *request.uri_mut() = uri;
    }
}
