//! Carries out what is decided for ReplicaSets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use apiserver::resource::rows;
use apiserver::store::{DeleteOptions, Key};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;

use super::{Plan, is_active, next_available, plan, pod_of, status};
use crate::controllers::claims::Claims;
use crate::controllers::scheduler::node_of;
use crate::controllers::settled::{Settled, versions};
use crate::controllers::{Cluster, controller_uid, key};
use crate::events::{Reference, Reporter};
use crate::objects;

/// Kubernetes: how long a set that failed waits before it tries again, doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_secs(1_000);

/// The ReplicaSet controller.
pub(in crate::controllers) struct Controller {
    events: Reporter,
    settled: Settled,
    failures: HashMap<String, u32>,
}

impl Controller {
    pub(in crate::controllers) fn new(events: Reporter) -> Self {
        Self {
            events,
            settled: Settled::default(),
            failures: HashMap::new(),
        }
    }

    /// Looks at every set; returns when to look again at the latest.
    pub(in crate::controllers) fn pass(
        &mut self,
        cluster: &mut Cluster,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let sets = cluster.replica_sets.list();
        let pods = cluster.pods.list();
        let on_nodes = Siblings::count(&sets, &pods);
        let claims = Claims::of(&rows::PODS, pods);
        for set in &sets {
            let uid = set.metadata.uid.as_deref().unwrap_or_default();
            let candidates = claims.candidates(&set.metadata);
            let near = candidates.owned.iter().chain(&candidates.orphans);
            let inputs =
                versions(std::iter::once(&set.metadata).chain(near.map(|it| &it.metadata)));
            if self.settled.is_settled(uid, inputs, now) {
                continue;
            }
            let owned = claims.claim(&cluster.api.store, &**set, &set.spec.selector, candidates);
            let siblings = |node: &str| on_nodes.of(set, node);
            let plan = plan(set, &owned, &siblings, now);
            let failure = self.carry_out(cluster, set, plan);
            let wait = self.wait(uid, failure.is_some());
            let status = status(set, &owned, failure, now);
            objects::set_status(
                &cluster.api.store,
                &key(&rows::REPLICA_SETS, &set.metadata),
                &status,
            );
            let due = wait.or_else(|| next_available(set, &owned, now)?.try_into().ok());
            self.settled
                .looked(uid, inputs, due.and_then(|wait| now.checked_add(wait).ok()));
        }
        self.settled.finish()
    }

    /// Returns why it could not.
    fn carry_out(
        &self,
        cluster: &Cluster,
        set: &ReplicaSet,
        plan: Plan,
    ) -> Option<(&'static str, String)> {
        for name in &plan.delete {
            let namespace = set.metadata.namespace.clone().unwrap_or_default();
            let key = Key::new(&rows::PODS, namespace, name);
            if cluster
                .api
                .store
                .delete(&key, &DeleteOptions::default())
                .is_ok()
            {
                let message = format!("Deleted pod: {name}");
                self.events
                    .normal(&Reference::to(set), "SuccessfulDelete", message);
            }
        }
        let error = self.create(cluster, set, plan.create)?;
        Some(("FailedCreate", error))
    }

    /// Kubernetes: one pod first, then twice as many each time, so that what refuses them is
    /// not asked for all of them.
    fn create(&self, cluster: &Cluster, set: &ReplicaSet, mut missing: usize) -> Option<String> {
        let mut batch = 1;
        let mut failure = None;
        while missing > 0 && failure.is_none() {
            batch = batch.min(missing);
            for _ in 0..batch {
                failure = self.create_one(cluster, set).or(failure);
            }
            missing -= batch;
            batch *= 2;
        }
        failure
    }

    fn create_one(&self, cluster: &Cluster, set: &ReplicaSet) -> Option<String> {
        let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
        let about = Reference::to(set);
        match objects::create(&cluster.api, &rows::PODS, namespace, pod_of(set)) {
            Ok(pod) => {
                let message = format!("Created pod: {}", apiserver::object::name(&pod));
                self.events.normal(&about, "SuccessfulCreate", message);
                None
            }
            Err(status) => {
                let why = status.message().to_owned();
                self.events
                    .warning(&about, "FailedCreate", format!("Error creating: {why}"));
                Some(why)
            }
        }
    }

    fn wait(&mut self, uid: &str, failed: bool) -> Option<Duration> {
        if !failed {
            self.failures.remove(uid);
            return None;
        }
        let failures = self.failures.entry(uid.to_owned()).or_default();
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(*failures));
        *failures = failures.saturating_add(1);
        Some(wait.min(LONGEST_WAIT))
    }
}

/// How many pods each Deployment (or set without one) has on each node.
struct Siblings {
    owner_of: HashMap<String, String>,
    on_nodes: HashMap<(String, String), usize>,
}

impl Siblings {
    fn count(sets: &[Arc<ReplicaSet>], pods: &[Arc<Pod>]) -> Self {
        let uid = |set: &ReplicaSet| set.metadata.uid.clone().unwrap_or_default();
        let owner = |set: &Arc<ReplicaSet>| {
            let owner = controller_uid(&set.metadata).map(str::to_owned);
            (uid(set), owner.unwrap_or_else(|| uid(set)))
        };
        let owner_of: HashMap<String, String> = sets.iter().map(owner).collect();
        let mut on_nodes: HashMap<(String, String), usize> = HashMap::new();
        for pod in pods.iter().filter(|pod| is_active(pod)) {
            let owner = controller_uid(&pod.metadata).and_then(|set| owner_of.get(set));
            if let (Some(owner), Some(node)) = (owner, node_of(pod)) {
                *on_nodes
                    .entry((owner.clone(), node.to_owned()))
                    .or_default() += 1;
            }
        }
        Self { owner_of, on_nodes }
    }

    fn of(&self, set: &ReplicaSet, node: &str) -> usize {
        let uid = set.metadata.uid.as_deref().unwrap_or_default();
        let owner = self.owner_of.get(uid).cloned().unwrap_or_default();
        let count = self.on_nodes.get(&(owner, node.to_owned()));
        count.copied().unwrap_or(0)
    }
}
