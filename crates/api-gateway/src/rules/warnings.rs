//! What a reader of the rules should know beside the figures.

use std::collections::BTreeSet;

use mesh::model::{Metadata, VirtualService};
use mesh::{delegate, names, precedence, summary};

use super::objects::{Refused, RuleObjects};
use super::{NAMESPACE, gateway};
use crate::theater::Service;

/// The warnings about the rules of one service, in a fixed order.
pub(super) fn warnings(objects: &RuleObjects, service: Service, host: &str) -> Vec<String> {
    let mut all = unreadable(objects, service);
    let Some(known) = &objects.virtual_services else {
        return all;
    };
    let ranked = precedence::virtual_services(&known.parsed, host, NAMESPACE);
    let Some((effective, shadowed)) = ranked.split_first() else {
        all.push("no VirtualService names this service: the balancer decides".to_owned());
        return all;
    };
    all.extend(shadowed.iter().map(|other| {
        let (name, winner) = (&other.metadata.name, &effective.metadata.name);
        format!("VirtualService {name} has no effect: {winner} rules this host")
    }));
    // Rules whose delegates do not fit are told as the compiler tells them.
    delegate::rules(effective, &known.parsed, &mut all);
    let effective = delegate::resolved(effective, &known.parsed);
    all.extend(about_weights(&effective));
    all.extend(about_subsets(objects, &effective, host));
    all
}

fn unreadable(objects: &RuleObjects, service: Service) -> Vec<String> {
    let rules = objects.virtual_services.iter().flat_map(|it| &it.refused);
    let policies = objects.destination_rules.iter().flat_map(|it| &it.refused);
    let about = |refused: &&Refused| {
        refused
            .hosts
            .iter()
            .any(|host| host.starts_with(service.name()))
    };
    rules
        .chain(policies)
        .filter(about)
        .map(|refused| refused.error.clone())
        .collect()
}

fn about_weights(object: &VirtualService) -> Vec<String> {
    let Some(summary) = summary::summary(object) else {
        // Envoy: a request that no route takes is answered 404.
        return vec!["every rule has a condition: other requests get 404 (NR)".to_owned()];
    };
    if summary.weights.is_empty() {
        return vec!["the rule answers or redirects by itself, it routes to no pod".to_owned()];
    }
    let total: u64 = summary
        .weights
        .iter()
        .map(|weight| u64::from(weight.weight))
        .sum();
    let without = summary.weights.iter().any(|weight| weight.subset.is_none());
    let mut all = Vec::new();
    if total != 100 {
        all.push(format!(
            "the weights sum to {total}; shares are computed from them"
        ));
    }
    if without {
        all.push("a route names no subset: for its requests the balancer decides".to_owned());
    }
    all
}

/// Istio: of several DestinationRules for one host the oldest wins silently; a subset that none of
/// them defines has no cluster, and its requests are answered 503.
fn about_subsets(objects: &RuleObjects, effective: &VirtualService, host: &str) -> Vec<String> {
    let Some(known) = &objects.destination_rules else {
        return Vec::new();
    };
    let client = gateway();
    let ranked = precedence::destination_rules(&known.parsed, host, NAMESPACE, &client);
    let mut all = Vec::new();
    if let [first, _, ..] = ranked.as_slice() {
        let names: Vec<&str> = ranked.iter().map(|it| &*it.metadata.name).collect();
        let (names, winner) = (names.join(", "), &first.metadata.name);
        all.push(format!(
            "DestinationRules {names} name this host: {winner} is the oldest and wins"
        ));
    }
    let merged = precedence::destination_rule(&known.parsed, host, NAMESPACE, &client);
    let defined: BTreeSet<String> = merged
        .into_iter()
        .flat_map(|rule| rule.spec.subsets)
        .map(|subset| subset.name)
        .collect();
    let missing = used_subsets(effective, host);
    all.extend(missing.difference(&defined).map(|subset| {
        format!("subset {subset} is in no DestinationRule: its requests get 503 (NC)")
    }));
    all
}

fn used_subsets(object: &VirtualService, host: &str) -> BTreeSet<String> {
    let own =
        |metadata: &Metadata, written: &str| names::fqdn(written, &metadata.namespace) == host;
    object
        .spec
        .http
        .iter()
        .flat_map(|rule| &rule.route)
        .map(|route| &route.destination)
        .filter(|to| own(&object.metadata, &to.host) && !to.subset.is_empty())
        .map(|to| to.subset.clone())
        .collect()
}
