//! The effective rule of a host, for people: weights, fault, names.

use std::time::Duration;

use serde::Serialize;

use crate::fault;
use crate::matching::RouteMatch;
use crate::model::{HttpRoute, Metadata, VirtualService};

/// What the rule without a match says.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The object it stands in.
    pub object: Metadata,
    /// Name of the rule; none when it has no name.
    pub rule: Option<String>,
    /// Destinations in the order written, equal ones added up; empty for a redirect or a direct answer.
    pub weights: Vec<SubsetWeight>,
    /// Injected delay.
    pub delay: Option<DelayFault>,
    /// Injected abort.
    pub abort: Option<AbortFault>,
}

/// The share of one destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubsetWeight {
    /// Host as written.
    pub host: String,
    /// Subset; none = the route names no subset and the balancer decides.
    pub subset: Option<String>,
    /// Weight as written; 100 for a single destination, whatever is written there.
    pub weight: u32,
    /// Share of the requests in percent: weight by sum of weights.
    pub percent: f64,
}

/// A delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DelayFault {
    /// How long.
    pub duration: Duration,
    /// On how many requests, in percent, as it takes effect (none written = 0).
    pub percent: f64,
}

/// An abort.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AbortFault {
    /// The status that a plain HTTP client sees.
    pub status: u16,
    /// On how many requests, in percent, as it takes effect (none written = 0).
    pub percent: f64,
}

/// The rule of a VirtualService that takes the requests no earlier rule asks for.
///
/// Found by meaning, not by its place: the first rule with no match, or with one that every request
/// meets. Istio generates nothing behind it. None when every rule has a condition.
pub fn summary(object: &VirtualService) -> Option<Summary> {
    let rule = object
        .spec
        .http
        .iter()
        .find(|rule| takes_everything(rule))?;
    let fault = rule
        .fault
        .as_ref()
        .map(fault::Fault::from)
        .unwrap_or_default();
    Some(Summary {
        object: object.metadata.clone(),
        rule: Some(rule.name.clone()).filter(|name| !name.is_empty()),
        weights: weights(rule),
        delay: fault.delay.map(|delay| DelayFault {
            duration: delay.duration,
            percent: delay.chance.as_percent(),
        }),
        abort: fault.abort.map(|abort| AbortFault {
            status: abort.status.http(),
            percent: abort.chance.as_percent(),
        }),
    })
}

impl Summary {
    /// The share of a subset in percent; 0 for one that has none, none where no subset is named.
    pub fn percent(&self, subset: &str) -> Option<f64> {
        let named = self.weights.iter().any(|weight| weight.subset.is_some());
        let of_subset = self
            .weights
            .iter()
            .filter(|weight| weight.subset.as_deref() == Some(subset));
        named.then(|| of_subset.map(|weight| weight.percent).sum())
    }
}

fn takes_everything(rule: &HttpRoute) -> bool {
    let everything = |entry| {
        let unconditional = RouteMatch::compile(entry).is_ok_and(|entry| entry.is_catch_all());
        unconditional && entry.source_labels.is_empty() && entry.port.is_none() && {
            entry.source_namespace.is_empty() && entry.gateways.is_empty()
        }
    };
    rule.matches.is_empty() || rule.matches.iter().any(everything)
}

fn weights(rule: &HttpRoute) -> Vec<SubsetWeight> {
    // Istio: a single destination ignores its weight.
    let written = |weight: i64| match rule.route.len() {
        1 => 100,
        _ => u32::try_from(weight).unwrap_or(0),
    };
    let total: u64 = rule
        .route
        .iter()
        .map(|route| u64::from(written(route.weight)))
        .sum();
    let mut weights: Vec<SubsetWeight> = Vec::new();
    for route in &rule.route {
        let (host, subset) = (&route.destination.host, &route.destination.subset);
        let subset = Some(subset.clone()).filter(|subset| !subset.is_empty());
        let weight = written(route.weight);
        let percent = 100.0 * f64::from(weight) / total.max(1) as f64;
        match weights
            .iter_mut()
            .find(|known| known.host == *host && known.subset == subset)
        {
            Some(known) => {
                known.weight = known.weight.saturating_add(weight);
                known.percent += percent;
            }
            None => weights.push(SubsetWeight {
                host: host.clone(),
                subset,
                weight,
                percent,
            }),
        }
    }
    weights
}

#[cfg(test)]
mod tests;
