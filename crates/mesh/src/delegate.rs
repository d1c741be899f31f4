//! Rules that stand in another object: a rule that delegates is replaced by the delegate's rules.

mod refine;

use std::borrow::Cow;

use crate::model::{Delegate, Destination, HttpRoute, VirtualService};
use crate::names;
use crate::precedence::{MESH, is_seen};

/// A rule where it takes effect, and where it is written.
#[derive(Debug, Clone)]
pub struct Placed<'a> {
    /// The object it is written in.
    pub object: &'a VirtualService,
    /// Its place among that object's rules.
    pub index: usize,
    /// What it says.
    pub rule: Cow<'a, HttpRoute>,
}

/// The rules of an object in order, those of its delegates in the place of those that delegate.
///
/// Istio: a rule whose delegate is missing or not exported is skipped alone, and so is a rule of the
/// delegate that is no refinement of the one it stands in for; `problems` tells of both.
pub fn rules<'a>(
    object: &'a VirtualService,
    objects: &'a [VirtualService],
    problems: &mut Vec<String>,
) -> Vec<Placed<'a>> {
    let mut rules = Vec::new();
    for (index, rule) in object.spec.http.iter().enumerate() {
        let own = Placed {
            object,
            index,
            rule: Cow::Borrowed(rule),
        };
        let Some(written) = &rule.delegate else {
            rules.push(own);
            continue;
        };
        match find(written, object, objects) {
            Ok(delegate) => rules.extend(merged(&own, delegate, problems)),
            Err(why) => problems.push(own.left_out(&why)),
        }
    }
    rules
}

/// The object with the rules of its delegates in it, for those who read objects.
pub fn resolved<'a>(
    object: &'a VirtualService,
    objects: &'a [VirtualService],
) -> Cow<'a, VirtualService> {
    if object.spec.http.iter().all(|rule| rule.delegate.is_none()) {
        return Cow::Borrowed(object);
    }
    let rules = rules(object, objects, &mut Vec::new());
    let mut resolved = object.clone();
    resolved.spec.http = rules
        .into_iter()
        .map(|placed| placed.rule.into_owned())
        .collect();
    Cow::Owned(resolved)
}

impl Placed<'_> {
    /// That the rule does not count, and why.
    pub(crate) fn left_out(&self, why: &str) -> String {
        let (object, index) = (self.object.id(), self.index);
        format!("virtual service {object}: http[{index}] is left out: {why}")
    }
}

/// Istio: only an object without hosts is a delegate, and its `exportTo` must name the namespace of
/// the object that delegates.
fn find<'a>(
    written: &Delegate,
    root: &VirtualService,
    objects: &'a [VirtualService],
) -> Result<&'a VirtualService, String> {
    let own = root.metadata.namespace.as_str();
    let namespace = match written.namespace.as_str() {
        "" => own,
        namespace => namespace,
    };
    let mut delegates = objects
        .iter()
        .filter(|object| object.spec.hosts.is_empty() && object.metadata.name == written.name);
    let found = delegates.find(|object| object.metadata.namespace == namespace);
    let name = || {
        format!(
            "delegate virtual service {namespace}/{} of {}",
            written.name,
            root.id()
        )
    };
    let found = found.ok_or_else(|| format!("{} not found", name()))?;
    match is_seen(&found.spec.export_to, namespace, own) {
        true => Ok(found),
        false => Err(format!("{} is not exported to {own}", name())),
    }
}

fn merged<'a>(
    root: &Placed<'_>,
    delegate: &'a VirtualService,
    problems: &mut Vec<String>,
) -> Vec<Placed<'a>> {
    let outer = qualified(&root.rule, &root.object.metadata.namespace);
    let mut rules = Vec::new();
    for (index, rule) in delegate.spec.http.iter().enumerate() {
        let inner = qualified(rule, &delegate.metadata.namespace);
        let placed = Placed {
            object: delegate,
            index,
            rule: Cow::Borrowed(rule),
        };
        if rule.delegate.is_some() {
            problems.push(placed.left_out("a delegate cannot delegate"));
            continue;
        }
        match refine::matches(&outer.matches, &inner.matches) {
            Some(matches) => rules.push(Placed {
                rule: Cow::Owned(inherit(&outer, HttpRoute { matches, ..inner })),
                ..placed
            }),
            None => problems.push(placed.left_out(&format!(
                "its match is no refinement of that of http[{}] of {}",
                root.index,
                root.object.id()
            ))),
        }
    }
    rules
}

/// What the delegate's rule leaves open comes from the rule it stands in for.
fn inherit(outer: &HttpRoute, inner: HttpRoute) -> HttpRoute {
    HttpRoute {
        name: joined(&outer.name, &inner.name),
        rewrite: inner.rewrite.or_else(|| outer.rewrite.clone()),
        direct_response: inner
            .direct_response
            .or_else(|| outer.direct_response.clone()),
        timeout: inner.timeout.or(outer.timeout),
        retries: inner.retries.or_else(|| outer.retries.clone()),
        fault: inner.fault.or_else(|| outer.fault.clone()),
        mirror: inner.mirror.or_else(|| outer.mirror.clone()),
        mirror_percent: inner.mirror_percent.or(outer.mirror_percent),
        mirror_percentage: inner.mirror_percentage.or(outer.mirror_percentage),
        mirrors: match inner.mirrors.is_empty() {
            true => outer.mirrors.clone(),
            false => inner.mirrors,
        },
        cors_policy: inner.cors_policy.or_else(|| outer.cors_policy.clone()),
        headers: inner.headers.or_else(|| outer.headers.clone()),
        ..inner
    }
}

/// Both names, where there are two.
fn joined(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        (outer, "") => outer.to_owned(),
        ("", inner) => inner.to_owned(),
        (outer, inner) => format!("{outer}-{inner}"),
    }
}

/// The rule with its short names written out, so that it means the same in another namespace.
fn qualified(rule: &HttpRoute, namespace: &str) -> HttpRoute {
    let mut rule = rule.clone();
    let routes = rule.route.iter_mut().map(|route| &mut route.destination);
    let mirrors = rule.mirrors.iter_mut().map(|it| &mut it.destination);
    let destinations: Vec<&mut Destination> =
        routes.chain(mirrors).chain(&mut rule.mirror).collect();
    for destination in destinations {
        destination.host = names::fqdn(&destination.host, namespace);
    }
    let gateways = rule
        .matches
        .iter_mut()
        .flat_map(|entry| &mut entry.gateways);
    for gateway in gateways.filter(|gateway| *gateway != MESH && !gateway.contains('/')) {
        *gateway = format!("{namespace}/{gateway}");
    }
    rule
}

#[cfg(test)]
mod tests;
