//! Claims that pods mount: a pod waits for theirs, and what is behind a claim goes with its volume.

use std::collections::HashMap;

use apiserver::object;
use apiserver::resource::rows;
use apiserver::store::{Key, Store};
use serde_json::Value;

use super::pod::PodRun;
use super::{Kubelet, folders};

/// Why a pod's claims cannot be mounted yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unmet {
    /// There is none; a kubelet's words.
    Missing(String),
    /// It has no volume yet.
    Unbound,
}

/// The first claim of the pod that is not there.
pub(super) fn unmet(pod: &PodRun) -> Option<Unmet> {
    let volumes = pod
        .pod
        .spec
        .iter()
        .flat_map(|it| it.volumes.iter().flatten());
    let mut claims =
        volumes.filter_map(|it| Some((&it.name, it.persistent_volume_claim.as_ref()?)));
    claims.find_map(|(volume, claim)| {
        unmet_claim(
            &pod.kubelet.store,
            &pod.key.namespace,
            volume,
            &claim.claim_name,
        )
    })
}

fn unmet_claim(store: &Store, namespace: &str, volume: &str, claim: &str) -> Option<Unmet> {
    let key = Key::new(&rows::PERSISTENT_VOLUME_CLAIMS, namespace, claim);
    match store.get(&key) {
        Ok(claim) if object::text(&claim, &["status", "phase"]) == "Bound" => None,
        Ok(_) => Some(Unmet::Unbound),
        Err(_) => Some(Unmet::Missing(format!(
            "Unable to attach or mount volumes: unmounted volumes=[{volume}], unattached volumes=[], \
             failed to process volumes=[{volume}]: error processing PVC {namespace}/{claim}: failed to \
             fetch PVC from API server: persistentvolumeclaims {claim:?} not found"
        ))),
    }
}

/// Namespace and name of a volume's claim.
fn claim_of(volume: &Value) -> (String, String) {
    let of = |member| object::text(volume, &["spec", "claimRef", member]).to_owned();
    (of("namespace"), of("name"))
}

impl Kubelet {
    /// Removes the data of volumes that are gone; never ends.
    pub(super) async fn follow_volumes(&self) {
        let changes = self.store.subscribe(&[&rows::PERSISTENT_VOLUMES]);
        let mut known = HashMap::new();
        loop {
            let volumes = self.store.list(&rows::PERSISTENT_VOLUMES, None).items;
            let now: HashMap<String, _> = volumes
                .iter()
                .map(|it| (object::uid(it).to_owned(), claim_of(it)))
                .collect();
            for (uid, claim) in &known {
                if !now.contains_key(uid) {
                    self.reclaim(claim);
                }
            }
            known = now;
            changes.changed().await;
        }
    }

    fn reclaim(&self, (namespace, name): &(String, String)) {
        let claim = Key::new(&rows::PERSISTENT_VOLUME_CLAIMS, &**namespace, &**name);
        // A new claim of the same name has the folder by now.
        if self.store.get(&claim).is_err() {
            folders::reclaim(&self.state, self.facts.name, namespace, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use apiserver::store::{RingLimits, SystemSource};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_waits_for_a_claim_until_it_is_bound() {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        let claims = &rows::PERSISTENT_VOLUME_CLAIMS;
        let namespace = json!({"metadata": {"name": "n"}});
        store.create(&rows::NAMESPACES, "", namespace).unwrap();
        let unmet = || unmet_claim(&store, "n", "v", "data");
        assert!(matches!(unmet(), Some(Unmet::Missing(why)) if why.contains("\"data\" not found")));
        let claim = json!({"metadata": {"name": "data"}, "status": {"phase": "Pending"}});
        store.create(claims, "n", claim).unwrap();
        assert_eq!(unmet(), Some(Unmet::Unbound));
        let key = Key::new(claims, "n", "data");
        crate::objects::set_status(&store, &key, &json!({"phase": "Bound"}));
        assert_eq!(unmet(), None);
    }
}
