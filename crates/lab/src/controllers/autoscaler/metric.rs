//! Every metric of an autoscaler, and the one that asks for most.

use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricStatus, HPAScalingRules, MetricSpec, MetricStatus, MetricTarget,
    MetricValueStatus, ResourceMetricStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource;

use apimachinery::quantity::Quantity;

use super::figures::thousandths;
use super::proposal::{Measure, Proposal, Target};
use super::{Situation, Told};

/// Kubernetes: so near its target a metric asks for nothing.
const TOLERANCE: f64 = 0.1;

/// The metric that asks for most.
pub(super) struct Best {
    /// Replicas.
    pub(super) replicas: i32,
    /// The metric, in words.
    pub(super) metric: String,
}

/// Why no size could be computed.
pub(super) struct Failure {
    /// What the condition says of it.
    pub(super) condition: Told,
    /// What the event says.
    pub(super) message: String,
}

/// What the metrics ask for together.
pub(super) struct Found {
    pub(super) outcome: Result<Best, Failure>,
    /// What is measured, one for each metric.
    pub(super) statuses: Vec<MetricStatus>,
    pub(super) told: Vec<Told>,
}

/// Kubernetes: the largest proposal wins; metrics that cannot be computed count only against a
/// smaller size.
pub(super) fn all(situation: &Situation<'_>) -> Found {
    let specs = situation.scaler.spec.metrics.as_deref().unwrap_or_default();
    let mut best: Option<Best> = None;
    let mut failures: Vec<(Told, String)> = Vec::new();
    let mut statuses = Vec::new();
    for spec in specs {
        match one(spec, situation) {
            Ok((proposal, status)) => {
                statuses.push(status);
                if best
                    .as_ref()
                    .is_none_or(|best| proposal.replicas > best.replicas)
                {
                    best = Some(proposal);
                }
            }
            Err(failure) => {
                // Kubernetes leaves the place of a metric that it does not know empty.
                statuses.push(MetricStatus::default());
                failures.push(failure);
            }
        }
    }
    let told = failures.iter().map(|(told, _)| told.clone()).collect();
    let is_smaller = |best: &Best| best.replicas < situation.current;
    let outcome = match (best, failures.first()) {
        (Some(best), None) => Ok(best),
        (Some(best), Some(_)) if !is_smaller(&best) => Ok(best),
        (_, first) => Err(failure(first, failures.len(), specs.len())),
    };
    Found {
        outcome,
        statuses,
        told,
    }
}

fn failure(first: Option<&(Told, String)>, invalid: usize, all: usize) -> Failure {
    let (told, error) = first.cloned().unwrap_or_else(|| {
        let message = "no metric is asked for".to_owned();
        let told = Told {
            reason: "InvalidMetricSourceType",
            message: message.clone(),
        };
        (told, message)
    });
    Failure {
        condition: Told {
            reason: told.reason,
            message: format!(
                "the HPA was unable to compute the replica count: {}",
                told.message
            ),
        },
        message: format!(
            "invalid metrics ({invalid} invalid out of {all}), first error is: {error}"
        ),
    }
}

/// A resource that an autoscaler looks at, of all containers or one.
struct Source<'a> {
    resource: &'a str,
    container: Option<&'a str>,
    target: &'a MetricTarget,
    /// Why it cannot be computed, in a word.
    failure: &'static str,
}

/// What one metric asks for, or what is told of it and how it is passed on.
fn one(
    spec: &MetricSpec,
    situation: &Situation<'_>,
) -> Result<(Best, MetricStatus), (Told, String)> {
    let source = source(spec).ok_or_else(|| unserved(spec))?;
    let measured = source.measure(situation).map_err(|message| {
        let error = match source.container {
            Some(container) => {
                format!("failed to get {container} container metric value: {message}")
            }
            None => format!(
                "failed to get {} resource metric value: {message}",
                source.resource
            ),
        };
        let reason = source.failure;
        (Told { reason, message }, error)
    })?;
    let best = Best {
        replicas: measured.replicas,
        metric: source.words(),
    };
    Ok((best, source.status(measured)))
}

