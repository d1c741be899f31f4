//! A VirtualService → the routes of one proxy at one port.

use std::borrow::Cow;
use std::sync::Arc;

use super::destinations::{destinations, hashes, mirrors};
use crate::config::{Action, Forward, HashPolicy, Route, WeightedCluster};
use crate::cors::Cors;
use crate::delegate;
use crate::fault::Fault;
use crate::headers::{HeaderOps, InvalidHeader};
use crate::matching::{InvalidPattern, RouteMatch};
use crate::model::{HttpMatch, HttpRoute, VirtualService};
use crate::precedence::{MESH, bound_to};
use crate::redirect::Redirect;
use crate::registry::{Client, Network, World};
use crate::retry::RetryPolicy;
use crate::rewrite::Rewrite;
use crate::weights::{Weighted, ZeroTotal};

/// For whom routes are made.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) client: &'a Client,
    /// `mesh`, or the gateway as `namespace/name`.
    pub(super) gateway: &'a str,
    /// Port of the listener.
    pub(super) port: u16,
}

/// Why a rule cannot be obeyed; validation refuses such objects, files may still hold them.
#[derive(Debug, thiserror::Error)]
pub(super) enum Invalid {
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    #[error(transparent)]
    Weights(#[from] ZeroTotal),
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    #[error("redirectCode must be one of 301, 302, 303, 307, 308")]
    RedirectCode,
    #[error("status {0} is out of range")]
    Status(u32),
}

/// The routes in order; generation stops at the first that takes everything.
///
/// Rules that cannot be obeyed are left out and told in `problems`.
pub(super) fn routes(
    object: &VirtualService,
    scope: Scope<'_>,
    problems: &mut Vec<String>,
) -> Vec<Arc<Route>> {
    let mut routes = Vec::new();
    for placed in delegate::rules(object, scope.world.virtual_services, problems) {
        for entry in entries(&placed.rule)
            .iter()
            .filter(|entry| applies(entry, placed.object, scope))
        {
            match route(placed.object, &placed.rule, entry, scope) {
                Ok(route) => {
                    let last = route.matches.is_catch_all();
                    routes.push(Arc::new(route));
                    if last {
                        return routes;
                    }
                }
                Err(error) => problems.push(placed.left_out(&error.to_string())),
            }
        }
    }
    routes
}

/// What [`routes`] would leave out for whoever asks, so that its author hears of it when writing it.
pub fn left_out(object: &VirtualService) -> Vec<String> {
    let (client, network) = (Client::default(), Network::Single);
    let world = World {
        services: &[],
        virtual_services: &[],
        destination_rules: &[],
        network: &network,
    };
    let scope = Scope {
        world: &world,
        client: &client,
        gateway: MESH,
        port: 80,
    };
    let fault = |rule: &HttpRoute| {
        let entries = entries(rule);
        let mut faults = entries
            .iter()
            .map(|entry| route(object, rule, entry, scope).err());
        faults.find_map(|fault| fault)
    };
    let rules = object.spec.http.iter().enumerate();
    rules
        .filter(|(_, rule)| rule.delegate.is_none())
        .filter_map(|(index, rule)| Some((index, fault(rule)?)))
        .map(|(index, error)| {
            format!("spec.http[{index}] cannot be obeyed by the lab and is left out: {error}")
        })
        .collect()
}

/// The route of a service without a VirtualService.
pub(super) fn default_route(cluster: String, hash: Option<HashPolicy>) -> Arc<Route> {
    let cluster = WeightedCluster {
        cluster: cluster.into(),
        headers: HeaderOps::default(),
    };
    Arc::new(Route {
        name: "default".into(),
        matches: RouteMatch::default(),
        fault: Fault::default(),
        action: Action::Forward(Box::new(Forward {
            destinations: Weighted::single(cluster),
            timeout: None,
            retry: Some(RetryPolicy::default()),
            rewrite: None,
            hash: hash.into_iter().collect(),
            cors: None,
            mirrors: Vec::new(),
        })),
        headers: HeaderOps::default(),
    })
}

fn entries(rule: &HttpRoute) -> Cow<'_, [HttpMatch]> {
    if rule.matches.is_empty() {
        Cow::Owned(vec![HttpMatch::default()])
    } else {
        Cow::Borrowed(&rule.matches)
    }
}

/// Istio drops entries at generation by listener port, gateway and client; the conditions on the
/// client only count where the entry names no gateways.
fn applies(entry: &HttpMatch, object: &VirtualService, scope: Scope<'_>) -> bool {
    if entry.port.is_some_and(|port| port != scope.port) {
        return false;
    }
    if !entry.gateways.is_empty() {
        return bound_to(&entry.gateways, scope.gateway, &object.metadata.namespace);
    }
    let labels = &scope.client.labels;
    entry
        .source_labels
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
        && (entry.source_namespace.is_empty() || entry.source_namespace == scope.client.namespace)
}

fn route(
    object: &VirtualService,
    rule: &HttpRoute,
    entry: &HttpMatch,
    scope: Scope<'_>,
) -> Result<Route, Invalid> {
    let matches = RouteMatch::compile(entry)?;
    let mut headers = HeaderOps::compile(rule.headers.as_ref())?;
    Ok(Route {
        name: match entry.name.as_str() {
            "" => rule.name.as_str().into(),
            name => format!("{}.{name}", rule.name).into(),
        },
        action: action(object, rule, &matches, &mut headers, scope)?,
        fault: rule.fault.as_ref().map(Fault::from).unwrap_or_default(),
        matches,
        headers,
    })
}

fn action(
    object: &VirtualService,
    rule: &HttpRoute,
    matches: &RouteMatch,
    headers: &mut HeaderOps,
    scope: Scope<'_>,
) -> Result<Action, Invalid> {
    if let Some(redirect) = &rule.redirect {
        return Redirect::compile(redirect)
            .map(Action::Redirect)
            .ok_or(Invalid::RedirectCode);
    }
    if let Some(response) = &rule.direct_response {
        let body = response.body.as_ref();
        let body = body.map_or(&[][..], |body| match &body.bytes {
            Some(bytes) => &bytes.0,
            None => body.string.as_bytes(),
        });
        let status =
            u16::try_from(response.status).map_err(|_| Invalid::Status(response.status))?;
        return Ok(Action::Respond {
            status,
            body: body.into(),
        });
    }
    let rewrite = rule
        .rewrite
        .as_ref()
        .map(|rewrite| Rewrite::compile(rewrite, &matches.uri));
    let hash = hashes(object, rule, scope);
    let mut retry = RetryPolicy::compile(rule.retries.as_ref());
    // Istio: the only destination's hash says where every try goes.
    if let ([_], [_], None, Some(retry)) = (&*rule.route, &*hash, &rule.retries, &mut retry) {
        retry.repicks = 0;
    }
    Ok(Action::Forward(Box::new(Forward {
        destinations: destinations(object, rule, headers, scope)?,
        timeout: rule.timeout.map(|timeout| timeout.0),
        retry,
        rewrite: rewrite.transpose()?,
        hash,
        cors: rule.cors_policy.as_ref().map(Cors::compile).transpose()?,
        mirrors: mirrors(object, rule, scope),
    })))
}
