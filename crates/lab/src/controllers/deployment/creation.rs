//! The set of a new template, and the revision that goes with it.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetSpec, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::sets::{annotation, revision_of, wanted};
use super::{Plan, REVISION, Rollout, TEMPLATE_HASH, Write, annotations, condition, template};

impl Rollout<'_> {
    /// What comes before anything else: whether the Deployment is paused is known to all, and the
    /// revision of the present template to its set and to the Deployment.
    pub(super) fn revise(&self) -> Option<Plan> {
        self.pause()
            .or_else(|| self.annotate())
            .or_else(|| self.number())
    }

    fn annotate(&self) -> Option<Plan> {
        let new = self.new?;
        let annotations = self.missing_annotations(Some(new));
        let min_ready_seconds = self.deployment.spec.min_ready_seconds;
        let same = new.spec.min_ready_seconds.unwrap_or(0) == min_ready_seconds.unwrap_or(0);
        if annotations.is_empty() && same {
            return None;
        }
        let write = Write::Annotate {
            set: super::sets::name(new),
            annotations,
            min_ready_seconds,
        };
        Some(Plan {
            writes: vec![write],
            ..self.unchanged()
        })
    }

    fn number(&self) -> Option<Plan> {
        let new = self.new?;
        annotation(new, REVISION)?;
        let revision = revision_of(new);
        let mut status = self.status_before();
        let unknown = condition::find(&status, condition::PROGRESSING).is_none();
        if annotations::revision(self.deployment) == Some(revision)
            && !(unknown && self.has_deadline())
        {
            return None;
        }
        if unknown && self.has_deadline() {
            let message = format!("Found new replica set {:?}", super::sets::name(new));
            self.set_progressing(&mut status, "True", "FoundNewReplicaSet", message);
        }
        Some(Plan {
            revision: Some(revision),
            status,
            ..self.unchanged()
        })
    }

    /// Kubernetes: a rollout that was paused is not blamed for its lack of progress.
    fn pause(&self) -> Option<Plan> {
        let mut status = self.status_before();
        let reason = condition::reason(&status, condition::PROGRESSING);
        if !self.has_deadline() || reason == Some(condition::TIMED_OUT) {
            return None;
        }
        let (reason, message) = match (self.paused, reason == Some(condition::PAUSED)) {
            (true, false) => (condition::PAUSED, "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return None,
        };
        self.set_progressing(&mut status, "Unknown", reason, message.to_owned());
        Some(Plan {
            status,
            ..self.unchanged()
        })
    }

    /// The set of the present template is to be made.
    pub(super) fn create(&self) -> Plan {
        let set = self.new_set();
        let mut status = self.status_before();
        if self.has_deadline() {
            let message = format!("Created new replica set {:?}", super::sets::name(&set));
            self.set_progressing(&mut status, "True", "NewReplicaSetCreated", message);
        }
        Plan {
            writes: vec![Write::Create(Box::new(set))],
            revision: Some(self.next_revision()),
            status,
            ..self.unchanged()
        }
    }

    fn set_progressing(
        &self,
        status: &mut k8s_openapi::api::apps::v1::DeploymentStatus,
        holds: &str,
        reason: &str,
        message: String,
    ) {
        let new = condition::condition(condition::PROGRESSING, holds, reason, message, self.now);
        condition::set(status, new);
    }

    fn unchanged(&self) -> Plan {
        Plan {
            status: self.status_before(),
            again: true,
            ..Plan::default()
        }
    }

    fn new_set(&self) -> ReplicaSet {
        let metadata = &self.deployment.metadata;
        let spec = &self.deployment.spec;
        let collisions = self.status_before().collision_count;
        let hash = template::hash(&spec.template, collisions);
        let label = |labels: &mut Option<BTreeMap<String, String>>| {
            let labels = labels.get_or_insert_default();
            labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
        };
        let mut template = spec.template.clone();
        label(&mut template.metadata.get_or_insert_default().labels);
        let mut selector = spec.selector.clone();
        label(&mut selector.match_labels);
        let mut annotations = self.missing_annotations(None);
        annotations.extend(annotations::of_size(&self.bounds));
        let deployment = metadata.name.clone().unwrap_or_default();
        ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{deployment}-{hash}")),
                namespace: metadata.namespace.clone(),
                labels: template.metadata.as_ref().and_then(|it| it.labels.clone()),
                annotations: Some(annotations),
                owner_references: Some(vec![OwnerReference {
                    api_version: "apps/v1".to_owned(),
                    kind: "Deployment".to_owned(),
                    name: deployment,
                    uid: metadata.uid.clone().unwrap_or_default(),
                    controller: Some(true),
                    block_owner_deletion: Some(true),
                }]),
                ..ObjectMeta::default()
            },
            spec: ReplicaSetSpec {
                replicas: Some(self.size_of_new(0)),
                min_ready_seconds: spec.min_ready_seconds,
                selector,
                template: Some(template),
            },
            status: Some(ReplicaSetStatus::default()),
        }
    }

    /// How large the new set may be now, when it is `current`: as large as wanted, as far as the
    /// surge leaves room beside the old ones.
    pub(super) fn size_of_new(&self, current: i32) -> i32 {
        if self.recreate {
            return self.bounds.desired;
        }
        let room = self.bounds.most().saturating_sub(self.sum(wanted));
        let missing = self.bounds.desired.saturating_sub(current);
        current.saturating_add(room.min(missing).max(0))
    }
}
