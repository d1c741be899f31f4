//! DestinationRules of one host in one namespace are merged: the oldest first.

use std::collections::BTreeSet;

use super::{by_age, visibility};
use crate::model::{DestinationRule, Subset};
use crate::names;
use crate::registry::Client;

/// The DestinationRule that rules `host` (FQDN, a service of `service_namespace`) for `client`.
///
/// Istio: that of the client's namespace, else of the service's, else of the root namespace;
/// objects elsewhere have no effect. Those of the namespace found are merged.
pub fn destination_rule(
    objects: &[DestinationRule],
    host: &str,
    service_namespace: &str,
    client: &Client,
) -> Option<DestinationRule> {
    let candidates = destination_rules(objects, host, service_namespace, client);
    let (oldest, others) = candidates.split_first()?;
    let selects = |rule: &DestinationRule| rule.spec.workload_selector.is_some();
    if selects(oldest) {
        return Some((*oldest).clone());
    }
    let exports =
        |rule: &DestinationRule| rule.spec.export_to.iter().cloned().collect::<BTreeSet<_>>();
    // Istio: rules with different exportTo are not merged; the newest of them is used alone.
    match others.last() {
        Some(newest) if others.iter().any(|other| exports(other) != exports(oldest)) => {
            Some((*newest).clone())
        }
        _ => Some(merge(oldest, others)),
    }
}

/// All DestinationRules that take part in ruling `host`, the strongest first.
pub fn destination_rules<'a>(
    objects: &'a [DestinationRule],
    host: &str,
    service_namespace: &str,
    client: &Client,
) -> Vec<&'a DestinationRule> {
    let lookup = [
        client.namespace.as_str(),
        service_namespace,
        names::ROOT_NAMESPACE,
    ];
    let found = lookup
        .iter()
        .map(|namespace| of_namespace(objects, host, namespace, client));
    found
        .into_iter()
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// Those of one namespace with the most specific host.
fn of_namespace<'a>(
    objects: &'a [DestinationRule],
    host: &str,
    namespace: &str,
    client: &Client,
) -> Vec<&'a DestinationRule> {
    let resolved = |rule: &DestinationRule| names::fqdn(&rule.spec.host, namespace);
    let mut rules: Vec<_> = objects
        .iter()
        .filter(|rule| rule.metadata.namespace == namespace && names::covers(&resolved(rule), host))
        .filter(|rule| visibility(&rule.spec.export_to, namespace, &client.namespace).is_some())
        .filter(|rule| selected(rule, client))
        .collect();
    let exact = rules.iter().any(|rule| resolved(rule) == host);
    let longest = rules.iter().map(|rule| resolved(rule).len()).max();
    rules.retain(|rule| match exact {
        true => resolved(rule) == host,
        false => Some(resolved(rule).len()) == longest,
    });
    let open = |rule: &DestinationRule| rule.spec.workload_selector.is_none();
    rules.sort_by(|a, b| {
        open(a)
            .cmp(&open(b))
            .then_with(|| by_age(&a.metadata, &b.metadata))
    });
    rules
}

/// Istio: a rule with a workloadSelector is for matching pods of its own namespace.
fn selected(rule: &DestinationRule, client: &Client) -> bool {
    rule.spec.workload_selector.as_ref().is_none_or(|selector| {
        rule.metadata.namespace == client.namespace
            && selector
                .match_labels
                .iter()
                .all(|(key, value)| client.labels.get(key) == Some(value))
    })
}

/// Istio: the first policy as a whole, the first subset of each name.
fn merge(oldest: &DestinationRule, others: &[&DestinationRule]) -> DestinationRule {
    let mut merged = oldest.clone();
    for other in others {
        let known = |subset: &&Subset| {
            !merged
                .spec
                .subsets
                .iter()
                .any(|own| own.name == subset.name)
        };
        let new: Vec<Subset> = other.spec.subsets.iter().filter(known).cloned().collect();
        merged.spec.subsets.extend(new);
        if merged.spec.traffic_policy.is_none() {
            merged
                .spec
                .traffic_policy
                .clone_from(&other.spec.traffic_policy);
        }
    }
    merged
}
