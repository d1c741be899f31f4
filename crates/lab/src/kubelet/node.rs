//! The nodes' own state: their conditions, and the signs of life that say they still hold.

use std::time::Duration;

use apiserver::object;
use apiserver::resource::rows;
use apiserver::store::{Key, Part, Store};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

use super::Kubelet;
use crate::controllers::now;
use crate::events::Reference;
use crate::objects;

/// Where Kubernetes keeps the nodes' leases.
const LEASES: &str = "kube-node-lease";
/// Kubernetes: a lease is renewed four times in its duration …
const RENEWAL: Duration = Duration::from_secs(10);
const LEASE_SECONDS: u32 = 40;
/// … and the conditions are written every five minutes where nothing changes.
const RENEWALS_A_HEARTBEAT: u32 = 30;

/// Kubernetes' conditions of a node without trouble: type, status, reason and message.
const CONDITIONS: [(&str, &str, &str, &str); 4] = [
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    (
        "DiskPressure",
        "False",
        "KubeletHasNoDiskPressure",
        "kubelet has no disk pressure",
    ),
    (
        "PIDPressure",
        "False",
        "KubeletHasSufficientPID",
        "kubelet has sufficient PID available",
    ),
    (
        "Ready",
        "True",
        "KubeletReady",
        "kubelet is posting ready status",
    ),
];

/// The conditions of a node that starts now.
pub(crate) fn conditions(now: &str) -> Vec<Value> {
    let condition = |(kind, status, reason, message): (&str, &str, &str, &str)| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    CONDITIONS.map(condition).to_vec()
}

/// Go's name of this machine's processors, as images and labels have it.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Kubelet {
    /// Keeps the nodes alive in the eyes of the cluster; never ends.
    pub(super) async fn keep_nodes(&self) {
        self.tell_of_start();
        let mut interval = tokio::time::interval(RENEWAL);
        for round in 0_u32.. {
            interval.tick().await;
            for node in self.store.list(&rows::NODES, None).items {
                renew(&self.store, &node);
                if round > 0 && round.is_multiple_of(RENEWALS_A_HEARTBEAT) {
                    beat(&self.store, object::name(&node), &now());
                }
            }
        }
    }

    fn tell_of_start(&self) {
        for node in objects::list::<Node>(&self.store, &rows::NODES) {
            let name = node.metadata.name.clone().unwrap_or_default();
            let (reporter, about) = (self.events.kubelet(&*name), Reference::to(&node));
            reporter.normal(&about, "Starting", "Starting kubelet.");
            let ready = format!("Node {name} status is now: NodeReady");
            reporter.normal(&about, "NodeReady", ready);
        }
    }
}

/// Writes the lease of a node, and makes it where there is none.
fn renew(store: &Store, node: &Value) {
    let name = object::name(node);
    let time = format!("{:.6}", Timestamp::now());
    let key = Key::new(&rows::LEASES, LEASES, name);
    if store.get(&key).is_ok() {
        objects::change(store, &key, Part::Main, |lease| {
            lease["spec"]["renewTime"] = json!(time);
        });
        return;
    }
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": name, "uid": object::uid(node)},
        ]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": time},
    });
    if let Err(error) = store.create(&rows::LEASES, LEASES, lease) {
        tracing::debug!(%error, name, "no lease yet");
    }
}

/// Says that a node's conditions are as they were.
fn beat(store: &Store, node: &str, now: &str) {
    let key = Key::new(&rows::NODES, "", node);
    objects::change(store, &key, Part::Status, |node| {
        let own = |it: &&mut Value| CONDITIONS.iter().any(|(kind, ..)| it["type"] == *kind);
        let conditions = node["status"]["conditions"].as_array_mut();
        for condition in conditions.into_iter().flatten().filter(own) {
            condition["lastHeartbeatTime"] = json!(now);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use apiserver::store::{RingLimits, SystemSource};

    use super::*;

    const THEN: &str = "2026-11-21T06:00:00Z";
    const LATER: &str = "2026-11-21T06:05:00Z";

    fn store() -> (Store, Value) {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        let node = json!({
            "metadata": {"name": "n"},
            "status": {"conditions": conditions(THEN)},
        });
        store.create(&rows::NODES, "", node).unwrap();
        let namespace = json!({"metadata": {"name": LEASES}});
        store.create(&rows::NAMESPACES, "", namespace).unwrap();
        let node = store.get(&Key::new(&rows::NODES, "", "n")).unwrap();
        let node = (*node).clone();
        (store, node)
    }

    #[test]
    fn a_heartbeat_is_no_transition_and_leaves_the_conditions_of_others() {
        let (store, _) = store();
        let key = Key::new(&rows::NODES, "", "n");
        objects::change(&store, &key, Part::Status, |node| {
            let others = json!({"type": "Other", "lastHeartbeatTime": THEN});
            node["status"]["conditions"]
                .as_array_mut()
                .unwrap()
                .push(others);
        });
        beat(&store, "n", LATER);
        let node = store.get(&key).unwrap();
        let conditions = node["status"]["conditions"].as_array().unwrap();
        assert_eq!(conditions.len(), 5);
        for condition in &conditions[..4] {
            assert_eq!(condition["lastHeartbeatTime"], LATER);
            assert_eq!(condition["lastTransitionTime"], THEN);
        }
        assert_eq!(conditions[4]["lastHeartbeatTime"], THEN);
    }

    #[test]
    fn a_lease_is_made_once_and_then_renewed() {
        let (store, node) = store();
        renew(&store, &node);
        let key = Key::new(&rows::LEASES, LEASES, "n");
        let first = store.get(&key).unwrap();
        assert_eq!(first["spec"]["holderIdentity"], "n");
        renew(&store, &node);
        let second = store.get(&key).unwrap();
        assert_eq!(object::uid(&first), object::uid(&second));
        let time = |it: &Value| it["spec"]["renewTime"].as_str().unwrap().to_owned();
        assert!(time(&first) < time(&second));
    }
}
