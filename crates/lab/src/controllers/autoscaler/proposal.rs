//! How many replicas a resource asks for, as Kubernetes computes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::Situation;
use super::figures::thousandths;
use super::pods::Groups;

/// What is wanted of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// So many percent of what the pods ask for.
    Utilization(i64),
    /// So many thousandths for each pod.
    AverageValue(i64),
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure<'a> {
    /// `cpu` or `memory`.
    pub(super) resource: &'a str,
    /// One container, or all of them.
    pub(super) container: Option<&'a str>,
    /// What is wanted.
    pub(super) target: Target,
    /// How far down and up from the target nothing is done.
    pub(super) tolerance: (f64, f64),
}

/// What a metric asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Proposal {
    /// Replicas.
    pub(super) replicas: i32,
    /// What is used of the requests, in percent.
    pub(super) utilization: Option<i32>,
    /// What is used by each pod, in thousandths.
    pub(super) average: i64,
}

struct Ratio {
    of_target: f64,
    utilization: Option<i32>,
    average: i64,
}

impl Measure<'_> {
    /// Computes the proposal.
    ///
    /// # Errors
    /// Why there is none, in Kubernetes' words.
    pub(super) fn propose(&self, situation: &Situation<'_>) -> Result<Proposal, String> {
        let Situation { pods, figures, .. } = *situation;
        if figures.is_empty() {
            return Err(format!(
                "unable to get metrics for resource {}: no metrics returned from resource metrics API",
                self.resource
            ));
        }
        if pods.is_empty() {
            return Err("no pods returned by selector while calculating replica count".into());
        }
        let of = (self.resource, self.container);
        let groups = Groups::of(pods, figures, of, situation.now);
        if groups.used.is_empty() {
            return Err("did not receive metrics for targeted pods (pods might be unready)".into());
        }
        let requests = match self.target {
            Target::Utilization(_) => self.requests(situation)?,
            Target::AverageValue(_) => BTreeMap::new(),
        };
        let ratio = self.ratio(&groups.used, &requests)?;
        let replicas = self.replicas(situation.current, &groups, &requests, ratio.of_target)?;
        Ok(Proposal {
            replicas,
            utilization: ratio.utilization,
            average: ratio.average,
        })
    }

    /// Kubernetes: pods without figures are assumed to be as harmless as can be: idle where pods
    /// would be added, as busy as wanted where pods would go.
    fn replicas(
        &self,
        current: i32,
        groups: &Groups<'_>,
        requests: &BTreeMap<&str, i64>,
        ratio: f64,
    ) -> Result<i32, String> {
        let counts_unready = !groups.unready.is_empty() && ratio > 1.0;
        if !counts_unready && groups.missing.is_empty() {
            return Ok(match self.is_near(ratio) {
                true => current,
                false => rounded_up(ratio, groups.ready),
            });
        }
        let mut used = groups.used.clone();
        for pod in &groups.missing {
            let assumed = if ratio < 1.0 {
                self.as_wanted(requests.get(pod))
            } else {
                0
            };
            used.insert(pod, assumed);
        }
        if counts_unready {
            used.extend(groups.unready.iter().map(|pod| (*pod, 0)));
        }
        let assumed = self.ratio(&used, requests)?.of_target;
        let turns = (ratio < 1.0 && assumed > 1.0) || (ratio > 1.0 && assumed < 1.0);
        if self.is_near(assumed) || turns {
            return Ok(current);
        }
        let replicas = rounded_up(assumed, used.len());
        let contrary =
            (assumed < 1.0 && replicas > current) || (assumed > 1.0 && replicas < current);
        Ok(if contrary { current } else { replicas })
    }

    fn as_wanted(&self, request: Option<&i64>) -> i64 {
        match self.target {
            Target::AverageValue(wanted) => wanted,
            Target::Utilization(percent) => {
                let request = request.copied().unwrap_or(0);
                request.saturating_mul(percent.max(100)) / 100
            }
        }
    }

    fn is_near(&self, ratio: f64) -> bool {
        let (down, up) = self.tolerance;
        (1.0 - down..=1.0 + up).contains(&ratio)
    }

    fn ratio(
        &self,
        used: &BTreeMap<&str, i64>,
        requests: &BTreeMap<&str, i64>,
    ) -> Result<Ratio, String> {
        match self.target {
            Target::AverageValue(wanted) => {
                let average = used.values().sum::<i64>() / count(used.len());
                Ok(Ratio {
                    of_target: float(average) / float(wanted),
                    utilization: None,
                    average,
                })
            }
            Target::Utilization(wanted) => {
                let known = used.iter().filter(|(pod, _)| requests.contains_key(*pod));
                let total: i64 = known.clone().map(|(_, used)| used).sum();
                let asked: i64 = known.clone().map(|(pod, _)| requests[pod]).sum();
                if asked == 0 {
                    return Err("no metrics returned matched known pods".into());
                }
                let percent = total.saturating_mul(100) / asked;
                Ok(Ratio {
                    of_target: float(percent) / float(wanted),
                    utilization: i32::try_from(percent).ok(),
                    average: total / count(known.count()),
                })
            }
        }
    }

    /// What each pod asks for.
    ///
    /// A sidecar has no figures in the lab; what it asks for would be compared with nothing, so
    /// only containers that are measured in some pod count.
    fn requests<'a>(&self, situation: &Situation<'a>) -> Result<BTreeMap<&'a str, i64>, String> {
        let measured = situation.figures.values();
        let measured: BTreeSet<&String> = measured.flat_map(|it| it.containers.keys()).collect();
        let of_pod = |pod: &'a Arc<Pod>| {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
            let counted = containers.filter(|it| {
                measured.contains(&it.name) && self.container.is_none_or(|one| one == it.name)
            });
            let amounts: Result<Vec<i64>, String> =
                counted.map(|it| self.request(it, name)).collect();
            Ok((name, amounts?.iter().sum()))
        };
        situation.pods.iter().map(of_pod).collect()
    }

    fn request(&self, container: &Container, pod: &str) -> Result<i64, String> {
        let requests = container
            .resources
            .as_ref()
            .and_then(|it| it.requests.as_ref());
        let amount = requests.and_then(|it| it.get(self.resource));
        amount.and_then(|it| thousandths(&it.0)).ok_or_else(|| {
            format!(
                "missing request for {} in container {} of Pod {pod}",
                self.resource, container.name
            )
        })
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX).max(1)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio needs no more")]
fn float(number: i64) -> f64 {
    number as f64
}

fn rounded_up(ratio: f64, pods: usize) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast to i32 saturates")]
    let replicas = (ratio * float(count(pods))).ceil() as i32;
    replicas
}
