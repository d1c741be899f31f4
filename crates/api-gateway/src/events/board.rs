//! Everything the dashboard shows, at one moment.

use serde::Serialize;

use crate::answers::{Answer, History, Sightings};
use crate::breakers::Breakers;
use crate::clock::UnixMs;
use crate::clusters::{ClusterView, Reason, State};
use crate::rules::{self, Rule, RuleObjects};
use crate::theater::{Cluster, PerCluster, PerService, Service};

/// The state that events change and `hello` tells.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) answers: PerService<History>,
    pub(super) rules: PerService<Rule>,
    clusters: PerCluster<ClusterView>,
    sightings: Sightings,
    /// As the sidecar told them.
    read: Breakers,
    /// The same with the names of pods.
    breakers: Breakers,
}

/// Payload of `hello`.
#[derive(Serialize)]
pub(super) struct Hello<'a> {
    boot: &'a str,
    now: UnixMs,
    services: &'a PerService<History>,
    mesh: &'a PerService<Rule>,
    clusters: PerCluster<ClusterView>,
    breakers: &'a Breakers,
}

/// Payload of `answers`.
#[derive(Serialize)]
pub(super) struct Batch<'a> {
    answers: &'a [Answer],
    totals: PerService<u64>,
}

/// Payload of `mesh`.
#[derive(Serialize)]
pub(super) struct Mesh<'a> {
    mesh: &'a PerService<Rule>,
}

/// Payload of `breaker`.
#[derive(Serialize)]
pub(super) struct Breaker<'a> {
    breakers: &'a Breakers,
}

/// Payload of `pods`.
#[derive(Serialize)]
pub(super) struct Pods {
    clusters: PerCluster<ClusterView>,
}

/// Payload of `gap`.
#[derive(Serialize)]
pub(super) struct Gap {
    /// Answers that were told while the viewer did not read.
    pub(super) missed: u64,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            answers: PerService::default(),
            rules: rules::rules(&RuleObjects::default()),
            clusters: PerCluster::from_fn(|_| ClusterView::unknown(Reason::NotYet)),
            sightings: Sightings::default(),
            read: Breakers::unknown(Reason::NotYet),
            breakers: Breakers::unknown(Reason::NotYet),
        }
    }
}

impl Board {
    /// Counts answers; whether one came from a pod that only its answers make known.
    pub(super) fn count(&mut self, answers: &[Answer]) -> bool {
        let mut news = false;
        for answer in answers {
            self.answers.get_mut(answer.service).push(answer.clone());
            let is_new = self.sightings.note(answer);
            news |= is_new && answer.cluster.is_some_and(|cluster| !self.is_live(cluster));
        }
        news
    }

    /// Sets what is known of a cluster; whether that changes anything.
    pub(super) fn set_cluster(&mut self, cluster: Cluster, view: ClusterView) -> bool {
        let known = self.clusters.get_mut(cluster);
        let changes = *known != view;
        *known = view;
        changes
    }

    /// Sets what is known of the breakers; whether that changes anything.
    pub(super) fn set_breakers(&mut self, breakers: Breakers) -> bool {
        self.read = breakers;
        self.name_breakers()
    }

    /// Gives the hosts of breakers the names of today's pods; whether that changes anything.
    pub(super) fn name_breakers(&mut self) -> bool {
        let named = self.read.clone().with_pods(|ip| {
            let clusters = Cluster::ALL.map(|it| &self.clusters.get(it).pods);
            let mut pods = clusters.into_iter().flatten();
            let found = pods.find(|pod| pod.ip.as_deref() == Some(ip));
            found.map(|pod| pod.name.clone())
        });
        let changes = self.breakers != named;
        self.breakers = named;
        changes
    }

    /// Both clusters with what answers prove.
    pub(super) fn clusters(&self) -> PerCluster<ClusterView> {
        let sightings = self.sightings.by_cluster();
        PerCluster::from_fn(|it| self.clusters.get(it).with_sightings(sightings.get(it)))
    }

    pub(super) fn hello<'a>(&'a self, boot: &'a str, now: UnixMs) -> Hello<'a> {
        Hello {
            boot,
            now,
            services: &self.answers,
            mesh: &self.rules,
            clusters: self.clusters(),
            breakers: &self.breakers,
        }
    }

    pub(super) fn batch<'a>(&self, answers: &'a [Answer]) -> Batch<'a> {
        let totals = PerService::from_fn(|service: Service| self.answers.get(service).total());
        Batch { answers, totals }
    }

    pub(super) fn mesh(&self) -> Mesh<'_> {
        Mesh { mesh: &self.rules }
    }

    pub(super) fn breaker(&self) -> Breaker<'_> {
        Breaker {
            breakers: &self.breakers,
        }
    }

    pub(super) fn pods(&self) -> Pods {
        Pods {
            clusters: self.clusters(),
        }
    }

    fn is_live(&self, cluster: Cluster) -> bool {
        self.clusters.get(cluster).contact.state == State::Live
    }
}
