//! Carries out what is decided for claims, and reclaims volumes whose claims are gone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use apiserver::resource::{Resource, rows};
use apiserver::store::{DeleteOptions, Key, Part, Store};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::{Value, json};

use super::{
    CLAIM_FINALIZER, Verdict, bind, capacity, class_of, decide, uses, volume, volume_name,
};
use crate::controllers::{Cluster, key};
use crate::events::{Recorder, Reference, Reporter};
use crate::objects;

/// Binds claims to volumes of the lab.
pub(in crate::controllers) struct Controller {
    binder: Reporter,
    provisioner: Reporter,
    /// What was told last of each waiting claim, by its uid.
    told: HashMap<String, &'static str>,
}

impl Controller {
    pub(in crate::controllers) fn new(events: &Recorder) -> Self {
        Self {
            binder: events.controller("persistentvolume-controller"),
            provisioner: events.controller(super::PROVISIONER),
            told: HashMap::new(),
        }
    }

    /// One look at every claim and volume.
    pub(in crate::controllers) fn pass(&mut self, cluster: &mut Cluster) {
        let (claims, volumes) = (cluster.claims.list(), cluster.volumes.list());
        if claims.is_empty() && volumes.is_empty() {
            return;
        }
        let (pods, classes) = (cluster.pods.list(), cluster.storage_classes.list());
        let store = &cluster.api.store;
        for claim in &claims {
            let is_used = pods.iter().any(|pod: &Arc<Pod>| uses(pod, claim));
            if claim.metadata.deletion_timestamp.is_some() {
                if !is_used {
                    unprotect(
                        store,
                        &key(&rows::PERSISTENT_VOLUME_CLAIMS, &claim.metadata),
                    );
                }
            } else if !is_bound(claim) {
                self.settle(store, claim, &classes, is_used);
            }
        }
        let uids: HashSet<&str> = claims
            .iter()
            .filter_map(|it| it.metadata.uid.as_deref())
            .collect();
        self.told.retain(|uid, _| uids.contains(uid.as_str()));
        for volume in volumes.iter().filter(|it| !uids.contains(claim_uid(it))) {
            reclaim(store, volume);
        }
    }

    fn settle(
        &mut self,
        store: &Store,
        claim: &PersistentVolumeClaim,
        classes: &[Arc<StorageClass>],
        is_used: bool,
    ) {
        let wanted = class_of(claim);
        let class = classes
            .iter()
            .find(|it| it.metadata.name.as_deref() == Some(wanted));
        let class = class.map(Arc::as_ref);
        match (decide(claim, class, is_used), class) {
            (Verdict::Provision, Some(class)) => self.provision(store, claim, class),
            (Verdict::Provision, None) => {}
            (Verdict::Wait(notice), _) => {
                let uid = claim.metadata.uid.clone().unwrap_or_default();
                if self.told.insert(uid, notice.reason) == Some(notice.reason) {
                    return;
                }
                let about = Reference::to(claim);
                if notice.is_warning {
                    self.binder.warning(&about, notice.reason, notice.message);
                } else {
                    self.binder.normal(&about, notice.reason, notice.message);
                }
            }
        }
    }

    fn provision(&self, store: &Store, claim: &PersistentVolumeClaim, class: &StorageClass) {
        let (about, name) = (Reference::to(claim), volume_name(claim));
        let key = key(&rows::PERSISTENT_VOLUME_CLAIMS, &claim.metadata);
        let provisioning = format!(
            "External provisioner is provisioning volume for claim \"{}/{}\"",
            key.namespace, key.name
        );
        self.provisioner
            .normal(&about, "Provisioning", provisioning);
        if let Err(error) = store.create(&rows::PERSISTENT_VOLUMES, "", volume(claim, class)) {
            // It is there already where the claim could not be written the last time.
            tracing::debug!(%error, name, "no new volume");
        }
        objects::change(store, &key, Part::Main, |it| bind(it, &name));
        let spec = claim.spec.clone().unwrap_or_default();
        let status = json!({
            "phase": "Bound", "accessModes": spec.access_modes, "capacity": capacity(claim),
        });
        objects::set_status(store, &key, &status);
        let provisioned = format!("Successfully provisioned volume {name}");
        self.provisioner
            .normal(&about, "ProvisioningSucceeded", provisioned);
    }
}

fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    let spec = claim.spec.as_ref();
    spec.is_some_and(|it| it.volume_name.as_deref().is_some_and(|it| !it.is_empty()))
}

fn claim_uid(volume: &PersistentVolume) -> &str {
    let claim = volume.spec.as_ref().and_then(|it| it.claim_ref.as_ref());
    claim.and_then(|it| it.uid.as_deref()).unwrap_or_default()
}

/// Nothing uses it any more, so that its deletion may go on.
fn unprotect(store: &Store, key: &Key) {
    objects::change(store, key, Part::Main, |it| {
        without(&mut it["metadata"]["finalizers"], CLAIM_FINALIZER);
    });
}

fn without(finalizers: &mut Value, name: &str) {
    if let Some(all) = finalizers.as_array_mut() {
        all.retain(|it| it != name);
    }
}

fn reclaim(store: &Store, volume: &PersistentVolume) {
    const VOLUMES: &Resource = &rows::PERSISTENT_VOLUMES;
    let key = key(VOLUMES, &volume.metadata);
    let spec = volume.spec.clone().unwrap_or_default();
    if spec.persistent_volume_reclaim_policy.as_deref() == Some("Retain") {
        objects::change(store, &key, Part::Status, |it| {
            it["status"]["phase"] = json!("Released");
        });
        return;
    }
    objects::change(store, &key, Part::Main, |it| {
        it["metadata"]["finalizers"] = json!([]);
    });
    // Somebody may have been faster.
    let _ = store.delete(&key, &DeleteOptions::default());
}