fn source(spec: &MetricSpec) -> Option<Source<'_>> {
    if let Some(resource) = &spec.resource {
        return Some(Source {
            resource: &resource.name,
            container: None,
            target: &resource.target,
            failure: "FailedGetResourceMetric",
        });
    }
    let container = spec.container_resource.as_ref()?;
    Some(Source {
        resource: &container.name,
        container: Some(&container.container),
        target: &container.target,
        failure: "FailedGetContainerResourceMetric",
    })
}

impl Source<'_> {
    fn measure(&self, situation: &Situation<'_>) -> Result<Proposal, String> {
        let resource = self.resource;
        let average = self.target.average_value.as_ref();
        let average = average.and_then(|it| thousandths(&it.0));
        let (target, what) = match (average, self.target.average_utilization) {
            (Some(value), _) => (Target::AverageValue(value), "usage"),
            (None, Some(percent)) => (Target::Utilization(i64::from(percent)), "utilization"),
            (None, None) => {
                return Err("invalid resource metric source: neither an average utilization target nor an average value (usage) target was set".into());
            }
        };
        let measure = Measure {
            resource,
            container: self.container,
            target,
            tolerance: tolerance(situation),
        };
        let proposal = measure.propose(situation);
        proposal.map_err(|why| format!("failed to get {resource} {what}: {why}"))
    }

    fn words(&self) -> String {
        let resource = self.resource;
        match (&self.target.average_value, self.container) {
            (Some(_), _) => format!("{resource} resource"),
            (None, None) => format!("{resource} resource utilization (percentage of request)"),
            (None, Some(_)) => {
                format!("{resource} container resource utilization (percentage of request)")
            }
        }
    }

    fn status(&self, measured: Proposal) -> MetricStatus {
        // Kubernetes: in the form in which the figure comes from `kubectl top`.
        let is_binary = self.resource == "memory";
        let average = Quantity::of_thousandths(measured.average, is_binary);
        let current = MetricValueStatus {
            average_utilization: measured.utilization,
            average_value: Some(resource::Quantity(average.to_string())),
            value: None,
        };
        let name = self.resource.to_owned();
        match self.container {
            None => MetricStatus {
                type_: "Resource".to_owned(),
                resource: Some(ResourceMetricStatus { current, name }),
                ..MetricStatus::default()
            },
            Some(container) => MetricStatus {
                type_: "ContainerResource".to_owned(),
                container_resource: Some(ContainerResourceMetricStatus {
                    container: container.to_owned(),
                    current,
                    name,
                }),
                ..MetricStatus::default()
            },
        }
    }
}

/// How far down and up, as the autoscaler says or Kubernetes does.
fn tolerance(situation: &Situation<'_>) -> (f64, f64) {
    let behavior = situation.scaler.spec.behavior.as_ref();
    let of = |rules: Option<&HPAScalingRules>| {
        let own = rules.and_then(|it| thousandths(&it.tolerance.as_ref()?.0));
        own.and_then(|it| i32::try_from(it).ok())
            .map_or(TOLERANCE, |it| f64::from(it) / 1000.0)
    };
    (
        of(behavior.and_then(|it| it.scale_down.as_ref())),
        of(behavior.and_then(|it| it.scale_up.as_ref())),
    )
}

/// Metrics from outside: nothing serves them here, as in a cluster without an adapter.
fn unserved(spec: &MetricSpec) -> (Told, String) {
    const CUSTOM: &str = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered";
    let told = |reason, message: String, what: &str| {
        let error = format!("failed to get {what} metric value: {message}");
        (Told { reason, message }, error)
    };
    if let Some(pods) = &spec.pods {
        let message = format!("unable to get metric {}: {CUSTOM}", pods.metric.name);
        return told("FailedGetPodsMetric", message, "pods");
    }
    if let Some(object) = &spec.object {
        let about = &object.described_object;
        let message = format!(
            "unable to get metric {}: {CUSTOM} on {} {}",
            object.metric.name, about.kind, about.name
        );
        return told("FailedGetObjectMetric", message, "object");
    }
    let name = spec.external.as_ref().map_or("", |it| &it.metric.name);
    let message = format!(
        "unable to get external metric {name}: unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered"
    );
    told(
        "FailedGetExternalMetric",
        message,
        &format!("{name} external"),
    )
}
