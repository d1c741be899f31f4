//! What the mesh is told to do with each service, read out of the objects of the gateway's cluster.
//!
//! Three sources, never mixed: the effective VirtualService; none (no rule, or one that names no
//! subset, so that the balancer decides); and the original's defaults where the API could not be
//! read at all, with the reason beside them.

mod objects;
mod warnings;
mod weights;

pub use objects::{Parsed, RuleObjects};
pub use weights::Weights;

use mesh::model::VirtualService;
use mesh::precedence;
use mesh::summary::{self, SubsetWeight, Summary};
use mesh::{delegate, names, registry};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::clusters::Reason;
use crate::theater::{Cluster, PerService, Service};

/// Namespace of the theater, in both clusters.
pub const NAMESPACE: &str = "theater-msa";

/// The effective rule of one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Rule {
    /// Where the figures come from.
    pub source: Source,
    /// Configured share of ctx1; null where the balancer decides.
    #[schema(value_type = Option<f64>)]
    pub ctx1: Option<Percent>,
    /// Configured share of ctx2; null where the balancer decides.
    #[schema(value_type = Option<f64>)]
    pub ctx2: Option<Percent>,
    /// Shares of any other destination.
    pub others: Vec<OtherWeight>,
    /// Name of the effective VirtualService.
    pub object: Option<String>,
    /// Name of the rule that takes what no other rule asks for.
    pub rule: Option<String>,
    /// Why the figures are missing or may be old; null where they are read live.
    pub reason: Option<String>,
    /// What the rule injects.
    pub fault: Option<Fault>,
    /// What a reader of the rules should know.
    pub warnings: Vec<String>,
}

/// Where the figures of a [`Rule`] come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The effective VirtualService of the gateway's cluster.
    VirtualService,
    /// No rule, or none that names a subset.
    None,
    /// The original's defaults: the API could not be read.
    #[default]
    Default,
}

/// A percentage; a whole one is written without decimals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

/// A destination that is neither ctx1 nor ctx2.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OtherWeight {
    /// Its subset; `host/subset` where it is another host.
    pub subset: String,
    /// Its share.
    #[schema(value_type = f64)]
    pub weight: Percent,
}

/// Injected faults of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Fault {
    /// Requests that are held back first.
    pub delay: Option<DelayFault>,
    /// Requests that are answered instead of the service.
    pub abort: Option<AbortFault>,
}

/// An injected delay.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DelayFault {
    /// How long, in milliseconds.
    pub ms: u64,
    /// On how many requests.
    #[schema(value_type = f64)]
    pub percent: Percent,
}

/// An injected answer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AbortFault {
    /// Its status.
    pub status: u16,
    /// Of how many requests.
    #[schema(value_type = f64)]
    pub percent: Percent,
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded = (self.0 * 100.0).round() / 100.0;
        if rounded.fract() == 0.0 {
            serializer.serialize_i64(rounded as i64)
        } else {
            serializer.serialize_f64(rounded)
        }
    }
}

/// The effective rules, from what could be read.
pub fn rules(objects: &RuleObjects) -> PerService<Rule> {
    PerService::from_fn(|service| rule(objects, service))
}

fn rule(objects: &RuleObjects, service: Service) -> Rule {
    let host = names::service_fqdn(service.name(), NAMESPACE);
    let Some(known) = &objects.virtual_services else {
        return unread(objects.reason.as_ref(), service);
    };
    let found = precedence::virtual_service(&known.parsed, &host, NAMESPACE);
    Rule {
        reason: objects
            .reason
            .as_ref()
            .map(|reason| format!("may be old: {reason}")),
        warnings: warnings::warnings(objects, service, &host),
        ..found.map_or_else(no_rule, |object| {
            of_object(&delegate::resolved(object, &known.parsed), &host)
        })
    }
}

/// The API was never read: the original's figures, marked as such.
fn unread(reason: Option<&Reason>, service: Service) -> Rule {
    if reason == Some(&Reason::NotFound) {
        return Rule {
            reason: Some("the cluster has no VirtualServices: is Istio installed?".to_owned()),
            ..no_rule()
        };
    }
    let (ctx1, ctx2) = weights::defaults(service);
    Rule {
        source: Source::Default,
        ctx1: Some(ctx1),
        ctx2: Some(ctx2),
        reason: Some(reason.map_or_else(|| "not read yet".to_owned(), Reason::to_string)),
        ..Rule::default()
    }
}

fn no_rule() -> Rule {
    Rule {
        source: Source::None,
        ..Rule::default()
    }
}

fn of_object(object: &VirtualService, host: &str) -> Rule {
    let named = Rule {
        object: Some(object.metadata.name.clone()),
        ..no_rule()
    };
    let Some(summary) = summary::summary(object) else {
        return named;
    };
    let named = Rule {
        rule: summary.rule.clone(),
        fault: fault(&summary),
        ..named
    };
    let subsets = |weight: &SubsetWeight| weight.subset.is_some();
    if !summary.weights.iter().any(subsets) {
        return named;
    }
    let (own, others) = split(&summary, host);
    let share = |cluster: Cluster| {
        let of_cluster =
            |(subset, percent): &(&str, f64)| (*subset == cluster.name()).then_some(*percent);
        Some(Percent(own.iter().filter_map(of_cluster).sum()))
    };
    Rule {
        source: Source::VirtualService,
        ctx1: share(Cluster::Ctx1),
        ctx2: share(Cluster::Ctx2),
        others,
        ..named
    }
}

/// Destinations that are a cluster of the service itself, and all others.
fn split<'a>(summary: &'a Summary, host: &str) -> (Vec<(&'a str, f64)>, Vec<OtherWeight>) {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for weight in &summary.weights {
        let same_host = names::fqdn(&weight.host, &summary.object.namespace) == host;
        let subset = weight.subset.as_deref().unwrap_or("-");
        if same_host && Cluster::of_name(subset).is_some() {
            own.push((subset, weight.percent));
            continue;
        }
        others.push(OtherWeight {
            subset: match same_host {
                true => subset.to_owned(),
                false => format!("{}/{subset}", weight.host),
            },
            weight: Percent(weight.percent),
        });
    }
    (own, others)
}

fn fault(summary: &Summary) -> Option<Fault> {
    let delay = summary.delay.map(|delay| DelayFault {
        ms: u64::try_from(delay.duration.as_millis()).unwrap_or(u64::MAX),
        percent: Percent(delay.percent),
    });
    let abort = summary.abort.map(|abort| AbortFault {
        status: abort.status,
        percent: Percent(abort.percent),
    });
    (delay.is_some() || abort.is_some()).then_some(Fault { delay, abort })
}

/// The gateway as the mesh knows it: whose sidecar the rules are read for.
fn gateway() -> registry::Client {
    registry::Client {
        namespace: NAMESPACE.to_owned(),
        labels: [("app".to_owned(), "api-gateway".to_owned())].into(),
        ..registry::Client::default()
    }
}

#[cfg(test)]
mod tests;
