//! Level-triggered controllers of one cluster: whatever changed, look at
//! everything, decide purely, write the difference, until nothing differs.
//!
//! ```text
//! Deployment ─ deployment ─► ReplicaSet ─ replicaset ─► Pod ─ scheduler ─► node ─► kubelet
//!                  └──────── garbage: what lost its owner or its namespace ────────┘
//! ```

pub mod deployment;
mod garbage;
pub mod replicaset;
pub mod scheduler;

use std::time::Duration;

use apiserver::resource::rows;
use apiserver::store::{DeleteOptions, Key, Part, Store};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::events::Recorder;
use crate::objects;
use scheduler::Placement;

/// How often events that are too old are looked for.
const EXPIRY: Duration = Duration::from_secs(60);

/// Runs every controller of a cluster; never ends.
pub async fn run(store: Store, events: Recorder) {
    let changes = store.subscribe(&[
        &rows::DEPLOYMENTS,
        &rows::REPLICA_SETS,
        &rows::PODS,
        &rows::NODES,
        &rows::NAMESPACES,
    ]);
    let mut minute = tokio::time::interval(EXPIRY);
    loop {
        garbage::collect(&store);
        deployments(&store);
        replica_sets(&store);
        schedule(&store);
        tokio::select! {
            () = changes.changed() => {}
            _ = minute.tick() => events.expire(jiff::Timestamp::now()),
        }
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
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}

fn deployments(store: &Store) {
    let sets: Vec<ReplicaSet> = objects::list(store, &rows::REPLICA_SETS);
    for deployment in objects::list::<Deployment>(store, &rows::DEPLOYMENTS) {
        if deployment.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let owned = owned_by(&deployment.metadata, &sets, |set| &set.metadata);
        let plan = deployment::plan(&deployment, &owned, &now());
        let namespace = deployment.metadata.namespace.clone().unwrap_or_default();
        let key = key(&rows::DEPLOYMENTS, &deployment.metadata);
        number_revision(store, &key, plan.revision);
        if let Some(set) = plan.create {
            let _ = store.create(&rows::REPLICA_SETS, &namespace, set);
        }
        for (name, replicas) in plan.scale {
            let key = Key::new(&rows::REPLICA_SETS, &*namespace, name);
            objects::change(store, &key, Part::Main, |set| {
                set["spec"]["replicas"] = json!(replicas)
            });
        }
        for name in plan.delete {
            let key = Key::new(&rows::REPLICA_SETS, &*namespace, name);
            let _ = store.delete(&key, &DeleteOptions::default());
        }
        objects::set_status(store, &key, &plan.status);
    }
}

fn number_revision(store: &Store, key: &Key, revision: i64) {
    objects::change(store, key, Part::Main, |object| {
        object["metadata"]["annotations"][deployment::REVISION] = json!(revision.to_string());
    });
}

fn replica_sets(store: &Store) {
    let pods: Vec<Pod> = objects::list(store, &rows::PODS);
    for set in objects::list::<ReplicaSet>(store, &rows::REPLICA_SETS) {
        if set.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let owned = owned_by(&set.metadata, &pods, |pod| &pod.metadata);
        let plan = replicaset::plan(&set, &owned);
        let namespace = set.metadata.namespace.clone().unwrap_or_default();
        for _ in 0..plan.create {
            let pod = replicaset::pod_of(&set, &replicaset::suffix(fastrand::u64(..)));
            if let Err(error) = store.create(&rows::PODS, &namespace, pod) {
                tracing::warn!(%error, "cannot create a pod");
            }
        }
        for name in plan.delete {
            let key = Key::new(&rows::PODS, &*namespace, name);
            let _ = store.delete(&key, &DeleteOptions::default());
        }
        objects::set_status(
            store,
            &key(&rows::REPLICA_SETS, &set.metadata),
            &plan.status,
        );
    }
}

fn schedule(store: &Store) {
    let nodes: Vec<Node> = objects::list(store, &rows::NODES);
    let (mut placed, waiting): (Vec<Pod>, Vec<Pod>) = objects::list::<Pod>(store, &rows::PODS)
        .into_iter()
        .partition(|pod| scheduler::node_of(pod).is_some());
    for mut pod in waiting {
        let key = key(&rows::PODS, &pod.metadata);
        match scheduler::place(&pod, &nodes, &placed) {
            Placement::Node(node) => {
                objects::change(store, &key, Part::Main, |pod| {
                    pod["spec"]["nodeName"] = json!(node)
                });
                pod.spec.get_or_insert_default().node_name = Some(node);
                placed.push(pod);
            }
            Placement::None(message) => {
                let status = unschedulable(&pod, &message);
                objects::set_status(store, &key, &status);
            }
        }
    }
}

fn unschedulable(pod: &Pod, message: &str) -> Value {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref());
    let before = conditions
        .unwrap_or_default()
        .iter()
        .find(|it| it.type_ == "PodScheduled");
    let since = before
        .and_then(|it| it.last_transition_time.as_ref())
        .map(|time| time.0.to_string());
    json!({
        "phase": "Pending",
        "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": message, "lastTransitionTime": since.unwrap_or_else(now),
        }],
    })
}

fn owned_by<T: Clone>(owner: &ObjectMeta, all: &[T], metadata: fn(&T) -> &ObjectMeta) -> Vec<T> {
    let mine =
        |it: &&T| controller_uid(metadata(it)).is_some_and(|uid| owner.uid.as_deref() == Some(uid));
    all.iter().filter(mine).cloned().collect()
}

fn key(resource: &'static apiserver::resource::Resource, metadata: &ObjectMeta) -> Key {
    let namespace = metadata.namespace.clone().unwrap_or_default();
    Key::new(
        resource,
        namespace,
        metadata.name.clone().unwrap_or_default(),
    )
}
