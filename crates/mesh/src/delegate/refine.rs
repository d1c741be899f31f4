//! Conditions of a delegate: each must narrow a condition of the rule it stands in for.

use std::collections::BTreeMap;

use super::joined;
use crate::model::{HttpMatch, StringMatch};

/// The conditions that hold together; none where some of the delegate's fit none of the root's.
///
/// Istio: one entry for every pair that fits.
pub(super) fn matches(root: &[HttpMatch], delegate: &[HttpMatch]) -> Option<Vec<HttpMatch>> {
    if root.is_empty() || delegate.is_empty() {
        let given = if root.is_empty() { delegate } else { root };
        return Some(given.to_vec());
    }
    let mut merged = Vec::new();
    for inner in delegate {
        let fitting = root.iter().filter(|outer| !conflict(outer, inner));
        let before = merged.len();
        merged.extend(fitting.map(|outer| both(outer, inner)));
        if merged.len() == before {
            return None;
        }
    }
    Some(merged)
}

fn both(outer: &HttpMatch, inner: &HttpMatch) -> HttpMatch {
    let or = |inner: &Option<StringMatch>, outer: &Option<StringMatch>| {
        inner.clone().or_else(|| outer.clone())
    };
    let given = |inner: &str, outer: &str| match inner {
        "" => outer.to_owned(),
        inner => inner.to_owned(),
    };
    HttpMatch {
        name: joined(&outer.name, &inner.name),
        uri: or(&inner.uri, &outer.uri),
        scheme: or(&inner.scheme, &outer.scheme),
        method: or(&inner.method, &outer.method),
        authority: or(&inner.authority, &outer.authority),
        headers: union(&outer.headers, &inner.headers),
        without_headers: union(&outer.without_headers, &inner.without_headers),
        query_params: union(&outer.query_params, &inner.query_params),
        port: inner.port.or(outer.port),
        source_labels: union(&outer.source_labels, &inner.source_labels),
        source_namespace: given(&inner.source_namespace, &outer.source_namespace),
        gateways: match inner.gateways.is_empty() {
            true => outer.gateways.clone(),
            false => inner.gateways.clone(),
        },
        ignore_uri_case: inner.ignore_uri_case,
    }
}

fn union<T: Clone>(
    outer: &BTreeMap<String, T>,
    inner: &BTreeMap<String, T>,
) -> BTreeMap<String, T> {
    let pairs = outer.iter().chain(inner);
    pairs
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn conflict(outer: &HttpMatch, inner: &HttpMatch) -> bool {
    let texts = [
        (&outer.uri, &inner.uri),
        (&outer.scheme, &inner.scheme),
        (&outer.method, &inner.method),
        (&outer.authority, &inner.authority),
    ];
    let maps = [
        (&outer.headers, &inner.headers),
        (&outer.without_headers, &inner.without_headers),
        (&outer.query_params, &inner.query_params),
    ];
    let both_ports = outer.port.zip(inner.port);
    texts
        .iter()
        .any(|(outer, inner)| texts_conflict(outer.as_ref(), inner.as_ref()))
        || maps.iter().any(|(outer, inner)| {
            let conflicts = |(name, text)| texts_conflict(outer.get(name), Some(text));
            inner.iter().any(conflicts)
        })
        || outer.ignore_uri_case != inner.ignore_uri_case
        || both_ports.is_some_and(|(outer, inner)| outer != inner)
        || sources_conflict(outer, inner)
}

/// Istio: the client's namespace must be said again, labels must not contradict, and gateways must
/// be among those of the root.
fn sources_conflict(outer: &HttpMatch, inner: &HttpMatch) -> bool {
    let other_namespace =
        !outer.source_namespace.is_empty() && outer.source_namespace != inner.source_namespace;
    let contradicts = |(name, value): (&String, &String)| {
        let known = outer.source_labels.get(name);
        known.is_some_and(|known| known != value)
    };
    let both = !outer.gateways.is_empty() && !inner.gateways.is_empty();
    let beyond = |gateway: &String| !outer.gateways.contains(gateway);
    other_namespace
        || inner.source_labels.iter().any(contradicts)
        || both && (outer.gateways.len() < inner.gateways.len())
        || both && inner.gateways.iter().any(beyond)
}

/// Istio: an exact text narrows the same one or a prefix of it, a prefix narrows a shorter prefix; a
/// pattern goes with nothing. A matcher that asks for presence alone is narrowed by nothing.
fn texts_conflict(outer: Option<&StringMatch>, inner: Option<&StringMatch>) -> bool {
    let (Some(outer), Some(inner)) = (outer, inner) else {
        return false;
    };
    match (kind(outer), kind(inner)) {
        (Kind::Exact(outer), Kind::Exact(inner)) => outer != inner,
        (Kind::Prefix(outer), Kind::Prefix(inner) | Kind::Exact(inner)) => {
            !inner.starts_with(outer)
        }
        _ => true,
    }
}

enum Kind<'a> {
    Exact(&'a str),
    Prefix(&'a str),
    /// A pattern, or nothing.
    Other,
}

/// An empty text counts as not written.
fn kind(text: &StringMatch) -> Kind<'_> {
    let pattern = text.regex.as_ref().filter(|regex| !regex.is_empty());
    match (&text.exact, &text.prefix) {
        _ if pattern.is_some() => Kind::Other,
        (Some(exact), _) if !exact.is_empty() => Kind::Exact(exact),
        (_, Some(prefix)) if !prefix.is_empty() => Kind::Prefix(prefix),
        _ => Kind::Other,
    }
}
