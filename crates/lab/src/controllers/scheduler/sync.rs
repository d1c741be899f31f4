//! Carries out what is decided for pods without a node.

use std::collections::HashSet;
use std::sync::Arc;

use apiserver::resource::rows;
use apiserver::store::Part;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, PodStatus};
use serde_json::{Value, json};

use super::{Placement, Situation, node_of, place};
use crate::controllers::{Cluster, key, replicaset};
use crate::events::{Reference, Reporter};
use crate::objects;

/// The scheduler.
pub(in crate::controllers) struct Controller {
    events: Reporter,
}

impl Controller {
    pub(in crate::controllers) fn new(events: Reporter) -> Self {
        Self { events }
    }

    /// Places what can be placed, the older pods first.
    pub(in crate::controllers) fn pass(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let pods = cluster.pods.list();
        let is_waiting = |pod: &Pod| node_of(pod).is_none() && replicaset::is_active(pod);
        if !pods.iter().any(|pod| is_waiting(pod)) {
            return;
        }
        let nodes: Vec<Node> = cluster
            .nodes
            .list()
            .iter()
            .map(|node| (**node).clone())
            .collect();
        let claims = Claims::of(&cluster.claims.list());
        let (waiting, others): (Vec<_>, Vec<_>) = pods.into_iter().partition(|pod| is_waiting(pod));
        let running = others.iter().filter(|pod| !replicaset::has_ended(pod));
        let mut placed: Vec<Pod> = running.map(|pod| (**pod).clone()).collect();
        for pod in waiting {
            let namespace = pod.metadata.namespace.clone().unwrap_or_default();
            let situation = Situation {
                nodes: &nodes,
                placed: &placed,
                has_claim: &|name| claims.has(&namespace, name),
            };
            match place(&pod, &situation) {
                Placement::Node(node) => {
                    self.bind(cluster, &pod, &node);
                    let mut pod = (*pod).clone();
                    pod.spec.get_or_insert_default().node_name = Some(node);
                    placed.push(pod);
                }
                Placement::None(message) => self.refuse(cluster, &pod, &message, now),
            }
        }
    }

    fn bind(&self, cluster: &Cluster, pod: &Pod, node: &str) {
        let key = key(&rows::PODS, &pod.metadata);
        objects::change(&cluster.api.store, &key, Part::Binding, |pod| {
            pod["spec"]["nodeName"] = json!(node);
        });
        let message = format!(
            "Successfully assigned {}/{} to {node}",
            key.namespace, key.name
        );
        let about = Reference::to(pod);
        self.events
            .attempt(("Normal", "Binding"), &about, "Scheduled", message);
    }

    /// Kubernetes: tells and writes it where it is another reason than the last time.
    fn refuse(&self, cluster: &Cluster, pod: &Pod, message: &str, now: Timestamp) {
        if scheduled_condition(pod.status.as_ref(), "message") == Some(message.to_owned()) {
            return;
        }
        let status = unschedulable(pod, message, now);
        objects::set_status(
            &cluster.api.store,
            &key(&rows::PODS, &pod.metadata),
            &status,
        );
        let about = Reference::to(pod);
        let kind = ("Warning", "Scheduling");
        self.events
            .attempt(kind, &about, "FailedScheduling", message.to_owned());
    }
}

/// The PersistentVolumeClaims there are.
struct Claims(HashSet<(String, String)>);

impl Claims {
    fn of(claims: &[Arc<PersistentVolumeClaim>]) -> Self {
        let place = |claim: &Arc<PersistentVolumeClaim>| {
            let name = claim.metadata.name.clone().unwrap_or_default();
            (claim.metadata.namespace.clone().unwrap_or_default(), name)
        };
        Self(claims.iter().map(place).collect())
    }

    fn has(&self, namespace: &str, name: &str) -> bool {
        self.0.contains(&(namespace.to_owned(), name.to_owned()))
    }
}

fn scheduled_condition(status: Option<&PodStatus>, member: &str) -> Option<String> {
    let conditions = status?.conditions.as_deref()?;
    let condition = conditions.iter().find(|it| it.type_ == "PodScheduled")?;
    let value: Value = json!(condition);
    value[member].as_str().map(str::to_owned)
}

fn unschedulable(pod: &Pod, message: &str, now: Timestamp) -> Value {
    let since = scheduled_condition(pod.status.as_ref(), "lastTransitionTime");
    let mut status = json!(pod.status.clone().unwrap_or_default());
    status["phase"] = json!("Pending");
    status["conditions"] = json!([{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "observedGeneration": pod.metadata.generation, "lastProbeTime": null,
            "message": message, "lastTransitionTime": since.unwrap_or_else(|| format!("{now:.0}")),
    }]);
    status
}
