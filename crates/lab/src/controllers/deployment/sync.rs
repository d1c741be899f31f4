//! Carries out what is decided for Deployments.

use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver::resource::rows;
use apiserver::status::Status;
use apiserver::store::{DeleteOptions, Key, Part, Store};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::{Plan, REVISION, Situation, Write, condition, plan};
use crate::controllers::claims::Claims;
use crate::controllers::informer::by_controller;
use crate::controllers::settled::{Settled, versions};
use crate::controllers::{Cluster, key, replicaset};
use crate::events::{Reference, Reporter};
use crate::objects;

/// Steps of one Deployment in one pass; what is left comes with the next one.
const STEPS: usize = 8;

/// The Deployment controller.
pub(in crate::controllers) struct Controller {
    events: Reporter,
    settled: Settled,
}

impl Controller {
    pub(in crate::controllers) fn new(events: Reporter) -> Self {
        Self {
            events,
            settled: Settled::default(),
        }
    }

    /// Looks at every Deployment; returns when to look again at the latest.
    pub(in crate::controllers) fn pass(
        &mut self,
        cluster: &mut Cluster,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let deployments = cluster.deployments.list();
        let claims = Claims::of(&rows::REPLICA_SETS, cluster.replica_sets.list());
        let pods = by_controller(cluster.pods.list());
        let has_pods = |set: &ReplicaSet| {
            let uid = set.metadata.uid.as_deref().unwrap_or_default();
            let pods = pods.get(uid).map(Vec::as_slice).unwrap_or_default();
            pods.iter().any(|pod| !replicaset::has_ended(pod))
        };
        for deployment in &deployments {
            let candidates = claims.candidates(&deployment.metadata);
            let near = candidates.owned.iter().chain(&candidates.orphans);
            let near = near.map(|it| &it.metadata);
            let inputs = versions(std::iter::once(&deployment.metadata).chain(near));
            let uid = deployment.metadata.uid.as_deref().unwrap_or_default();
            if self.settled.is_settled(uid, inputs, now) {
                continue;
            }
            let selector = &deployment.spec.selector;
            let store = &cluster.api.store;
            let owned = claims.claim(store, &**deployment, selector, candidates);
            let situation = Situation {
                deployment,
                owned: &owned,
                has_pods: &has_pods,
                now,
            };
            let wait = self.advance(store, &situation);
            self.settled.looked(
                uid,
                inputs,
                wait.and_then(|wait| now.checked_add(wait).ok()),
            );
        }
        self.settled.finish()
    }

    /// One step after another, as long as a step says that it is only a half.
    fn advance(&self, store: &Store, situation: &Situation<'_>) -> Option<jiff::SignedDuration> {
        let mut deployment = Arc::new(situation.deployment.clone());
        let mut owned = situation.owned.to_vec();
        for _ in 0..STEPS {
            let situation = Situation {
                deployment: &deployment,
                owned: &owned,
                ..*situation
            };
            let plan = plan(&situation);
            let step = Step {
                store,
                events: &self.events,
                deployment: &deployment,
            };
            if !step.carry_out(&plan, situation.now) || !plan.again {
                return plan.check_in;
            }
            owned = step.read_again(&owned, &plan.writes);
            let key = key(&rows::DEPLOYMENTS, &deployment.metadata);
            let stored = store.get(&key).ok();
            deployment = Arc::new(stored.and_then(|it| objects::typed(&it))?);
        }
        None
    }
}

/// One step of one Deployment.
struct Step<'a> {
    store: &'a Store,
    events: &'a Reporter,
    deployment: &'a Deployment,
}

