//! Level-triggered controllers of one cluster: whatever changed, look at
//! everything, decide purely, write the difference, until nothing differs.
//!
//! ```text
//! Deployment ─ deployment ─► ReplicaSet ─ replicaset ─► Pod ─ scheduler ─► node ─► kubelet
//!                  └──────── garbage: what lost its owner or its namespace ────────┘
//! Service ─ endpoints ─► EndpointSlices, Endpoints
//! HorizontalPodAutoscaler ─ autoscaler ─► replicas of a Deployment or ReplicaSet
//! PersistentVolumeClaim ─ volumes ─► PersistentVolume
//! ```
//!
//! A look costs little where nothing changed: objects are read into their types once a version,
//! and what was looked at with the same versions is passed over.

mod autoscaler;
mod claims;
pub mod deployment;
mod disruption;
pub mod endpoints;
mod eviction;
mod furnishing;
mod garbage;
mod informer;
mod namespaces;
pub mod replicaset;
pub mod scheduler;
mod settled;
pub mod volumes;

use std::sync::Arc;
use std::time::Duration;

use apiserver::kubelet::Kubelet;
use apiserver::resource::{ALL, Resource, rows};
use apiserver::store::Key;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{
    Endpoints, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::events::Recorder;
use crate::objects::Client;
use informer::Informer;

/// How often events that are too old are looked for.
const EXPIRY: Duration = Duration::from_secs(60);

/// Runs every controller of a cluster; never ends.
pub async fn run(api: Client, kubelet: Arc<dyn Kubelet>, events: Recorder) {
    let changes = api.store.subscribe(&watched());
    let mut controllers = Controllers::new(api, kubelet, &events);
    let mut minute = tokio::time::interval(EXPIRY);
    loop {
        let now = Timestamp::now();
        let due = controllers.pass(now);
        let wait = due.and_then(|due| due.duration_since(now).try_into().ok());
        tokio::select! {
            () = changes.changed() => {}
            () = tokio::time::sleep(wait.unwrap_or(EXPIRY)) => {}
            _ = minute.tick() => events.expire(Timestamp::now()),
        }
    }
}

/// What the controllers look at: whatever may have owners, or wait to be let go. Events tell what
/// controllers did, and leases are renewed all the time.
fn watched() -> Vec<&'static Resource> {
    let told = |kind: &&Resource| [&rows::EVENTS, &rows::LEASES].contains(kind);
    ALL.iter().copied().filter(|kind| !told(kind)).collect()
}

/// Every controller of one cluster.
pub struct Controllers {
    cluster: Cluster,
    deployment: deployment::sync::Controller,
    replica_set: replicaset::sync::Controller,
    scheduler: scheduler::sync::Controller,
    endpoints: endpoints::sync::Controller,
    disruption: disruption::Controller,
    autoscaler: autoscaler::sync::Controller,
    eviction: eviction::Controller,
    volumes: volumes::sync::Controller,
}

/// The objects of one cluster, as controllers see them.
struct Cluster {
    api: Client,
    kubelet: Arc<dyn Kubelet>,
    deployments: Informer<Deployment>,
    replica_sets: Informer<ReplicaSet>,
    pods: Informer<Pod>,
    claims: Informer<PersistentVolumeClaim>,
    volumes: Informer<PersistentVolume>,
    storage_classes: Informer<StorageClass>,
    nodes: Informer<Node>,
    services: Informer<Service>,
    endpoint_slices: Informer<EndpointSlice>,
    endpoints: Informer<Endpoints>,
    budgets: Informer<PodDisruptionBudget>,
    autoscalers: Informer<HorizontalPodAutoscaler>,
}

impl Controllers {
    /// The controllers of the cluster behind `api`, whose pods `kubelet` measures.
    pub fn new(api: Client, kubelet: Arc<dyn Kubelet>, events: &Recorder) -> Self {
        let store = &api.store;
        Self {
            cluster: Cluster {
                deployments: Informer::new(store, &rows::DEPLOYMENTS),
                replica_sets: Informer::new(store, &rows::REPLICA_SETS),
                pods: Informer::new(store, &rows::PODS),
                claims: Informer::new(store, &rows::PERSISTENT_VOLUME_CLAIMS),
                volumes: Informer::new(store, &rows::PERSISTENT_VOLUMES),
                storage_classes: Informer::new(store, &rows::STORAGE_CLASSES),
                nodes: Informer::new(store, &rows::NODES),
                services: Informer::new(store, &rows::SERVICES),
                endpoint_slices: Informer::new(store, &rows::ENDPOINT_SLICES),
                endpoints: Informer::new(store, &rows::ENDPOINTS),
                budgets: Informer::new(store, &rows::POD_DISRUPTION_BUDGETS),
                autoscalers: Informer::new(store, &rows::HORIZONTAL_POD_AUTOSCALERS),
                kubelet,
                api,
            },
            deployment: deployment::sync::Controller::new(
                events.controller("deployment-controller"),
            ),
            replica_set: replicaset::sync::Controller::new(
                events.controller("replicaset-controller"),
            ),
            scheduler: scheduler::sync::Controller::new(events.scheduler()),
            endpoints: endpoints::sync::Controller::default(),
            disruption: disruption::Controller::new(events.controller("controllermanager")),
            autoscaler: autoscaler::sync::Controller::new(
                events.controller("horizontal-pod-autoscaler"),
            ),
            eviction: eviction::Controller::new(events.controller("taint-eviction-controller")),
            volumes: volumes::sync::Controller::new(events),
        }
    }

    /// One look at everything; returns when to look again although nothing changes.
    pub fn pass(&mut self, now: Timestamp) -> Option<Timestamp> {
        let cluster = &mut self.cluster;
        garbage::collect(&cluster.api.store);
        namespaces::empty(&cluster.api.store, &cluster.api.store.timestamp());
        furnishing::furnish(&cluster.api.store);
        crate::admission::quota::count(&cluster.api.store);
        let due = [
            self.autoscaler.pass(cluster, now),
            self.eviction.pass(cluster, now),
            self.deployment.pass(cluster, now),
            self.replica_set.pass(cluster, now),
            self.disruption.pass(cluster, now),
        ];
        self.scheduler.pass(cluster, now);
        self.volumes.pass(cluster);
        self.endpoints.pass(cluster, now);
        due.into_iter().flatten().min()
    }
}

/// The reference that says who made an object, and that it goes with its maker.
pub fn owner_reference(api_version: &str, kind: &str, owner: &ObjectMeta) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The uid of the object that controls this one.
pub fn controller_uid(metadata: &ObjectMeta) -> Option<&str> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    Some(&owner.uid)
}

/// The present moment as Kubernetes writes it.
pub fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}

fn key(resource: &'static Resource, metadata: &ObjectMeta) -> Key {
    let namespace = metadata.namespace.clone().unwrap_or_default();
    Key::new(
        resource,
        namespace,
        metadata.name.clone().unwrap_or_default(),
    )
}
