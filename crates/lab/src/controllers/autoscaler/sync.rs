//! Carries out what is decided for autoscalers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use apiserver::object;
use apiserver::resource::{ALL, Resource, rows};
use apiserver::selector::LabelSelector;
use apiserver::status::Status;
use apiserver::store::{Key, Part};
use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::condition::{ABLE, set};
use super::{Decision, Memory, Situation, Told, decide, figures, status_before};
use crate::controllers::settled::Settled;
use crate::controllers::{Cluster, key};
use crate::events::{Reference, Reporter};
use crate::objects;

/// How often an autoscaler looks: as often as there are new figures. Kubernetes: every 15 s.
const PERIOD: Duration = Duration::from_secs(5);

/// The HorizontalPodAutoscaler controller.
pub(in crate::controllers) struct Controller {
    events: Reporter,
    settled: Settled,
    memories: HashMap<String, Memory>,
}

/// What an autoscaler scales.
struct Target {
    key: Key,
    replicas: i32,
    selector: LabelSelector,
}

impl Controller {
    pub(in crate::controllers) fn new(events: Reporter) -> Self {
        Self {
            events,
            settled: Settled::default(),
            memories: HashMap::new(),
        }
    }

    /// Looks at every autoscaler whose time has come; returns when to look again at the latest.
    pub(in crate::controllers) fn pass(
        &mut self,
        cluster: &mut Cluster,
        now: Timestamp,
    ) -> Option<Timestamp> {
        for scaler in &cluster.autoscalers.list() {
            let uid = scaler.metadata.uid.clone().unwrap_or_default();
            // Kubernetes: a new one waits for its turn, and so does a changed one.
            let is_new = !self.settled.knows(&uid);
            if !is_new && self.settled.is_settled(&uid, 0, now) {
                continue;
            }
            if !is_new {
                self.look(cluster, scaler, &uid, now);
            }
            self.settled.looked(&uid, 0, now.checked_add(PERIOD).ok());
        }
        let due = self.settled.finish();
        let settled = &self.settled;
        self.memories.retain(|uid, _| settled.knows(uid));
        due
    }

    fn look(
        &mut self,
        cluster: &mut Cluster,
        scaler: &HorizontalPodAutoscaler,
        uid: &str,
        now: Timestamp,
    ) {
        let target = match target(cluster, scaler) {
            Ok(target) => target,
            Err(why) => return self.tell_missing(cluster, scaler, &why, now),
        };
        let namespace = &target.key.namespace;
        let is_own = |pod: &Arc<Pod>| {
            let labels = json!(pod.metadata.labels);
            pod.metadata.namespace.as_ref() == Some(namespace)
                && target.selector.matches(labels.as_object())
        };
        let pods: Vec<Arc<Pod>> = cluster.pods.list().into_iter().filter(is_own).collect();
        let figures = figures::read(&cluster.kubelet.pod_metrics(), namespace);
        let own = |name: &String| {
            pods.iter()
                .any(|pod| pod.metadata.name.as_ref() == Some(name))
        };
        let figures = figures.into_iter().filter(|(name, _)| own(name)).collect();
        let situation = Situation {
            scaler,
            current: target.replicas,
            pods: &pods,
            figures: &figures,
            now,
        };
        let memory = self.memories.entry(uid.to_owned()).or_default();
        let decision = decide(&situation, memory);
        let status = carry_out(&self.events, cluster, &situation, &target, decision, memory);
        write_status(cluster, scaler, &status);
    }

    fn tell_missing(
        &self,
        cluster: &Cluster,
        scaler: &HorizontalPodAutoscaler,
        why: &Status,
        now: Timestamp,
    ) {
        let why = why.message();
        self.events
            .warning(&Reference::to(scaler), "FailedGetScale", why);
        let mut status = status_before(scaler);
        let message =
            format!("the HPA controller was unable to get the target's current scale: {why}");
        set(&mut status, ABLE, false, "FailedGetScale", &message, now);
        write_status(cluster, scaler, &status);
    }
}

/// Tells what was decided, writes the size, and returns the status that follows.
fn carry_out(
    events: &Reporter,
    cluster: &Cluster,
    situation: &Situation<'_>,
    target: &Target,
    decision: Decision,
    memory: &mut Memory,
) -> HorizontalPodAutoscalerStatus {
    let about = Reference::to(situation.scaler);
    for Told { reason, message } in decision.told {
        events.warning(&about, reason, message);
    }
    let mut status = decision.status;
    let Some(rescale) = decision.rescale else {
        return status;
    };
    let now = situation.now;
    let size = rescale.size;
    let told = format!("New size: {size}; reason: {}", rescale.reason);
    if let Err(error) = write_size(cluster, target, size) {
        let why = Status::from(error);
        let why = why.message();
        events.warning(&about, "FailedRescale", format!("{told}; error: {why}"));
        let message = format!("the HPA controller was unable to update the target scale: {why}");
        set(&mut status, ABLE, false, "FailedUpdateScale", &message, now);
        status.desired_replicas = status_before(situation.scaler).desired_replicas;
        return status;
    }
    events.normal(&about, "SuccessfulRescale", told);
    let message = format!("the HPA controller was able to update the target scale to {size}");
    set(&mut status, ABLE, true, "SucceededRescale", &message, now);
    let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
    status.last_scale_time = Some(Time(second));
    memory.scaled(target.replicas, size, now);
    status
}

fn write_size(
    cluster: &Cluster,
    target: &Target,
    size: i32,
) -> Result<(), apiserver::store::Error> {
    let written = cluster.api.store.modify(&target.key, Part::Main, |old| {
        let mut new = old.clone();
        new["spec"]["replicas"] = json!(size);
        Ok::<Value, apiserver::store::Error>(new)
    });
    written.map(drop)
}

fn write_status(
    cluster: &Cluster,
    scaler: &HorizontalPodAutoscaler,
    status: &HorizontalPodAutoscalerStatus,
) {
    let key = key(&rows::HORIZONTAL_POD_AUTOSCALERS, &scaler.metadata);
    objects::set_status(&cluster.api.store, &key, status);
}

/// The object that an autoscaler names.
fn target(cluster: &Cluster, scaler: &HorizontalPodAutoscaler) -> Result<Target, Status> {
    let reference = &scaler.spec.scale_target_ref;
    let version = reference.api_version.as_deref().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let is_meant = |it: &&&Resource| it.kind == reference.kind && it.group == group;
    let resource = ALL.iter().find(is_meant).ok_or_else(|| {
        let kind = &reference.kind;
        Status::internal(format!("no matches for kind {kind:?} in group {group:?}"))
    })?;
    let namespace = scaler.metadata.namespace.clone().unwrap_or_default();
    let key = Key::new(resource, namespace, &reference.name);
    if !resource.scale {
        return Err(Status::internal(
            "the server could not find the requested resource",
        ));
    }
    let found = cluster.api.store.get(&key)?;
    let selector = object::at(&found, &["spec", "selector"]).unwrap_or(&Value::Null);
    Ok(Target {
        key,
        replicas: i32::try_from(object::replicas(&found)).unwrap_or(i32::MAX),
        selector: LabelSelector::from_object(selector).unwrap_or_default(),
    })
}