impl Step<'_> {
    /// Whether all of it went well.
    fn carry_out(&self, plan: &Plan, now: Timestamp) -> bool {
        for write in &plan.writes {
            if let Err(error) = self.write(write) {
                self.tell_failure(plan, write, &error, now);
                return false;
            }
        }
        let key = key(&rows::DEPLOYMENTS, &self.deployment.metadata);
        objects::change(self.store, &key, Part::Status, |object| {
            if let Some(revision) = plan.revision {
                object["metadata"]["annotations"][REVISION] = json!(revision.to_string());
            }
            object["status"] = json!(plan.status);
        });
        true
    }

    fn write(&self, write: &Write) -> Result<(), apiserver::store::Error> {
        let change = |set: &str, apply: &dyn Fn(&mut Value)| {
            objects::change(self.store, &self.key_of(set), Part::Main, apply);
        };
        match write {
            Write::Create(set) => return self.create(set),
            Write::Annotate {
                set,
                annotations,
                min_ready_seconds,
            } => change(set, &|object| {
                annotate(object, annotations);
                if let Some(seconds) = min_ready_seconds {
                    object["spec"]["minReadySeconds"] = json!(seconds);
                }
            }),
            Write::Scale {
                set,
                from,
                to,
                annotations,
            } => {
                change(set, &|object| {
                    annotate(object, annotations);
                    object["spec"]["replicas"] = json!(to);
                });
                self.tell_scaling(set, *from, *to);
            }
            Write::Delete(set) => {
                // Somebody else may have deleted it meanwhile.
                let _ = self
                    .store
                    .delete(&self.key_of(set), &DeleteOptions::default());
            }
        }
        Ok(())
    }

    fn create(&self, set: &ReplicaSet) -> Result<(), apiserver::store::Error> {
        let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
        self.store
            .create(&rows::REPLICA_SETS, namespace, json!(set))?;
        let name = set.metadata.name.as_deref().unwrap_or_default();
        self.tell_scaling(name, 0, set.spec.replicas.unwrap_or(0));
        Ok(())
    }

    fn tell_scaling(&self, set: &str, from: i32, to: i32) {
        let direction = match from.cmp(&to) {
            std::cmp::Ordering::Less => "up",
            std::cmp::Ordering::Greater => "down",
            std::cmp::Ordering::Equal => return,
        };
        let message = format!("Scaled {direction} replica set {set} from {from} to {to}");
        self.events.normal(
            &Reference::to(self.deployment),
            "ScalingReplicaSet",
            message,
        );
    }

    /// Kubernetes: a name that is taken means that two templates have one hash; the next attempt
    /// hashes the number of collisions with the template.
    fn tell_failure(
        &self,
        plan: &Plan,
        write: &Write,
        error: &apiserver::store::Error,
        now: Timestamp,
    ) {
        const REASON: &str = "ReplicaSetCreateError";
        let Write::Create(set) = write else {
            return;
        };
        let mut status = self.deployment.status.clone().unwrap_or_default();
        if matches!(error, apiserver::store::Error::AlreadyExists(_)) {
            status.collision_count = Some(status.collision_count.unwrap_or(0).saturating_add(1));
        } else {
            let name = set.metadata.name.as_deref().unwrap_or_default();
            let why = Status::from(error.clone());
            let message = format!(
                "Failed to create new replica set {name:?}: {}",
                why.message()
            );
            self.events
                .warning(&Reference::to(self.deployment), REASON, message.clone());
            if plan.status.conditions.is_some() {
                let kind = condition::PROGRESSING;
                let failed = condition::condition(kind, "False", REASON, message, now);
                condition::set(&mut status, failed);
            }
        }
        let key = key(&rows::DEPLOYMENTS, &self.deployment.metadata);
        objects::set_status(self.store, &key, &status);
    }

    /// The sets after a step: those it had, and those it made.
    fn read_again(&self, owned: &[Arc<ReplicaSet>], writes: &[Write]) -> Vec<Arc<ReplicaSet>> {
        let made = writes.iter().filter_map(|write| match write {
            Write::Create(set) => Some(&set.metadata),
            _ => None,
        });
        let name = |metadata: &ObjectMeta| metadata.name.clone().unwrap_or_default();
        let names = owned.iter().map(|set| &set.metadata).chain(made).map(name);
        let read = |name: String| objects::typed(&*self.store.get(&self.key_of(&name)).ok()?);
        names.filter_map(read).map(Arc::new).collect()
    }

    fn key_of(&self, set: &str) -> Key {
        let namespace = self
            .deployment
            .metadata
            .namespace
            .clone()
            .unwrap_or_default();
        Key::new(&rows::REPLICA_SETS, namespace, set)
    }
}

fn annotate(object: &mut Value, annotations: &BTreeMap<String, String>) {
    for (key, value) in annotations {
        object["metadata"]["annotations"][key] = json!(value);
    }
}
